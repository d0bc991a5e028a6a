"""Summaries into verdicts: the one place that decides, for a stream, a batch job and a notebook alike."""

from __future__ import annotations

from dataclasses import dataclass

from pegel import budget
from pegel.baseline import Baseline
from pegel.budget import Levels
from pegel.columns import Field, Role
from pegel.detect.counts import CountTest
from pegel.detect.drift import MIN_BASELINE, MIN_WINDOW, drift_tests
from pegel.detect.effects import drift_effect, quality_effect
from pegel.detect.quality import quality_tests
from pegel.findings import Finding, Span, Verdict
from pegel.layout import Layout
from pegel.spec import MonitorSpec, Watch
from pegel.stats.dispersion import Dispersion
from pegel.summary import FeatureSummary, Summary
from pegel.verdicts import Bar, FeatureVerdict, overall, weigh

__all__ = ["OUTLIER_RATE", "FeatureVerdict", "Judgement", "judge", "outlier_test", "select"]

OUTLIER_RATE = "outlier rate"
"""Stands where a feature's name stands in findings about the rate of outlying events."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one span, what is known of each judged field, and the findings (verdict DRIFT only)."""

    verdict: Verdict
    features: tuple[FeatureVerdict, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Bars:
    """What drift tests and count tests have to pass in one span."""

    drift: Bar
    quality: Bar

    @classmethod
    def of(cls, levels: Levels, margin: float) -> _Bars:
        return cls(
            drift=Bar("drift", levels.drift, budget.DRIFT_SHARE / levels.features, margin),
            quality=Bar("quality", levels.quality, budget.QUALITY_SHARE / (levels.features + 1), margin),
        )


def judge(baseline: Baseline | None, summary: Summary, *, spec: MonitorSpec, span: Span, revision: int) -> Judgement:
    """Judge one span of one model.

    Args:
        baseline: What to compare with; None gives BASELINE_MISSING.
        summary: What was counted; counted in other cells than the baseline's, it gives LAYOUT_MISMATCH.
        spec: Which fields are judged, at which margin and false-alarm budget.
        span: Named in the findings.
        revision: Named in the findings.
    """
    if baseline is None:
        return Judgement(Verdict.BASELINE_MISSING)
    if summary.layout.layout_hash != baseline.layout.layout_hash:
        return Judgement(Verdict.LAYOUT_MISMATCH)
    if not summary.rows(Role.FEATURE) and not summary.rows(Role.PREDICTION):
        return Judgement(Verdict.NO_DATA)
    fields, unknown = select(baseline.layout, spec.watch)
    levels = budget.levels(spec.false_alarms, spec.windowing, max(1, len(fields)))
    bars = _Bars.of(levels, spec.watch.margin)
    before, now = baseline.summary.features, summary.features
    spread = baseline.dispersion
    pairs = [_field(before[field.name], now[field.name], bars, spread.get(field.name)) for field in fields]
    rate = outlier_test(baseline, summary)
    outliers = [weigh(OUTLIER_RATE, rate, bars.quality, quality_effect)] if rate else []
    features = tuple(max(pair, key=lambda verdict: verdict.weight) for pair in pairs) + unknown
    said = [verdict for pair in pairs for verdict in pair] + outliers
    facts: dict[str, object] = {
        "margin": spec.watch.margin,
        "features": levels.features,
        "false_alarms_per_day": levels.expected_per_day,
        "dispersion": "assessed" if spread else "not assessed",
        "layout_hash": baseline.layout.layout_hash,
        "spec_fingerprint": spec.fingerprint(),
    }
    return Judgement(
        # An inconspicuous outlier rate of a few rows must not make a span look healthy that nobody could judge.
        verdict=overall([*features, *(one for one in outliers if one.verdict is not Verdict.OK)]),
        features=features,
        findings=tuple(
            _finding(verdict, baseline, span, revision, facts) for verdict in said if verdict.verdict is Verdict.DRIFT
        ),
    )


def select(layout: Layout, watch: Watch) -> tuple[tuple[Field, ...], tuple[FeatureVerdict, ...]]:
    """Return the judged fields in schema order, and a verdict for each name asked for that the baseline lacks."""
    asked = watch.features
    features = [field for field in layout.schema.of_role(Role.FEATURE) if asked == "all" or field.name in asked]
    predictions = layout.schema.of_role(Role.PREDICTION) if watch.predictions else ()
    unknown = () if asked == "all" else tuple(name for name in asked if name not in layout.index)
    return (*features, *predictions), tuple(_not_judged(name, "not in the baseline", 0, 0) for name in unknown)


def _field(
    baseline: FeatureSummary, window: FeatureSummary, bars: _Bars, dispersion: Dispersion | None
) -> tuple[FeatureVerdict, FeatureVerdict]:
    """Return what the drift tests and what the count tests say about one field."""
    tests = quality_tests(baseline, window, dispersion)
    name = baseline.layout.field.name
    return _drift(baseline, window, bars.drift, dispersion), weigh(name, tests, bars.quality, quality_effect)


def _drift(baseline: FeatureSummary, window: FeatureSummary, bar: Bar, dispersion: Dispersion | None) -> FeatureVerdict:
    name, n, m = baseline.layout.field.name, window.counted, baseline.counted
    if n < MIN_WINDOW:
        return _not_judged(name, f"{n} values; at least {MIN_WINDOW} are needed", n, m)
    if m < MIN_BASELINE:
        return _not_judged(name, f"{m} baseline values; at least {MIN_BASELINE} are needed", n, m)
    tests = drift_tests(baseline.layout, baseline.cells, window.cells, dispersion)
    if not tests:
        return FeatureVerdict(feature=name, verdict=Verdict.OK, what="all values are the same", n=n, m=m)
    return weigh(name, tests, bar, lambda test: drift_effect(test, baseline, window))


def outlier_test(baseline: Baseline, summary: Summary) -> list[CountTest]:
    """Return the test of the rate of outlying events; none without a cut-off or without scored events."""
    cutoff = baseline.outlier_cutoff
    if cutoff is None or not summary.n_scored:
        return []
    return [CountTest(OUTLIER_RATE, summary.n_outliers, summary.n_scored, cutoff.exceeding, cutoff.scored)]


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
        effect=verdict.effect,
        effect_unit=verdict.effect_unit,
        n=verdict.n,
        m=verdict.m,
        baseline_id=baseline.id,
        what=verdict.what,
        evidence=verdict.evidence | facts,
    )
