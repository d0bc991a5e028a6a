"""Rows that came after their window was final: their windows are counted again from the archive, all rows of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from pegel.baseline.baseline import Baseline
from pegel.data.instants import MINUTE
from pegel.data.spans import Span, floor
from pegel.longspans.window_sums import COUNTS, Counted, note_season
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary


@dataclass(frozen=True, slots=True)
class CountedAgain:
    """What the archive holds of one window: its rows in the baseline's cells, and of how many requests they are."""

    summary: Summary
    rows: int
    requests: int


class CountAgain(Protocol):
    """Counts windows of one model from the archive."""

    def __call__(
        self, spec: MonitorSpec, baseline: Baseline, windows: Sequence[Span], /
    ) -> Mapping[Span, CountedAgain | str]:
        """Return what the archive holds of each window, or in words why it cannot be read.

        A window is left out of which records are read that the archive has not.
        """
        ...


@dataclass(frozen=True, slots=True)
class Recounted:
    """Windows as they are counted now. `missing`: late events in no count; `unread`: what cannot be read, and why."""

    counted: list[Counted]
    missing: int
    unread: tuple[str, ...] = ()


def late_windows(
    counted: Sequence[Counted], late: Mapping[datetime, int], span: Span, length: timedelta
) -> dict[Span, int]:
    """Return the windows of a span for which events came late, and how many of them, those that had no other event too.

    `late`: by minute of their time. `length`: of a window. Where a minute has several windows, its late events are
    taken to be those of the windows that know of late ones, or of all.
    """
    known = [one.part for one in counted]
    found: dict[Span, int] = {}
    for minute, events in sorted(late.items()):
        of_minute = Span(minute, minute + MINUTE)
        touched = [part for part in known if _share(part, of_minute)]
        grid = floor(minute, length)
        while grid < of_minute.end:
            window = Span(grid, grid + length)
            if not any(_share(window, part) for part in touched) and span.start <= grid and window.end <= span.end:
                touched.append(window)
            grid += length
        knowing = {one.part for one in counted if one.counts["late"]}
        chosen = [part for part in touched if part in knowing] or touched
        for part in chosen:
            found[part] = found.get(part, 0)
        if chosen:
            found[chosen[0]] += events
    return found


def recounted(
    counted: Sequence[Counted],
    late: Mapping[Span, int],
    recount: CountAgain | None,
    spec: MonitorSpec,
    baseline_of: Callable[[str | None], Baseline | None],
    *,
    current: str | None = None,
) -> Recounted:
    """Return windows with those counted again for which events came late, and how many late events are in no count.

    `late`: windows with late events, see `late_windows`. One that had no other event is counted by the baseline of the
    window before it, and where all of them came late by the model's `current` one. What the archive has of a window is
    taken only if it holds all rows that the stream counted.
    """
    missing = sum(late.values())
    if recount is None or not late:
        return Recounted(list(counted), missing)
    unread: list[str] = []
    by_window = {one.part: one for one in counted}
    wanted: dict[str, list[Span]] = {}
    for window in sorted(late, key=lambda window: window.start):
        baseline_id = _baseline_id(window, counted) or current
        if baseline_id is not None:
            wanted.setdefault(baseline_id, []).append(window)
    for baseline_id, windows in wanted.items():
        baseline = baseline_of(baseline_id)
        if baseline is None:
            continue
        for window, again in recount(spec, baseline, windows).items():
            if isinstance(again, str):
                unread.append(again)
                continue
            before = by_window.get(window) or _empty(window, baseline)
            if again.rows < before.counts["rows"]:
                continue  # something of the window is gone from the archive
            missing -= late[window]
            note_season(again.summary, baseline, window)
            counts = {**before.counts, "rows": again.rows, "requests": max(again.requests, before.counts["requests"])}
            by_window[window] = replace(
                before,
                summary=again.summary,
                counts=counts,
                layout_hash=baseline.layout.layout_hash,
                recounted=1,
            )
    return Recounted(sorted(by_window.values(), key=lambda one: one.part.start), missing, tuple(unread))


def _share(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end


def _baseline_id(window: Span, counted: Sequence[Counted]) -> str | None:
    """Return the baseline of a window, or that of the last one before it, or of the first one after."""
    known = sorted((one for one in counted if one.baseline_id is not None), key=lambda one: one.part.start)
    before = [one for one in known if one.part.start <= window.start]
    chosen = before[-1:] or known[:1]
    return chosen[0].baseline_id if chosen else None


def _empty(window: Span, baseline: Baseline) -> Counted:
    return Counted(baseline.id, baseline.layout.layout_hash, window, 1, dict.fromkeys(COUNTS, 0))
