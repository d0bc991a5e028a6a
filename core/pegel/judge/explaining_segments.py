"""Which segments explain a change of the whole: those without whose rows the others look as in training.

The size of a change is that of chi-squared over its cells, without what chance alone contributes. What a set of
segments explains is the part of it that is gone once their rows are left out on both sides. So a change everywhere is
explained by none, one confined to a segment by that one, and so is one that comes of a segment having become more
frequent. It is a measure, no test: what it names is told with a finding about the whole, and costs no false alarms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.judge.findings import Finding
from pegel.stats.summary import Summary

EXPLAINS = 2 / 3
"""Segments are named where they explain at least this part of a change …"""
MOST_NAMED = 3
"""… and are no more than so many, of one column; more of them are hardly "a part of the rows"."""
CLEAR = 5.0
"""A change is parted only if it exceeds what chance alone contributes by so many of its standard deviations."""
OF_DISTRIBUTIONS = frozenset({"drift", "cusum"})
"""Detectors that look at how the values of one field are distributed."""
EVIDENCE = "segments"
"""Where a finding about the whole keeps which segments explain it."""
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Explained:
    """Segments of one column that together explain a change. `part`: of the change; `rows`: of the rows of now."""

    names: tuple[str, ...]
    part: float
    rows: float

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"names": list(self.names), "part": self.part, "rows": self.rows}


def with_segments(
    findings: Iterable[Finding], baseline: Baseline, summary: Summary, segments: Mapping[str, Summary], span: Span
) -> tuple[Finding, ...]:
    """Return findings about the whole, those about the distribution of a field with the segments that explain them."""
    return tuple(
        finding
        if finding.detector not in OF_DISTRIBUTIONS or not segments or finding.feature not in baseline.layout.index
        else _with(finding, explained(baseline, summary, segments, finding.feature, span))
        for finding in findings
    )


def explained(
    baseline: Baseline, summary: Summary, segments: Mapping[str, Summary], feature: str, span: Span
) -> Explained | None:
    """Return the fewest segments of one column that explain most of a field's change; None where there are no such.

    A column does not explain itself: that the rows of a segment became more is what its own change says.
    """
    season = baseline.season(span.start, span.end)
    sides = _Sides(baseline, summary, segments, feature, season)
    whole = sides.size(sides.before, sides.now)
    if whole is None or whole.excess < CLEAR * whole.noise:
        return None
    found = (
        _of_column(sides, one.names, whole.excess)
        for one in baseline.segments.segments.columns
        if one.column != feature
    )
    named = [each for each in found if each is not None]
    return min(named, key=lambda each: (len(each.names), -each.part), default=None)


def _with(finding: Finding, found: Explained | None) -> Finding:
    return finding if found is None else replace(finding, evidence=finding.evidence | {EVIDENCE: found.to_json()})


def _of_column(sides: _Sides, names: Iterable[str], whole: float) -> Explained | None:
    """Leave out segment after segment, each time the one without which least of the change is left."""
    left, chosen = [name for name in names if sides.has(name)], list[str]()
    before, now = sides.before, sides.now
    while left and len(chosen) < MOST_NAMED:
        without = {name: (before - sides.trained(name), now - sides.seen(name)) for name in left}
        sizes = {name: sides.size(*both) for name, both in without.items()}
        known = {name: size.excess for name, size in sizes.items() if size is not None}
        if not known:
            return None
        best = min(known, key=lambda name: (known[name], name))
        before, now = without[best]
        left.remove(best)
        chosen.append(best)
        part = 1 - max(0.0, known[best]) / whole
        if part >= EXPLAINS:
            rows = 1 - now.sum() / sides.now.sum()
            return Explained(tuple(chosen), part, float(rows))
    return None


@dataclass(frozen=True, slots=True)
class _Size:
    """How far two counts differ per row beyond chance, and the standard deviation of what chance contributes."""

    excess: float
    noise: float


class _Sides:
    """Training and now of one field, as coarse counts, of the whole and of each segment."""

    def __init__(
        self, baseline: Baseline, summary: Summary, segments: Mapping[str, Summary], feature: str, season: int | None
    ) -> None:
        place = baseline.layout.index[feature]
        self._layout = baseline.layout.features[place]
        self._place = baseline.layout.places[place]
        self._trained, self._segments, self._season = baseline.segments.summaries, segments, season
        self.before = self._counts(baseline.summary, season)
        self.now = self._counts(summary, None)

    def _counts(self, summary: Summary, season: int | None) -> Counts:
        none = np.zeros_like(summary.cells)
        cells = summary.cells if season is None else summary.season_cells.get(season, none)
        return self._layout.report(cells[self._place])

    def has(self, name: str) -> bool:
        return name in self._trained or name in self._segments

    def trained(self, name: str) -> Counts:
        known = self._trained.get(name)
        return np.zeros_like(self.before) if known is None else self._counts(known, self._season)

    def seen(self, name: str) -> Counts:
        known = self._segments.get(name)
        return np.zeros_like(self.now) if known is None else self._counts(known, None)

    def size(self, before: Counts, now: Counts) -> _Size | None:
        """Return the size of a change; None where one side has no rows."""
        m, n = int(before.sum()), int(now.sum())
        if not m or not n:
            return None
        both = before + now > 0
        p, q = before[both] / m, now[both] / n
        pooled = (before[both] + now[both]) / (m + n)
        df, per_row = int(both.sum()) - 1, 1 / m + 1 / n
        squares = float((((q - p) ** 2) / pooled).sum())
        return _Size(squares - df * per_row, math.sqrt(2 * df) * per_row)
