"""Summaries into verdicts: the one place that decides, for a stream, a batch job and a notebook alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pegel.baseline.baseline import Baseline
from pegel.baseline.outliers import refusal
from pegel.data.columns import Field, Role
from pegel.data.spans import Span
from pegel.detect.count_tests import CountTest
from pegel.detect.detector import Evidence
from pegel.detect.drift import MIN_BASELINE, MIN_WINDOW
from pegel.detect.effects import drift_effect, quality_effect
from pegel.detect.error_rate import ERROR_RATE, Labelled, error_test
from pegel.detect.quality import quality_tests
from pegel.detect.sizes import distances_of
from pegel.judge import budget
from pegel.judge.budget import Layer, Levels
from pegel.judge.chart_state import ChartState
from pegel.judge.charts import Course, follow
from pegel.judge.comparison import Comparison, compare, drift_family
from pegel.judge.correlations import PAIR, correlation_verdict, places
from pegel.judge.decision import Bar, FeatureVerdict, overall, weigh
from pegel.judge.findings import Finding, Verdict
from pegel.spec.monitor_spec import MonitorSpec, Watch
from pegel.stats.layout import Layout
from pegel.stats.summary import Summary

__all__ = ["OUTLIER_RATE", "FeatureVerdict", "Judgement", "judge", "layers", "outlier_test", "select"]

OUTLIER_RATE = "outlier rate"
"""Stands where a feature's name stands in findings about the rate of outlying events."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one span, what is known of each judged field, and the findings (verdicts DRIFT and DRIFTING only).

    `chart_state`: what the next window is judged with, if this one is final; None where windows are not followed.
    `notes`: what a person should know about how it was judged.
    """

    verdict: Verdict
    features: tuple[FeatureVerdict, ...] = ()
    beyond: tuple[FeatureVerdict, ...] = ()
    """What is known beyond single fields: rates of outliers and of wrong answers, a pair whose correlation changed."""
    findings: tuple[Finding, ...] = ()
    chart_state: ChartState | None = None
    notes: tuple[str, ...] = ()
    levels: Levels | None = None


@dataclass(frozen=True, slots=True)
class _Bars:
    """What drift tests and count tests have to pass in one span."""

    drift: Bar
    quality: Bar

    @classmethod
    def of(cls, levels: Levels, margin: float, rates: int) -> _Bars:
        return cls(
            drift=Bar("drift", levels.drift, levels.share_drift / levels.features, margin),
            quality=Bar("quality", levels.quality, levels.share_quality / (levels.features + rates), margin),
        )


def judge(
    baseline: Baseline | None,
    summary: Summary,
    *,
    spec: MonitorSpec,
    span: Span,
    revision: int,
    chart_state: ChartState | None = None,
    labelled: Labelled | None = None,
) -> Judgement:
    """Judge one span of one model.

    Args:
        baseline: What to compare with; None gives BASELINE_MISSING.
        summary: What was counted; counted in other cells than the baseline's, it gives LAYOUT_MISMATCH.
        spec: Which fields are judged, at which margin and false-alarm budget.
        span: Named in the findings.
        revision: Named in the findings.
        chart_state: What the final windows before left, `ChartState(baseline.id)` for the first; None judges the span
            alone. With it, small changes that last are found, and values too few to judge are kept for later windows.
        labelled: Wrong answers among the rows whose labels are known; None without labels.
    """
    if baseline is None:
        return Judgement(Verdict.BASELINE_MISSING, chart_state=chart_state)
    if summary.layout.layout_hash != baseline.layout.layout_hash:
        return Judgement(Verdict.LAYOUT_MISMATCH, chart_state=chart_state)
    if not summary.rows(Role.FEATURE) and not summary.rows(Role.PREDICTION):
        return Judgement(Verdict.NO_DATA, chart_state=chart_state)
    # Overlapping windows share rows: their charts would count these twice.
    followed = chart_state is not None and spec.windowing.step == spec.windowing.length
    course = Course.begin(chart_state, baseline, summary, span) if chart_state is not None and followed else None
    fields, unknown = select(baseline.layout, spec.watch)
    rates = 1 if baseline.performance is None else 2
    running = layers(baseline, spec, course.usual if course else None)
    levels = budget.levels(spec.false_alarms, spec.windowing, max(1, len(fields)), running, rates=rates)
    bars = _Bars.of(levels, spec.watch.margin, rates)
    pairs = compare(baseline, summary, fields, span, detectors=spec.watch.detectors, carries=course)
    tests = drift_family([pair for pair in pairs if _judged(pair)], spec.watch.detectors)
    said = [_said(pair, tests.get(pair.name), bars) for pair in pairs]
    left = chart_state
    if course is not None:
        charted, left = follow(course, pairs, tests, levels=levels, margin=spec.watch.margin)
        said = [[*one, *charted.get(pair.name, ())] for pair, one in zip(pairs, said, strict=True)]
    beyond = _beyond(baseline, summary, fields, levels, bars)
    if labelled is not None and labelled.rows and baseline.performance is not None:
        wrong = error_test(baseline.performance, labelled.errors, labelled.rows)
        beyond.append(weigh(ERROR_RATE, [wrong], bars.quality, quality_effect))
    features = tuple(max(one, key=lambda verdict: verdict.weight) for one in said) + unknown
    every = [*(verdict for one in said for verdict in one), *beyond]
    facts: dict[str, object] = {
        "margin": spec.watch.margin,
        "features": levels.features,
        "false_alarms_per_day": levels.expected_per_day,
        "noise": baseline.noise.why,
        "detectors": list(spec.watch.detectors),
        "layout_hash": baseline.layout.layout_hash,
        "spec_fingerprint": spec.fingerprint(),
    }
    return Judgement(
        # An inconspicuous outlier rate of a few rows must not make a span look healthy that nobody could judge.
        verdict=overall([*features, *(one for one in beyond if one.verdict is not Verdict.OK)]),
        features=features,
        beyond=tuple(beyond),
        findings=tuple(
            _finding(one, baseline, span, revision, facts) for one in every if one.verdict is Verdict.DRIFT or one.alarm
        ),
        chart_state=left,
        notes=_notes(baseline, levels, running, course, spec),
        levels=levels,
    )


def layers(baseline: Baseline, spec: MonitorSpec, usual: int | None = None) -> frozenset[Layer]:
    """Return the layers that run and so share the false-alarm budget.

    Args:
        baseline: What is compared with; charts need 36 windows of it, and correlations two fields to watch.
        spec: The monitor.
        usual: Rows of a usual window; None where windows are not followed.
    """
    found = {Layer.WINDOW}
    watched, _ = select(baseline.layout, spec.watch)
    if len(places(baseline, [field.name for field in watched])) >= PAIR:
        found.add(Layer.MULTIVARIATE)
    if usual is not None and spec.windowing.step == spec.windowing.length and Course.carries(baseline, usual):
        found.add(Layer.CUSUM)
    return frozenset(found)


def select(layout: Layout, watch: Watch) -> tuple[tuple[Field, ...], tuple[FeatureVerdict, ...]]:
    """Return the judged fields in schema order, and a verdict for each name asked for that the baseline lacks."""
    asked = watch.features
    features = [field for field in layout.schema.of_role(Role.FEATURE) if asked == "all" or field.name in asked]
    predictions = layout.schema.of_role(Role.PREDICTION) if watch.predictions else ()
    unknown = () if asked == "all" else tuple(name for name in asked if name not in layout.index)
    return (*features, *predictions), tuple(_not_judged(name, "not in the baseline", 0, 0) for name in unknown)


def outlier_test(baseline: Baseline, summary: Summary) -> list[CountTest]:
    """Return the test of the rate of outlying events; none without a cut-off or without scored events."""
    cutoff = baseline.outlier_cutoff
    if cutoff is None or not summary.n_scored:
        return []
    return [CountTest(OUTLIER_RATE, summary.n_outliers, summary.n_scored, cutoff.exceeding, cutoff.scored)]


def _said(pair: Comparison, tests: Sequence[Evidence] | None, bars: _Bars) -> list[FeatureVerdict]:
    """Return what the drift tests and what the count tests say about one field."""
    return [_drift(pair, tests, bars.drift), _quality(pair, bars.quality)]


def _quality(pair: Comparison, bar: Bar) -> FeatureVerdict:
    counts = quality_tests(pair.before, pair.now, pair.dispersion)
    nulls = counts[0]
    if any(test.seen for test in counts) or nulls.seen_in_baseline:
        return weigh(pair.name, counts, bar, quality_effect)
    # Nothing odd, now or ever: most fields of most windows, so no time is spent on p-values that are all 1.
    return FeatureVerdict(
        feature=pair.name,
        verdict=Verdict.OK,
        what="as in training",
        n=nulls.n,
        m=nulls.m,
        detector=bar.detector,
        test=nulls.name,
        threshold=bar.level,
        budget_share=bar.share,
    )


def _beyond(
    baseline: Baseline, summary: Summary, fields: Sequence[Field], levels: Levels, bars: _Bars
) -> list[FeatureVerdict]:
    """Return what is said of more than single fields: the rate of outliers, and pairs whose correlation changed."""
    rate = outlier_test(baseline, summary)
    found = [weigh(OUTLIER_RATE, rate, bars.quality, quality_effect)] if rate else []
    joint = correlation_verdict(baseline, summary, fields, levels)
    return [*found, joint] if joint is not None and joint.verdict is Verdict.DRIFT else found


def _judged(pair: Comparison) -> bool:
    return pair.why is None and pair.n >= MIN_WINDOW and pair.m >= MIN_BASELINE


def _drift(pair: Comparison, tests: Sequence[Evidence] | None, bar: Bar) -> FeatureVerdict:
    name, n, m = pair.name, pair.n, pair.m
    if pair.why is not None:
        return _not_judged(name, pair.why, n, m)
    if n < MIN_WINDOW:
        return _not_judged(name, f"{n} values; at least {MIN_WINDOW} are needed", n, m)
    if m < MIN_BASELINE:
        return _not_judged(name, f"{m} baseline values; at least {MIN_BASELINE} are needed", n, m)
    if not tests:
        return FeatureVerdict(feature=name, verdict=Verdict.OK, what="all values are the same", n=n, m=m)
    verdict = weigh(name, tests, bar, lambda test: drift_effect(test, pair.reference, pair.judged))
    if verdict.verdict is Verdict.OK:
        return verdict
    return verdict.with_evidence({**pair.evidence, "distances": distances_of(pair.reference, pair.judged)})


def _notes(
    baseline: Baseline, levels: Levels, running: frozenset[Layer], course: Course | None, spec: MonitorSpec
) -> tuple[str, ...]:
    """Return what a person should know about what is not looked for, and why."""
    fields = [field.name for field in select(baseline.layout, spec.watch)[0]]
    found = [None if course is None else course.note(running, levels, fields)]
    if Layer.MULTIVARIATE not in running:
        apart = baseline.noise.seasons is not None
        why = "hours are judged apart" if apart else f"{len(places(baseline, fields))} suitable numeric features"
        found.append(f"correlations are not watched: {why}")
    if not baseline.noise.dispersion:
        found.append(f"windows that vary by themselves are not allowed for: {baseline.noise.why}")
    if baseline.outlier_cutoff is None:
        found.append(refusal(baseline.rows, spec.watch.rows_per_day, spec.watch.outliers_per_day))
    return tuple(note for note in found if note)


def _not_judged(name: str, why: str, n: int, m: int) -> FeatureVerdict:
    return FeatureVerdict(feature=name, verdict=Verdict.INSUFFICIENT, what=why, n=n, m=m)


def _finding(
    verdict: FeatureVerdict, baseline: Baseline, span: Span, revision: int, facts: dict[str, object]
) -> Finding:
    return Finding(
        model=baseline.model,
        version=baseline.version,
        feature=verdict.feature,
        detector=verdict.detector,
        span=span,
        revision=revision,
        verdict=verdict.verdict,
        test=verdict.test,
        statistic=verdict.statistic,
        p_value=verdict.p_value,
        p_relevant=verdict.p_relevant,
        threshold=verdict.threshold,
        budget_share=verdict.budget_share,
        effect=verdict.effect or 0.0,
        effect_unit=verdict.effect_unit,
        n=verdict.n,
        m=verdict.m,
        baseline_id=baseline.id,
        what=verdict.what,
        evidence=verdict.evidence | facts,
    )
