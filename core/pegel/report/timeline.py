"""Windows over time as one picture: how many rows, what verdict, what came late or could not be read.

A verdict is told by form as well as by colour: a drifting window is a full block with a triangle above it (three
quarters where only many windows together differ), one below the margin is a half block, one without a judgement is
hollow, and so is one of which only events were found to be odd. Odd events have bars of their own below the verdicts,
at the time that they are about: that of requests is earlier than the window that tells of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from pegel.alerts.alert_kind import AlertKind
from pegel.data.spans import Span
from pegel.judge.answer_times import answer_times
from pegel.judge.findings import ALARMING, Finding, Verdict
from pegel.report.words import VERDICT_WORDS
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import how_many
from pegel.stream.result_rows import WindowRow

WIDTH, HEIGHT = 100.0, 128.0
"""Percents of whatever room there is, so that bars become narrow on a phone and letters do not; pixels."""
_LANE, _LANE_HEIGHT = 18.0, 16.0
_BARS, _BAR_HEIGHT = 36.0, 5.0
_GROUND, _TALLEST = 106.0, 62.0
_JUDGED = {Verdict.OK: 0.25, Verdict.BELOW_MARGIN: 0.5, Verdict.DRIFTING: 0.75, Verdict.DRIFT: 1.0}
_STEPS = tuple(
    timedelta(seconds=s) for s in (5, 10, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800)
)
_TICKS = 9
_HALF_LETTER = 0.8
"""Percents of a phone's width that half a letter takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineBar:
    """One window of the picture, or several as one: `span` reaches over them, `verdict` is the worst."""

    span: Span
    rows: int
    late: int
    invalid: int
    final: bool
    verdict: Verdict
    words: str
    """What a mouse over it shows."""
    link: str = ""
    """Where a press on it leads, ready for an attribute; empty: nowhere."""

    @classmethod
    def of(cls, row: WindowRow, link: str = "") -> TimelineBar:
        """Return the bar of one window."""
        counts = {"rows": row.rows, "late": row.late, "invalid": row.invalid}
        return cls(span=row.span, **counts, final=row.final, verdict=row.verdict, words=told(row), link=link)


def timeline(windows: Sequence[WindowRow], findings: Sequence[Finding] = (), *, title: str) -> str:
    """Return the windows, given in order of time, and their findings as SVG; an empty string without windows."""
    return bars_timeline([TimelineBar.of(row) for row in windows], findings, title=title)


def bars_timeline(windows: Sequence[TimelineBar], findings: Sequence[Finding] = (), *, title: str) -> str:
    """Return bars, given in order of time, and findings as SVG; an empty string without bars."""
    if not windows:
        return ""
    start, end = windows[0].span.start, max(row.span.end for row in windows)
    scale = WIDTH / (end - start).total_seconds()
    most = max(1, *(row.rows + row.late + row.invalid for row in windows))
    events = [one for one in findings if AlertKind.of(one) is AlertKind.EVENTS]
    drift = {one.span for one in findings if AlertKind.of(one) in {AlertKind.DRIFT, AlertKind.QUALITY}}
    odd_alone = {one.span for one in events} - drift
    body = "".join(
        _window(row, (row.span.start - start).total_seconds() * scale, scale, most, odd_alone=row.span in odd_alone)
        for row in windows
    )
    body += "".join(_bar(one, start, end, scale) for one in events)
    return (
        f'<svg class="pegel-timeline" role="img" height="{HEIGHT:g}"><title>{escape(title)}</title>'
        f'{body}<line class="axis" x1="0" x2="{WIDTH:g}%" y1="{_GROUND:g}" y2="{_GROUND:g}"/>'
        f"{time_axis(start, end, y=HEIGHT - 6)}</svg>"
    )


def told(row: WindowRow) -> str:
    """Return one window in words: what a mouse over it shows, and what a table says."""
    extra = [f"{count:,} {name}" for name, count in (("late", row.late), ("invalid", row.invalid)) if count]
    unanswered = row.requests - row.joined
    asked = how_many(row.requests, "request")
    extra += [f"{unanswered:,} of {asked} without an answer"] if row.final and unanswered else []
    extra += answer_times(row.latencies, row.orphans)
    kind = [] if row.final else ["provisional"]
    counted = ", ".join([how_many(row.rows, "row"), *extra, *kind])
    return f"{row.span.start:%Y-%m-%d %H:%M:%S} to {row.span.end:%H:%M:%S} UTC: {VERDICT_WORDS[row.verdict]}, {counted}"


