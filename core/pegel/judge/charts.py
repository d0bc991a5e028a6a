"""The course of a monitor over its final windows: small changes that last, and values too few to judge alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Role
from pegel.data.spans import Span
from pegel.detect.cusum import Chart, Key, deviations
from pegel.detect.detector import Evidence
from pegel.detect.drift import BINARY, MIN_WINDOW, factor_of
from pegel.detect.siegmund import LEAST, ChartLimits, alarm_rate, limits
from pegel.judge.budget import Layer, Levels
from pegel.judge.chart_state import Carried, ChartState, WindowSizes
from pegel.judge.comparison import Comparison
from pegel.judge.decision import FeatureVerdict
from pegel.judge.findings import Verdict
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import CategoricalLayout
from pegel.stats.summary import FeatureSummary, Summary

DETECTOR = "cusum"
MAX_MERGE = 20
"""Values are carried over at most so many windows; then they are let go, unjudged."""
_RANK_CHARTS = (("location", ("up", "down")), ("scale", ("up", "down")))
_WORDS = {
    ("location", "up"): "shifted up",
    ("location", "down"): "shifted down",
    ("scale", "up"): "spread wider",
    ("scale", "down"): "drawn together",
    ("binary", "up"): "more of the second value",
    ("binary", "down"): "fewer of the second value",
}


@dataclass(frozen=True, slots=True)
class Course:
    """Where a monitor stands when one more window is judged.

    `m`: rows of the baseline, of its smallest season; `season`: that of the window.
    """

    chart_state: ChartState
    sizes: WindowSizes
    span: Span
    season: int | None
    m: int
    charts: Mapping[str, tuple[tuple[str, str], ...]]
    """Test and direction of every chart, by field."""

    @classmethod
    def begin(cls, chart_state: ChartState, baseline: Baseline, summary: Summary, span: Span) -> Course:
        """Start from what the windows before left."""
        chart_state = chart_state.for_baseline(baseline.id)
        rows = max(summary.rows(Role.FEATURE), summary.rows(Role.PREDICTION))
        season = baseline.season(span.start, span.end)
        return cls(
            chart_state,
            chart_state.sizes.plus(rows, span.start),
            span,
            season,
            _smallest(baseline),
            _all_charts(baseline),
        )

    @property
    def usual(self) -> int:
        """Return how many rows a large window has."""
        return self.sizes.usual

    @classmethod
    def carries(cls, baseline: Baseline, usual: int) -> bool:
        """Say whether the baseline is large enough for charts of windows of `usual` rows."""
        return usual > 0 and _smallest(baseline) >= LEAST * usual

    def carried(self, name: str, season: int | None) -> Carried | None:
        """Return the values of one field from earlier windows of the same season."""
        found = self.chart_state.carried.get(name)
        return found if found is not None and found.season == season else None

    def limits(self, levels: Levels, charts: int) -> ChartLimits | None:
        """Return allowance and limit of each of `charts` charts; None where they do not run."""
        if levels.alpha_cusum <= 0 or not charts:
            return None
        return limits(self.usual, self.m, levels.alpha_cusum / charts)

    def note(self, running: frozenset[Layer], levels: Levels, fields: Sequence[str]) -> str | None:
        """Return what a person should know about the charts."""
        if Layer.CUSUM not in running:
            return (
                f"small changes that last are not looked for: the baseline has {self.m} rows, and {LEAST * self.usual} "
                f"({LEAST} windows of {self.usual}) are needed; their part of the budget goes to single windows"
            )
        found = self.limits(levels, sum(len(self.charts[name]) for name in fields))
        return None if found is None else found.message


def follow(
    course: Course,
    comparisons: Sequence[Comparison],
    tests: Mapping[str, Sequence[Evidence]],
    *,
    levels: Levels,
    margin: float,
) -> tuple[dict[str, list[FeatureVerdict]], ChartState]:
    """Add one final window to all charts: what they say by field, and the chart_state for the next window.

    A field that was not judged leaves its charts as they are; its values are carried over instead.
    """
    known = dict(course.chart_state.charts)
    carried: dict[str, Carried] = {}
    said: dict[str, list[FeatureVerdict]] = {}
    charts = sum(len(course.charts[one.name]) for one in comparisons)
    found = course.limits(levels, charts)
    for one in comparisons:
        if one.name not in tests:
            if (left := _left_over(one, course)) is not None:
                carried[one.name] = left
        elif found is not None:
            step = _Step(course, one, found, margin, levels, levels.alpha_cusum / charts)
            said[one.name] = step.take(known, tests[one.name])
    return said, ChartState(course.chart_state.baseline_id, course.sizes, known, carried)


@dataclass(frozen=True, slots=True)
class _Step:
    """One window of one field enters its charts."""

    course: Course
    one: Comparison
    limits: ChartLimits
    margin: float
    levels: Levels
    rate: float
    """Alarms per window allowed for one chart."""

    def take(self, known: dict[Key, Chart], tests: Sequence[Evidence]) -> list[FeatureVerdict]:
        """Change the charts of the field in `known` and return what those say that are not at rest."""
        name, expected, delta = self.one.name, set(self.course.charts[self.one.name]), self._delta()
        family = [test for test in tests if test.name in {each for each, _ in expected}]
        said = []
        for test, direction, z in deviations(family, self.one.dispersion):
            if (test, direction) not in expected:
                continue
            key = (name, test, direction)
            before = known.get(key, Chart())
            after = before.step(z, self.limits, self.course.span.start)
            alarm = after.alarms(self.limits, delta)
            known[key] = after.restarted() if alarm else after
            if alarm or after.drifting:
                said.append(self._verdict(key, before, after, z=z, alarm=alarm))
        return said

    def _delta(self) -> float:
        n, m = self.one.n, self.one.m
        return self.margin * math.sqrt(n * m / (n + m))

    def _verdict(self, key: Key, before: Chart, after: Chart, *, z: float, alarm: bool) -> FeatureVerdict:
        _, test, direction = key
        n, m = self.one.n, self.one.m
        share = self.course.usual / (self.course.usual + self.course.m)
        length = max(after.length, 1)
        effect = after.total / length / math.sqrt(n * m / (n + m))
        words = _WORDS.get((test, direction), "shares changed")
        slowly = "slowly" if alarm else "slowly; not yet back"
        return FeatureVerdict(
            feature=self.one.name,
            verdict=Verdict.DRIFTING,
            what=f"{words} {slowly}",
            n=n,
            m=m,
            detector=DETECTOR,
            test=f"{test} {direction}",
            statistic=after.level,
            p_value=alarm_rate(after.level, self.limits.k, share) if alarm else 1.0,
            p_relevant=float(ndtr(-after.relevance(self._delta()))) if alarm else None,
            threshold=self.rate,
            budget_share=self.rate / self.levels.alpha,
            effect=-effect if direction == "down" else effect,
            effect_unit="sigma" if test == "location" else "d",
            evidence=dict(self.one.evidence)
            | {
                "chart": {
                    "before": before.to_json(),
                    "z": z,
                    "k": self.limits.k,
                    "h": self.limits.h,
                    "usual": self.course.usual,
                    "rows": self.course.m,
                    "length": length,
                    "since": None if after.since is None else after.since.isoformat(),
                }
            },
            alarm=alarm,
        )


@lru_cache(maxsize=32)
def _all_charts(baseline: Baseline) -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Return the charts of every field. They are those of the baseline, so each one's are found once."""
    spread = baseline.noise.dispersion
    return {name: _charts(feature, spread.get(name)) for name, feature in baseline.features.items()}


