"""One field's baseline and window side by side: which counts are compared, and by which tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field
from pegel.data.spans import Span
from pegel.detect.across_seasons import seasonal_tests
from pegel.detect.detector import Detector, Evidence
from pegel.detect.detector_registry import detector
from pegel.detect.drift import Pair, tests_of
from pegel.detect.ranks import Counts
from pegel.errors import NotFound
from pegel.judge.chart_state import Carried
from pegel.spec.monitor_spec import Watch
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import NumericLayout
from pegel.stats.moments import Moments
from pegel.stats.summary import FeatureSummary, Summary

UNKNOWN = Moments(0, float("nan"), float("nan"), float("nan"), float("nan"))
"""A season has counts per cell, but no moments of its own."""


class Carries(Protocol):
    """Gives the values of earlier windows that were too few to judge."""

    def carried(self, name: str, season: int | None) -> Carried | None:
        """Return those of one field and season, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """One judged field.

    `before`, `now`: baseline and window as they are, for counts of nulls and the like. `reference`, `judged`: those
    whose distributions are compared: only the same season, and with the values carried from earlier windows.
    `by_season`: counts by season where a window crosses several. `why`: the reason why it cannot be judged.
    """

    before: FeatureSummary
    now: FeatureSummary
    reference: FeatureSummary
    judged: FeatureSummary
    dispersion: Dispersion | None = None
    by_season: tuple[tuple[Counts, Counts], ...] = ()
    why: str | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the field's name."""
        return self.before.layout.field.name

    @property
    def n(self) -> int:
        """Return how many values of the window are compared."""
        return self.judged.counted

    @property
    def m(self) -> int:
        """Return how many values of the baseline they are compared with."""
        return self.reference.counted


def compare(
    baseline: Baseline,
    summary: Summary,
    fields: Sequence[Field],
    span: Span,
    *,
    detectors: Sequence[str] = (),
    carries: Carries | None = None,
) -> list[Comparison]:
    """Return the two sides of each field.

    Args:
        baseline: The baseline.
        summary: The window.
        fields: Those that are judged.
        span: When the window was; says in which season it lies.
        detectors: Further tests; a field without the statistics they need cannot be judged.
        carries: Gives values of earlier windows; None for none.
    """
    season = baseline.season(span.start, span.end)
    lacking = _lacking(baseline, detectors)
    now = summary.features
    found = []
    for one in fields:
        before, window = baseline.features[one.name], now[one.name]
        made = Comparison(before, window, before, window, baseline.noise.dispersion.get(one.name))
        if lacking is not None and isinstance(before.layout, NumericLayout):
            made = replace(made, why=lacking)
        elif baseline.noise.seasons is not None:
            made = _of_season(made, baseline, summary, season)
        carried = None if carries is None or made.by_season else carries.carried(one.name, season)
        found.append(made if carried is None else _with(made, carried))
    return found


def drift_family(comparisons: Sequence[Comparison], detectors: Sequence[str] = ()) -> dict[str, list[Evidence]]:
    """Return the tests of each field's distribution, by name."""
    whole = [one for one in comparisons if not one.by_season]
    pairs = [Pair(one.before.layout, one.reference.cells, one.judged.cells, one.dispersion) for one in whole]
    found = {one.name: tests for one, tests in zip(whole, tests_of(pairs), strict=True)}
    for one in comparisons:
        if one.by_season:
            found[one.name] = seasonal_tests(one.before.layout, one.by_season, one.dispersion)
    for one in whole if detectors else ():
        if isinstance(one.before.layout, NumericLayout) and one.why is None:
            found[one.name] += _further(one, [detector(name) for name in detectors])
    return found


def kept_statistics(watch: Watch) -> tuple[str, ...]:
    """Return the names of the statistics that a baseline must keep for a wish. Raises NotFound for unknown names."""
    needs = [need for name in watch.detectors for need in detector(name).needs]
    return tuple(sorted({*watch.statistics, *needs}))


def _lacking(baseline: Baseline, detectors: Sequence[str]) -> str | None:
    """Return why further detectors cannot be used here, or None if they can."""
    needs: set[str] = set()
    for name in detectors:
        try:
            needs.update(detector(name).needs)
        except NotFound:
            return f"no detector named {name} is installed"
    absent = sorted(needs - set(baseline.layout.kept))
    return f"the baseline does not keep {', '.join(absent)}; refresh it" if absent else None


def _further(one: Comparison, made: Sequence[Detector]) -> list[Evidence]:
    """Return the tests of further detectors.

    What they keep is neither carried over from earlier windows nor known by season.
    """
    whole = one.judged is one.now and one.reference is one.before
    usable = [each for each in made if whole or not each.needs]
    tests = [each.test(one.reference, one.judged) for each in usable]
    return [test for test in tests if test is not None]


def _of_season(made: Comparison, baseline: Baseline, summary: Summary, season: int | None) -> Comparison:
    """Compare with the rows of the baseline from the same season, or season by season."""
    seasons = baseline.noise.seasons
    place = slice(*baseline.layout.offsets[baseline.layout.index[made.name] :][:2])
    counts = {known: cells[place] for known, cells in baseline.summary.season_cells.items()}
    if season is not None:
        label = "" if seasons is None else seasons.label(season)
        if season not in counts:
            return replace(made, why=f"the baseline has no rows of {label}")
        reference = made.before.recounted(counts[season], moments=UNKNOWN)
        return replace(made, reference=reference, evidence={"season": label})
    present = sorted(summary.season_cells)
    by_season = tuple(
        (counts.get(known, np.zeros(0, dtype=np.int64)), summary.season_cells[known][place]) for known in present
    )
    if sum(int(now.sum()) for _, now in by_season) < made.now.counted or not set(present) <= set(counts):
        return replace(made, why="the window crosses hours that the baseline tells apart, and was not counted by them")
    return replace(made, by_season=by_season)


def _with(made: Comparison, carried: Carried) -> Comparison:
    judged = made.now.recounted(carried.plus(made.now.cells))
    told = {
        "since": carried.since.isoformat(),
        "windows": carried.windows,
        "cells": {str(cell): count for cell, count in carried.cells.items()},
    }
    return replace(made, judged=judged, evidence={**made.evidence, "carried": told})
