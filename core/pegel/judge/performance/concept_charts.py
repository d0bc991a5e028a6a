"""Charts over labelled events, one after the other in the order of events: has what the inputs mean changed?

Errors of a classifier enter the Bernoulli chart, residuals of a regressor three charts over blocks. Both have half of
what labels may spend, as a rate per labelled event. Charts of `river` have rates of their own, which no budget knows.
Where labels may be turned around on purpose, labels against sure answers enter the Bernoulli chart instead of all
errors.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.detect import bernoulli_chart, residual_chart, river_chart
from pegel.detect.bernoulli_chart import BernoulliLimits, BernoulliState
from pegel.detect.bernoulli_run_length import Lattice, alarm_rate
from pegel.detect.cusum import Chart
from pegel.detect.effect import from_to
from pegel.detect.error_blocks import ERRORS, ErrorBlocks, TrainingErrors
from pegel.detect.performance_tests import CONTRADICTIONS, contradicting, contradictions
from pegel.detect.residual_chart import DOWN, UP, WIDER, ResidualState
from pegel.detect.siegmund import ChartLimits, baseline_share_of
from pegel.detect.siegmund import alarm_rate as block_alarm_rate
from pegel.errors import DamagedRow, NotFound
from pegel.judge.change_interval import interval_evidence, recomputed
from pegel.judge.decision import FeatureVerdict
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding, Verdict
from pegel.judge.performance.label_levels import CONCEPT
from pegel.stats.class_counts import ClassCounts
from pegel.stats.figures import BIAS, ERROR_RATE, MAE
from pegel.stats.labelled_rows import LabelledRows, Times
from pegel.stats.performance import Performance
from pegel.stats.residual_counts import ResidualCounts

RESIDUALS, RIVER = "residuals", "river "
"""Names of charts as they are stored, beside `errors`; those of `river` have its name behind."""
BLOCKS = "blocks"
"""Where the state of the chart of errors keeps what tells when a change began."""
CHART_OF = dict.fromkeys((UP, DOWN, WIDER), RESIDUALS)
"""Under which name the chart of a finding is stored, by its test, where that is another."""
_FEATURES = {UP: BIAS, DOWN: BIAS, WIDER: MAE}
_ERROR_FORMULA = (
    "level = up * errors - down * right answers since it was last 0; p is how often per labelled event a chart without "
    "any change would reach this level, averaged over what the error rate of training may be"
)
_BLOCK_FORMULA = (
    "level = max(0, level before + z - k), z the deviation of one block of events, clipped at h/2; p is how often per "
    "block a chart without any change would reach this level, averaged over baselines of this size"
)


@dataclass(frozen=True, slots=True)
class ChartsAfter:
    """States of charts by name after further events, and at most one verdict a chart: that of its first alarm."""

    states: Mapping[str, dict[str, Any]]
    verdicts: tuple[FeatureVerdict, ...] = ()


def require_readable(name: str, state: Mapping[str, Any]) -> None:
    """Raise DamagedRow for a state that the chart `name` never wrote; one without anything is that of no event yet."""
    if not state:
        return
    try:
        if name in {ERRORS, CONTRADICTIONS}:
            run = {key: value for key, value in state.items() if key != BLOCKS}
            known = ErrorBlocks.from_json(state[BLOCKS]) if BLOCKS in state else ErrorBlocks()
            BernoulliState(**run)
            counts: list[Any] = [
                *(run.get(key, 0) for key in ("level", "events", "errors")),
                known.events,
                known.errors,
            ]
            _require(all(type(count) is int and count >= 0 for count in counts), counts)
        elif name == RESIDUALS:
            charts = ResidualState.from_json(state).charts.values()
            numbers = [number for chart in charts for number in (chart.level, chart.length, chart.total)]
            _require(all(math.isfinite(number) for number in numbers), numbers)
        else:
            river_chart.require_readable(state)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, zlib.error) as error:
        raise DamagedRow(f"the state of the chart {name} cannot be read: {error!r:.300}") from error


def _require(fits: bool, given: Sequence[Any]) -> None:
    if not fits:
        raise ValueError(f"expected finite numbers, given {given}")


def take_in(
    states: Mapping[str, dict[str, Any]],
    rows: LabelledRows,
    baseline: Baseline,
    *,
    rate: float,
    asked: Sequence[str] = (),
    poisoning: bool = False,
) -> ChartsAfter:
    """Return the charts after the labelled ones of further rows.

    Args:
        states: Of the charts so far, by name; empty for the first events, as is that of a chart that begins anew.
        rows: In the order of events, all after those before.
        baseline: With labels; without there is no chart but those of `river`.
        rate: Alarms per labelled event.
        asked: Charts of `river` by name.
        poisoning: Chart labels against sure answers instead of all errors, where training has enough of them.
    """
    known, performance = rows.where(rows.is_labelled), baseline.performance
    after: dict[str, dict[str, Any]] = {}
    verdicts: list[FeatureVerdict] = []
    if performance is not None and performance.counts.is_of_classes is (rows.classes is not None):
        charted = (
            _residuals(states, known, performance, rate)
            if rows.classes is None
            else _errors(states, known, _in_training(performance, rate, poisoning=poisoning), rate)
        )
        for name, state, found in charted:
            after[name] = state
            verdicts += found
    for name in asked:
        key = f"{RIVER}{name}"
        state, at = river_chart.follow(name, states.get(key) or None, _losses(known), numbers=rows.classes is None)
        after[key] = state
        if at is not None:
            verdicts.append(_river_verdict(name, known, at))
    return ChartsAfter(after, tuple(verdicts))


_Charted = list[tuple[str, dict[str, Any], list[FeatureVerdict]]]


@dataclass(frozen=True, slots=True)
class _Charting:
    """What the Bernoulli chart called `name` counts: `training` has it of its labelled rows, or of a `part` of them."""

    name: str
    training: TrainingErrors
    part: float = 1.0

    def limits(self, rate: float) -> BernoulliLimits | None:
        """Return steps and limit at so many alarms per labelled event, of which a part enters the chart."""
        known = self.training
        return bernoulli_chart.limits(known.errors, known.rows, self.rate(rate), factor=known.factor)

    def rate(self, rate: float) -> float:
        """Return the alarms per event that enters the chart."""
        return min(1.0, rate / self.part)

    def rows(self, known: LabelledRows) -> tuple[NDArray[np.bool_], Times]:
        """Return which of the labelled rows that enter the chart are wrong, and when these were answered."""
        if self.name == ERRORS:
            return known.predicted != known.label, known.event_time
        against, sure = contradicting(known)
        return against[sure], known.event_time[sure]


def _in_training(performance: Performance, rate: float, *, poisoning: bool) -> _Charting:
    """Return what is charted: labels against sure answers if that is asked for and possible, else all errors."""
    factor = performance.factor(ERROR_RATE)
    if poisoning and (sure := _against_sure(performance)) is not None and sure.limits(rate) is not None:
        return sure
    return _Charting(ERRORS, TrainingErrors(performance.errors or 0, performance.rows, factor))


def _against_sure(performance: Performance) -> _Charting | None:
    compared = performance.counts.compared
    if not isinstance(compared, ClassCounts) or not compared.is_binary:
        return None
    against, sure = contradictions(compared)
    if not sure:
        return None
    training = TrainingErrors(against, sure, performance.factor(ERROR_RATE))
    return _Charting(CONTRADICTIONS, training, sure / performance.rows)


def _errors(states: Mapping[str, dict[str, Any]], known: LabelledRows, charting: _Charting, rate: float) -> _Charted:
    limits, training, own_rate = charting.limits(rate), charting.training, charting.rate(rate)
    if limits is None:
        return []
    stored = dict(states.get(charting.name, {}))
    blocks = ErrorBlocks.from_json(stored.pop(BLOCKS)) if BLOCKS in stored else ErrorBlocks()
    wrong, times = charting.rows(known)
    after, alarms = bernoulli_chart.follow(BernoulliState(**stored), wrong, limits, times)
    told: list[FeatureVerdict] = []
    taken = 0
    for alarm in alarms:
        blocks = blocks.plus(wrong[taken : alarm.at + 1], times[taken : alarm.at + 1], training)
        if not told:
            series = blocks.closed(times[alarm.at], training).of(ERRORS)
            began = interval_evidence(series, baseline_share_of(training.size, training.rows))
            told = [_error_verdict(alarm.run, limits, charting, own_rate, at=times[alarm.at], began=began)]
        blocks, taken = blocks.with_alarm(), alarm.at + 1
    blocks = blocks.plus(wrong[taken:], times[taken:], training)
    return [(charting.name, after.to_json() | {BLOCKS: blocks.to_json()}, told)]


def _error_verdict(
    run: BernoulliState,
    limits: BernoulliLimits,
    charting: _Charting,
    rate: float,
    *,
    at: np.datetime64,
    began: Mapping[str, Any],
) -> FeatureVerdict:
    training = charting.training
    before, now = training.errors / training.rows, run.errors / run.events
    words = {
        ERRORS: f"wrong answers {from_to(before, now)} over {run.events:,} labelled events",
        CONTRADICTIONS: f"labels against sure answers {from_to(before, now)} over {run.events:,} sure labelled events",
    }
    chart = {
        **run.to_json(),
        "up": limits.lattice.up,
        "down": limits.lattice.down,
        "limit": limits.limit,
        "factor": training.factor,
        "alarm_at": _instant(at),
        **began,
    }
    return FeatureVerdict(
        feature=ERROR_RATE if charting.name == ERRORS else CONTRADICTIONS,
        verdict=Verdict.DRIFTING,
        what=words[charting.name],
        n=run.events,
        m=training.rows,
        detector=CONCEPT,
        test=charting.name,
        statistic=float(run.level),
        p_value=_error_p(run.level, chart, training),
        threshold=rate,
        budget_share=1.0,
        effect=now - before,
        effect_unit="share",
        evidence={"chart": chart},
        chart_alarm=True,
    )


def _error_p(level: int, chart: Mapping[str, Any], training: TrainingErrors) -> float:
    lattice = Lattice(chart["up"], chart["down"])
    height = max(1, round(level / chart["factor"]))
    rates = bernoulli_chart.likely_rates(training.errors, training.rows)
    return min(1.0, alarm_rate(height, lattice, rates))


def _residuals(
    states: Mapping[str, dict[str, Any]], known: LabelledRows, performance: Performance, rate: float
) -> _Charted:
    training = performance.counts.compared
    limits = residual_chart.limits(performance.rows, rate)
    if limits is None or not isinstance(training, ResidualCounts):
        return []
    stored = states.get(RESIDUALS)
    state = ResidualState.from_json(stored) if stored else ResidualState()
    factors = {UP: performance.factor(BIAS), DOWN: performance.factor(BIAS), WIDER: performance.factor(MAE)}
    residuals = known.residuals
    after, alarms = residual_chart.follow(state, residuals, training.cells, limits, factors, times=known.event_time)
    first = {alarm.chart: alarm for alarm in reversed(alarms)}
    told = [_block_verdict(alarm, limits, performance, rate, known.event_time) for alarm in first.values()]
    return [(RESIDUALS, after.to_json(), told)]


def _block_verdict(
    alarm: residual_chart.ResidualAlarm,
    limits: ChartLimits,
    performance: Performance,
    rate: float,
    times: NDArray[np.datetime64],
) -> FeatureVerdict:
    size, rows, run = residual_chart.block_size(performance.rows) or 1, performance.rows, alarm.after
    effect = run.total / max(run.length, 1) / (size * rows / (size + rows)) ** 0.5
    words = {UP: "answers too high", DOWN: "answers too low", WIDER: "answers further from labels"}
    chart = {
        "before": alarm.before.to_json(),
        "z": alarm.z,
        "k": limits.k,
        "h": limits.h,
        "block": size,
        "rows": rows,
        "length": run.length,
        "alarm_at": _instant(times[max(alarm.at, 0)]),
        **interval_evidence(alarm.seen, baseline_share_of(size, rows)),
    }
    return FeatureVerdict(
        feature=_FEATURES[alarm.chart],
        verdict=Verdict.DRIFTING,
        what=f"{words[alarm.chart]} over {run.length * size:,} labelled events",
        n=run.length * size,
        m=rows,
        detector=CONCEPT,
        test=alarm.chart,
        statistic=run.level,
        p_value=block_alarm_rate(run.level, limits.k, baseline_share_of(size, rows)),
        threshold=rate * size / len(residual_chart.CHARTS),
        budget_share=1 / len(residual_chart.CHARTS),
        effect=-effect if alarm.chart == DOWN else effect,
        effect_unit="sigma",
        evidence={"chart": chart},
        chart_alarm=True,
    )


def _river_verdict(name: str, known: LabelledRows, at: int) -> FeatureVerdict:
    feature = ERROR_RATE if known.classes is not None else MAE
    return FeatureVerdict(
        feature=feature,
        verdict=Verdict.DRIFTING,
        what=f"{feature} changed, as the chart {name} of river says; how often it is wrong is in no budget",
        n=len(known),
        m=0,
        detector=CONCEPT,
        test=f"{RIVER}{name}",
        threshold=1.0,
        effect_unit="",
        evidence={"chart": {"alarm_at": _instant(known.event_time[at])}},
        chart_alarm=True,
    )


def explain_chart(finding: Finding, baseline: Baseline) -> Explanation:
    """Recompute a finding of a chart from the run that it holds. Raises NotFound for one that cannot be recomputed."""
    chart, performance = finding.evidence["chart"], baseline.performance
    if performance is None or finding.test.startswith(RIVER):
        raise NotFound(
            f"finding {finding.id} is of a chart whose limit no formula of ours gives: nothing was recomputed."
        )
    began = recomputed(finding.evidence)
    share = f"{finding.budget_share:.0%} of what charts over labelled events may spend, as a rate per "
    if finding.test in {ERRORS, CONTRADICTIONS}:
        charting = _against_sure(performance) if finding.test == CONTRADICTIONS else None
        charting = charting or _in_training(performance, 1.0, poisoning=False)
        level = chart["up"] * chart["errors"] - chart["down"] * (chart["events"] - chart["errors"])
        numbers = {name: float(chart[name]) for name in ("events", "errors", "up", "down", "limit", "factor")}
        p = _error_p(level, chart, charting.training)
        return Explanation(finding, _ERROR_FORMULA, numbers, (), float(level), p, f"{share}event", began)
    after = Chart.from_json(chart["before"]).step(chart["z"], ChartLimits(chart["k"], chart["h"]))
    numbers = {name: float(chart[name]) for name in ("z", "k", "h", "block", "length")}
    p = block_alarm_rate(after.level, chart["k"], baseline_share_of(chart["block"], chart["rows"]))
    return Explanation(finding, _BLOCK_FORMULA, numbers, (), after.level, p, f"{share}block", began)


def _losses(known: LabelledRows) -> NDArray[np.float64]:
    wrong = known.predicted != known.label
    losses: NDArray[np.float64] = np.abs(known.residuals) if known.classes is None else wrong.astype(np.float64)
    return losses


def _instant(time: np.datetime64) -> str:
    return f"{np.datetime_as_string(time, unit='us')}+00:00"
