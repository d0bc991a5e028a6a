"""What came of traffic, in words."""

from __future__ import annotations

from pegel.spec.plain_numbers import how_many
from pegel_local.traffic.loops import Loop, OpenLoop
from pegel_local.traffic.timed_answers import AnswerCounts

MOST_BEHIND_S = 0.5
"""Beyond that the rate was not the one that was asked for."""


def summary(counts: AnswerCounts, address: str, loop: Loop) -> str:
    """Return what came of it, for people."""
    seen = [f"{counts.answered:,} answered", f"{counts.refused:,} refused", f"{counts.failed:,} failed"]
    seen += [f"{counts.under_way:,} not waited for"] if counts.under_way else []
    kinds = ", ".join(f"{count:,} x {kind}" for kind, count in sorted(counts.kinds.items()))
    rate = "" if counts.rate is None else f" ({counts.rate:.1f} a second)"
    lines = [
        f"{how_many(counts.sent, 'request')} sent to {address} in {counts.sending_s:.1f} s{rate}",
        *_on_purpose(counts),
        f"{', '.join(seen)}{f' ({kinds})' if kinds else ''}",
    ]
    if times := ", ".join(f"{name} {value:g} ms" for name, value in counts.percentiles_ms().items()):
        since = "was due" if isinstance(loop, OpenLoop) else "was sent; what waits for a free connection is not in it"
        lines.append(f"answered in {times}, from when a request {since}")
    return "\n".join(lines + _shortfalls(counts, loop))


def _on_purpose(counts: AnswerCounts) -> list[str]:
    """Return what was put in on purpose, and since when."""
    if counts.changes_from is None:
        return []
    parts = [f"{how_many(counts.changed, 'row')} changed"] if counts.changed else []
    parts += [how_many(counts.outliers, "outlier")] if counts.outliers else []
    parts += [f"{how_many(counts.copies, 'request')} sent twice"] if counts.copies else []
    return [f"on purpose, from {counts.changes_from:%H:%M:%S} UTC: {', '.join(parts)}"]


def _shortfalls(counts: AnswerCounts, loop: Loop) -> list[str]:
    """Return what was asked for and not done."""
    lines = []
    if counts.unsent:
        lines.append(f"{how_many(counts.unsent, 'request')} of those that were due not sent: the time was over before")
    if isinstance(loop, OpenLoop) and counts.behind_s > MOST_BEHIND_S:
        because = (
            f"{how_many(counts.crowded, 'request')} waited while {loop.under_way} had no answer, so the server cannot "
            "keep up with it"
            if counts.crowded
            else "this machine cannot send as fast"
        )
        lines.append(
            f"expected {loop.rate:g} a second; requests were sent up to {counts.behind_s:.1f} s late: {because}"
        )
    return lines
