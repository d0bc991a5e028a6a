"""Charts over windows: small changes that last are added up, window after window, until they are certain."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.special import ndtr

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.detect.cusum import Chart, Key, deviations
from pegel.detect.detector import Evidence
from pegel.detect.drift import BINARY, factor_of
from pegel.detect.recent_deviations import Place, RecentDeviations
from pegel.detect.siegmund import LEAST, ChartLimits, alarm_rate, baseline_share_of, limits
from pegel.errors import NotFound
from pegel.judge.budget import Budget
from pegel.judge.change_interval import interval_evidence, recomputed
from pegel.judge.chart_state import ChartState
from pegel.judge.comparison import Comparison
from pegel.judge.decision import SHAPE, FeatureVerdict
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layer import LayerResult, Setting
from pegel.judge.layers.stored_comparison import stored_comparison, stored_evidence
from pegel.spec.plain_numbers import how_many
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import CategoricalLayout
from pegel.stats.summary import FeatureSummary, Summary

DETECTOR = "cusum"
DOWN = "down"
_RANK_CHARTS = (("location", ("up", "down")), ("scale", ("up", "down")))
_WORDS = {
    ("location", "up"): "shifted up",
    ("location", "down"): "shifted down",
    ("scale", "up"): "spread wider",
    ("scale", "down"): "drawn together",
    ("binary", "up"): "more of the second value",
    ("binary", "down"): "fewer of the second value",
}
_FORMULA = (
    "level = max(0, level before + z - k), z the window's deviation clipped at h/2; p is how often per window a chart "
    "without any change would reach this level, averaged over baselines of this size"
)
_ELSEWHERE = "their part of the budget goes to single windows"


class Charts:
    """The layer of charts: two or four per field of numbers, two of two values, one of categories."""

    name = "charts"
    detectors = (DETECTOR,)

    def missing(self, setting: Setting) -> str | None:
        """Return why no chart runs: windows overlap or are judged alone, or the baseline holds too few of them.

        Of long spans there is nothing to say: charts look at the windows that these are made of.
        """
        if setting.is_long:
            return ""
        windowing, rows = setting.spec.windowing, training_rows(setting)
        if windowing.step != windowing.length:
            return (
                f"small changes that last are not looked for: windows overlap and would count rows twice; {_ELSEWHERE}"
            )
        if not setting.follows:
            return (
                "small changes that last are not looked for, as nothing is known of the time before; their part of the "
                "budget makes the other tests more sensitive"
            )
        if rows is None or (setting.usual_rows and rows >= LEAST * setting.usual_rows):
            return None
        return (
            f"small changes that last are not looked for: the baseline has {how_many(rows, 'row')}, and "
            f"{LEAST * setting.usual_rows:,} ({LEAST} windows of {setting.usual_rows:,}) are needed; {_ELSEWHERE}"
        )

    def judge(self, window: JudgedWindow, setting: Setting, budget: Budget) -> LayerResult:
        """Add one window to all charts, and say what those show that are not at rest.

        A field that was not judged leaves its charts as they are.
        """
        state = window.chart_state
        limits_of = {squares: _limits(setting, budget, squares=squares) for squares in (False, True)}
        if state is None:
            return LayerResult()
        rate = budget.of(self.name) / max(1, len(charts_of(setting)))
        share, m = budget.share(rate), smallest_season(window.baseline)
        charts = _all_charts(window.baseline)
        moved: dict[Key, Chart] = {}
        entered: dict[Place, float] = {}
        verdicts = []
        for pair in window.comparisons:
            expected = set(charts[pair.name])
            chart_limits = limits_of[any(is_of_squares(test) for test, _ in expected)]
            if pair.name in window.drift_evidence and chart_limits is not None:
                step = _Step(
                    pair=pair,
                    span=window.span,
                    limits=chart_limits,
                    margin=setting.spec.watch.margin,
                    rate=rate,
                    share=share,
                    usual=setting.usual_rows,
                    m=m,
                )
                tests = window.drift_evidence[pair.name]
                verdicts += step.take(state, moved, entered, tests, expected)
        return LayerResult(verdicts, moved, entered)

    def notes(self, setting: Setting, budget: Budget) -> list[str]:
        """Return what a middling baseline costs."""
        kinds = {is_of_squares(test) for test, _ in charts_of(setting)}
        each = [_limits(setting, budget, squares=squares) for squares in sorted(kinds)]
        return [one.message for one in each if one is not None and one.message is not None]

    def arithmetic(self, _setting: Setting, alpha: float) -> str:
        """Return the alarms of all charts together."""
        return f"charts over windows have {alpha:.2g} per window"

    def explain(self, finding: Finding, summary: Summary, baseline: Baseline) -> Explanation:
        """Take the chart as it stood before the window, and add the window again."""
        stored = finding.evidence["chart"]
        chart_limits, before = ChartLimits(stored["k"], stored["h"]), Chart.from_json(stored["before"])
        test, direction = finding.test.split()
        pair = stored_comparison(finding, summary, baseline)
        by_chart = {
            (name, where): z for name, where, z in deviations(stored_evidence(finding, pair, baseline), pair.dispersion)
        }
        if (test, direction) not in by_chart:
            raise NotFound(
                f"expected a chart {finding.test!r} of {finding.feature}, found none: nothing was recomputed."
            )
        z = by_chart[test, direction]
        after = before.step(z, chart_limits)
        share = baseline_share_of(stored["usual"], stored["rows"], squares=is_of_squares(test))
        numbers = {"level before": before.level, "z": z, "k": chart_limits.k, "h": chart_limits.h}
        p = alarm_rate(after.level, chart_limits.k, share)
        numbers |= {"windows": float(after.length)}
        return Explanation(finding, _FORMULA, numbers, (), after.level, p, began=recomputed(finding.evidence))


@dataclass(frozen=True, slots=True)
class _Step:
    """One window of one field enters its charts.

    `rate`: alarms per window allowed for one chart, `share`: that as a part of the budget. `usual`: rows of a large
    window; `m`: rows of the baseline, of its smallest season.
    """

    pair: Comparison
    span: Span
    limits: ChartLimits
    margin: float
    rate: float
    share: float
    usual: int
    m: int

    def take(
        self,
        state: ChartState,
        moved: dict[Key, Chart],
        entered: dict[Place, float],
        tests: list[Evidence],
        expected: set[tuple[str, str]],
    ) -> list[FeatureVerdict]:
        """Put the charts of the field after this window into `moved`; return what those say that are not at rest.

        What entered them, as it is upwards, is put into `entered`.
        """
        delta = self._delta()
        names = {name for name, _ in expected}
        family = [test for test in tests if test.name in names]
        verdicts = []
        for test, direction, z in deviations(family, self.pair.dispersion):
            if (test, direction) not in expected:
                continue
            key = (self.pair.name, test, direction)
            before = state.charts.get(key, Chart())
            after = before.step(z, self.limits, self.span.start)
            alarm = after.alarms(self.limits, delta)
            moved[key] = after.restarted() if alarm else after
            limited = max(-self.limits.h / 2, min(self.limits.h / 2, z))
            if direction != DOWN:
                entered[self.pair.name, test] = limited
            if alarm or after.drifting:
                began = self._began(state.recent, key, limited) if alarm else {}
                verdicts.append(self._verdict(key, before, after, z=z, alarm=alarm, began=began))
        return verdicts

    def _delta(self) -> float:
        n, m = self.pair.n, self.pair.m
        return self.margin * math.sqrt(n * m / (n + m))

    def _began(self, recent: RecentDeviations, key: Key, z: float) -> dict[str, Any]:
        """Return what is known at an alarm of when the change began: by this window, whose deviation is `z`, too."""
        field, test, direction = key
        falling = direction == DOWN
        series = recent.plus(self.span, {(field, test): -z if falling else z}).of((field, test), falling=falling)
        squares = is_of_squares(test)
        return interval_evidence(series, baseline_share_of(self.usual, self.m, squares=squares), squares=squares)

    def _verdict(
        self, key: Key, before: Chart, after: Chart, *, z: float, alarm: bool, began: Mapping[str, Any]
    ) -> FeatureVerdict:
        _, test, direction = key
        n, m = self.pair.n, self.pair.m
        length = max(after.length, 1)
        effect = after.total / length / math.sqrt(n * m / (n + m))
        words = _WORDS.get((test, direction), "shares changed")
        slowly = "slowly" if alarm else "slowly; not yet as in training again"
        baseline_share = baseline_share_of(self.usual, self.m, squares=is_of_squares(test))
        return FeatureVerdict(
            feature=self.pair.name,
            verdict=Verdict.DRIFTING,
            what=f"{words} {slowly}",
            n=n,
            m=m,
            detector=DETECTOR,
            test=f"{test} {direction}",
            statistic=after.level,
            p_value=alarm_rate(after.level, self.limits.k, baseline_share) if alarm else 1.0,
            p_relevant=float(ndtr(-after.relevance(self._delta()))) if alarm else None,
            threshold=self.rate,
            budget_share=self.share,
            effect=-effect if direction == DOWN else effect,
            effect_unit="sigma" if test == "location" else "d",
            evidence=dict(self.pair.evidence)
            | {
                "chart": {
                    "before": before.to_json(),
                    "z": z,
                    "k": self.limits.k,
                    "h": self.limits.h,
                    "usual": self.usual,
                    "rows": self.m,
                    "length": length,
                    "since": None if after.since is None else after.since.isoformat(),
                }
                | dict(began)
            },
            chart_alarm=alarm,
        )


def smallest_season(baseline: Baseline) -> int:
    """Return the rows of the baseline, or of its smallest season."""
    if baseline.noise.seasons is None or not baseline.summary.season_cells:
        return baseline.rows
    return min(int(baseline.layout.counted(cells).max()) for cells in baseline.summary.season_cells.values())


def training_rows(setting: Setting) -> int | None:
    """Return the rows that a window is compared with, or will be; None where nothing is known of them."""
    if setting.baseline is not None:
        return smallest_season(setting.baseline)
    return None if setting.training is None else setting.training.rows


def charts_of(setting: Setting) -> list[tuple[str, str]]:
    """Return test and direction of the charts of all watched fields."""
    if setting.baseline is None:
        return []
    charts = _all_charts(setting.baseline)
    return [chart for field in setting.fields for chart in charts[field.name]]


def is_of_squares(test: str) -> bool:
    """Say whether what enters the charts of a test is a sum of squares of deviations, not a deviation."""
    return test == SHAPE


def _limits(setting: Setting, budget: Budget, *, squares: bool) -> ChartLimits | None:
    """Return allowance and limit of each chart of a kind; None where there is none."""
    alpha, count = budget.of(Charts.name), len(charts_of(setting))
    if alpha <= 0 or not count or setting.baseline is None:
        return None
    return limits(setting.usual_rows, smallest_season(setting.baseline), alpha / count, squares=squares)


@lru_cache(maxsize=32)
def _all_charts(baseline: Baseline) -> Mapping[str, tuple[tuple[str, str], ...]]:
    """Return test and direction of the charts of every field. They are those of the baseline, so found once."""
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
        return ((SHAPE, "any"),)
    return tuple((test, direction) for test, directions in _RANK_CHARTS for direction in directions)