def _window(row: TimelineBar, x: float, scale: float, most: int, *, odd_alone: bool) -> str:
    """Return one window: the verdict above, the rows below with what was late or invalid on top."""
    full = (row.span.end - row.span.start).total_seconds() * scale
    width = max(full - min(0.1, full * 0.15), 0.04)
    # Who comes by keyboard has the same links in the table of numbers: the picture is no row of stops.
    group = f'<a href="{row.link}" tabindex="-1">' if row.link else "<g>"
    parts = [f"{group}<title>{escape(row.words)}</title>", _verdict(row, x, width, odd_alone=odd_alone)]
    if row.link:
        parts.append(_block("press", x, _LANE, max(width, full), _GROUND - _LANE))
    y = _GROUND
    for kind, count in (("rows", row.rows), ("late", row.late), ("invalid", row.invalid)):
        height = count / most * _TALLEST
        if height > 0:
            y -= height
            state = "" if row.final else " provisional"
            parts.append(_block(f"{kind}{state}", x, y, width, height))
    return "".join([*parts, "</a>" if row.link else "</g>"])


def _bar(finding: Finding, start: datetime, end: datetime, scale: float) -> str:
    """Return when odd events came, as far as it lies between `start` and `end`; of requests, when they were made."""
    evidence, span = finding.evidence, finding.span
    first = datetime.fromisoformat(evidence["asked_from"]) if "asked_from" in evidence else span.start
    last = datetime.fromisoformat(evidence["asked_to"]) if "asked_to" in evidence else span.end
    left, right = ((min(max(at, start), end) - start).total_seconds() * scale for at in (first, last))
    if right <= left:
        return ""
    title = escape(shown(f"{finding.about}: {finding.what}", LONGEST_SENTENCE))
    return f"<g><title>{title}</title>{_block('odd', left, _BARS, right - left, _BAR_HEIGHT)}</g>"


def _verdict(row: TimelineBar, x: float, width: float, *, odd_alone: bool) -> str:
    if odd_alone and row.verdict is Verdict.DRIFT:
        return _block("verdict odd_alone", x, _LANE, width, _LANE_HEIGHT)
    height = _JUDGED.get(row.verdict, 1.0) * _LANE_HEIGHT
    y = _LANE + _LANE_HEIGHT - height
    block = _block(f"verdict {row.verdict.value}", x, y, width, height)
    if row.verdict not in ALARMING:
        return block
    mark = f'<svg x="{x + width / 2:.2f}%" overflow="visible"><path class="mark" d="M-4 {y - 3:.1f}h8l-4 -7Z"/></svg>'
    return f"{block}{mark}"


def _block(kind: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{kind}" x="{x:.2f}%" y="{y:.1f}" width="{width:.2f}%" height="{height:.1f}"/>'


def time_axis(start: datetime, end: datetime, *, y: float) -> str:
    """Return times at round steps, at the height `y`: at most about `_TICKS`, every other hidden in little room."""
    scale = WIDTH / (end - start).total_seconds()
    step = next((step for step in _STEPS if (end - start) / step <= _TICKS), _STEPS[-1])
    form = "%H:%M:%S" if step < timedelta(minutes=1) else "%H:%M" if step < timedelta(days=1) else "%m-%d"
    seconds = step.total_seconds()
    place = -(-start.timestamp() // seconds) * seconds
    texts: list[str] = []
    while place <= end.timestamp():
        x = (place - start.timestamp()) * scale
        when = f"{datetime.fromtimestamp(place, tz=start.tzinfo):{form}}"
        half = _HALF_LETTER * len(when)
        anchor = "start" if x < half else "end" if x > WIDTH - half else "middle"
        kind = "label other" if len(texts) % 2 else "label"
        texts.append(f'<text class="{kind}" x="{x:.2f}%" y="{y:g}" text-anchor="{anchor}">{when}</text>')
        place += seconds
    return "".join(texts)