def _charts(feature: FeatureSummary, dispersion: Dispersion | None) -> tuple[tuple[str, str], ...]:
    """Return the charts of one field: four of numbers, two where there are two values, one of categories."""
    values = int(np.count_nonzero(feature.cells))
    if values < BINARY:
        return ()
    if values == BINARY:
        # Where windows vary too much for an exact test, the rank test takes its place.
        test = "binary" if factor_of("location", 0, dispersion) == 1 else "location"
        return ((test, "up"), (test, "down"))
    if isinstance(feature.layout, CategoricalLayout):
        return (("shape", "any"),)
    return tuple((test, direction) for test, directions in _RANK_CHARTS for direction in directions)


def _smallest(baseline: Baseline) -> int:
    """Return the rows of the baseline, or of its smallest season."""
    if baseline.noise.seasons is None or not baseline.summary.season_cells:
        return baseline.rows
    return min(int(baseline.layout.counted(cells).max()) for cells in baseline.summary.season_cells.values())


def _left_over(one: Comparison, course: Course) -> Carried | None:
    """Return the values of a field that were too few once more; None when there are none or they are too old."""
    if one.why is not None or one.by_season or not 0 < one.n < MIN_WINDOW:
        return None
    before = course.carried(one.name, course.season)
    windows = 1 if before is None else before.windows + 1
    if windows >= MAX_MERGE:
        return None
    cells = one.judged.cells
    counts = {int(cell): int(cells[cell]) for cell in np.flatnonzero(cells)}
    return Carried(counts, windows, course.span.start if before is None else before.since, course.season)
