"""Windows into the parts of a long span: one part for each baseline, its counts those of all rows counted at once.

Counts that were made for different baselines are never added, even where their cells are the same: what one part says
is what its own baseline was held against.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.longspans.long_span_row import LongSpanRow
from pegel.longspans.tiling import cover
from pegel.stats.answer_latencies import Latencies
from pegel.stats.summary import Summary
from pegel.stream.result_rows import WindowRow

COUNTS = ("requests", "responses", "joined", "rows", "late", "duplicates", "invalid", "clamped", "orphans")
"""What of windows adds up."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of some windows, or of one: counts as in the row of a window.

    `summary` None: no rows in any cells. `part`: from the begin of the first window to the end of the last.
    """

    baseline_id: str | None
    layout_hash: str | None
    part: Span
    windows: int
    counts: Mapping[str, int]
    latencies: Latencies = field(default_factory=Latencies)
    summary: Summary | None = None
    recounted: int = 0

    @classmethod
    def of_window(cls, row: WindowRow, baseline: Baseline | None) -> Counted:
        """Read what a final window counted, in the cells of its baseline; without it only its counts are known.

        Raises LayoutMismatch for a window that was counted in other cells.
        """
        summary = None
        if row.summary and baseline is not None:
            summary = Summary.from_bytes(row.summary, baseline.layout)
            note_season(summary, baseline, row.span)
        return cls(row.baseline_id, row.layout_hash, row.span, 1, _counts(row), row.latencies, summary)

    @classmethod
    def of_long_span(cls, stored: LongSpanRow, baseline: Baseline | None) -> Counted:
        """Read what a part of a shorter long span counted, likewise."""
        row = stored.row
        summary = Summary.from_bytes(row.summary, baseline.layout) if row.summary and baseline is not None else None
        return cls(
            row.baseline_id,
            row.layout_hash,
            stored.part,
            stored.windows,
            _counts(row),
            row.latencies,
            summary,
            stored.recounted,
        )


def _counts(row: WindowRow) -> dict[str, int]:
    return {name: int(getattr(row, name)) for name in COUNTS}


def note_season(summary: Summary, baseline: Baseline, span: Span) -> None:
    """Note from which season the rows of a window are: a day is held against each season's own rows of the baseline.

    A window that lies in two seasons was counted without telling them apart, and nothing is noted.
    """
    season = None if baseline.noise.seasons is None else baseline.season(span.start, span.end)
    if season is not None and not summary.season_cells:
        summary.season_cells[season] = summary.cells.copy()


def parts_of(counted: Iterable[Counted]) -> list[Counted]:
    """Add up what was counted, at least one, by baseline: the parts of a span in order of time.

    Windows without rows have no baseline where none was current. They are told with the part before them, or with the
    first one, unless there is nothing else.
    """
    ordered = sorted(counted, key=lambda one: one.part.start)
    known = [one.baseline_id for one in ordered if one.baseline_id is not None]
    if not known:
        return [together(ordered)]
    by_baseline: dict[str, list[Counted]] = {}
    current = known[0]
    for one in ordered:
        current = one.baseline_id if one.baseline_id is not None else current
        by_baseline.setdefault(current, []).append(one)
    return [together(some) for some in by_baseline.values()]


def together(counted: Sequence[Counted]) -> Counted:
    """Return what was counted, at least one, as one. Raises LayoutMismatch if the cells are not the same."""
    summaries = [one.summary for one in counted if one.summary is not None]
    latencies = Latencies()
    for one in counted:
        latencies.merge(one.latencies)
    named = next((one for one in counted if one.baseline_id is not None), counted[0])
    counted_in = next((one for one in counted if one.layout_hash is not None), counted[0])
    return Counted(
        baseline_id=named.baseline_id,
        layout_hash=counted_in.layout_hash,
        part=cover([one.part for one in counted]),
        windows=sum(one.windows for one in counted),
        counts={name: sum(one.counts[name] for one in counted) for name in COUNTS},
        latencies=latencies,
        summary=Summary.total(summaries) if summaries else None,
        recounted=sum(one.recounted for one in counted),
    )


def window_key(span: Span, revision: int, baseline_id: str | None, rows: int) -> str:
    """Return what tells one final window from another: which it is, how often and by what it was counted."""
    return f"{span.start.isoformat()} {span.end.isoformat()} {revision} {baseline_id} {rows}"


def digest(windows: Iterable[str]) -> str:
    """Return a digest of the windows that a span is made of, by their keys."""
    return hashlib.sha256("\n".join(sorted(windows)).encode()).hexdigest()[:32]
