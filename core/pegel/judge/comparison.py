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
from pegel.detect.count_tests import CountTest
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
    carries: Carries | None = None,
) -> list[Comparison]:
    """Return the two sides of each field.

    Args:
        baseline: The baseline.
        summary: The window.
        fields: Those that are judged.
        span: When the window was; says in which season it lies.
        carries: Gives values of earlier windows; None for none.
    """
    season = baseline.season(span.start, span.end)
    windows = summary.features
    comparisons = []
    for watched in fields:
        before, window = baseline.features[watched.name], windows[watched.name]
        comparison = Comparison(before, window, before, window, baseline.noise.dispersion.get(watched.name))
        if baseline.noise.seasons is not None:
            comparison = _of_season(comparison, baseline, summary, season)
        carried = None if carries is None or comparison.by_season else carries.carried(watched.name, season)
        comparisons.append(comparison if carried is None else _with(comparison, carried))
    return comparisons


def drift_family(comparisons: Sequence[Comparison], detectors: Sequence[str] = ()) -> dict[str, list[Evidence]]:
    """Return the tests of each field's distribution, by name."""
    whole = [comparison for comparison in comparisons if not comparison.by_season]
    pairs = [
        Pair(comparison.before.layout, comparison.reference.cells, comparison.judged.cells, comparison.dispersion)
        for comparison in whole
    ]
    tests_of_field = {comparison.name: tests for comparison, tests in zip(whole, tests_of(pairs), strict=True)}
    for comparison in comparisons:
        if comparison.by_season:
            tests_of_field[comparison.name] = seasonal_tests(
                comparison.before.layout, comparison.by_season, comparison.dispersion
            )
    for comparison in whole if detectors else ():
        if isinstance(comparison.before.layout, NumericLayout) and comparison.why is None:
            tests_of_field[comparison.name] += _further(comparison, [detector(name) for name in detectors])
    return tests_of_field


def kept_statistics(watch: Watch) -> tuple[str, ...]:
    """Return the names of the statistics that a baseline must keep for a wish. Raises NotFound for unknown names."""
    needs = [need for name in watch.detectors for need in detector(name).needs]
    return tuple(sorted({*watch.statistics, *needs}))


def idle_detectors(baseline: Baseline, detectors: Sequence[str]) -> dict[str, str]:
    """Return why further detectors are not asked, by name. The tests that are always made are made without them."""
    idle = {}
    for name in detectors:
        try:
            absent = sorted(set(detector(name).needs) - set(baseline.layout.kept))
        except NotFound:
            idle[name] = "no detector of that name is installed"
        else:
            if absent:
                idle[name] = f"the baseline does not keep {', '.join(absent)}; refresh it"
    return idle


def _further(comparison: Comparison, detectors: Sequence[Detector]) -> list[Evidence]:
    """Return the tests of further detectors.

    What they keep is neither carried over from earlier windows nor known by season.
    """
    whole = comparison.judged is comparison.now and comparison.reference is comparison.before
    usable = [each for each in detectors if whole or not each.needs]
    tests = [each.test(comparison.reference, comparison.judged) for each in usable]
    return [_in_bursts(test, comparison.dispersion) for test in tests if test is not None]


def _in_bursts(test: Evidence, dispersion: Dispersion | None) -> Evidence:
    """Return a further test, with its counts taken to come in bursts as much as anything of the field does."""
    if dispersion is None or not isinstance(test, CountTest):
        return test
    return replace(test, factor=max([test.factor, *(dispersion.factor(name, test.n) for name in dispersion.factors)]))


def _of_season(comparison: Comparison, baseline: Baseline, summary: Summary, season: int | None) -> Comparison:
    """Compare with the rows of the baseline from the same season, or season by season."""
    seasons = baseline.noise.seasons
    place = baseline.layout.places[baseline.layout.index[comparison.name]]
    counts = {known: cells[place] for known, cells in baseline.summary.season_cells.items()}
    if season is not None:
        label = "" if seasons is None else seasons.label(season)
        if season not in counts:
            return replace(comparison, why=f"the baseline has no rows of {label}")
        reference = comparison.before.recounted(counts[season], moments=UNKNOWN)
        return replace(comparison, reference=reference, evidence={"season": label})
    present = sorted(summary.season_cells)
    by_season = tuple(
        (counts.get(known, np.zeros(0, dtype=np.int64)), summary.season_cells[known][place]) for known in present
    )
    if sum(int(now.sum()) for _, now in by_season) < comparison.now.counted or not set(present) <= set(counts):
        return replace(
            comparison, why="the window crosses hours that the baseline tells apart, and was not counted by them"
        )
    return replace(comparison, by_season=by_season)


def _with(comparison: Comparison, carried: Carried) -> Comparison:
    judged = comparison.now.recounted(carried.plus(comparison.now.cells))
    values = {
        "since": carried.since.isoformat(),
        "windows": carried.windows,
        "cells": {str(cell): count for cell, count in carried.cells.items()},
    }
    return replace(comparison, judged=judged, evidence={**comparison.evidence, "carried": values})
