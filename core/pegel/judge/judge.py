"""Summaries into verdicts: the one place that decides, for a stream, a batch job and a notebook alike."""

from __future__ import annotations

from dataclasses import dataclass

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.detect.cusum import Chart, Key
from pegel.detect.error_rate import Labelled
from pegel.judge.chart_state import ChartState
from pegel.judge.decision import FeatureVerdict, insufficient, overall
from pegel.judge.division import Division
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layer import Setting
from pegel.judge.layer_table import LAYERS, Layers
from pegel.judge.watched_fields import unknown_names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one span, what is known of each judged field, and the findings (verdicts DRIFT and DRIFTING only).

    `chart_state`: what the next window is judged with, if this one is final; None where windows are not followed.
    `notes`: what a person should know about how it was judged. `division`: how the false-alarm budget was divided.
    """

    verdict: Verdict
    features: tuple[FeatureVerdict, ...] = ()
    beyond: tuple[FeatureVerdict, ...] = ()
    """What is known beyond single fields: rates of outliers and of wrong answers, a pair whose correlation changed."""
    findings: tuple[Finding, ...] = ()
    chart_state: ChartState | None = None
    notes: tuple[str, ...] = ()
    division: Division | None = None


def judge(
    baseline: Baseline | None,
    summary: Summary,
    *,
    spec: MonitorSpec,
    span: Span,
    revision: int,
    chart_state: ChartState | None = None,
    labelled: Labelled | None = None,
    layers: Layers = LAYERS,
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
        layers: The kinds of tests, each with its part of the false-alarm budget.
    """
    if baseline is None:
        return Judgement(Verdict.BASELINE_MISSING, chart_state=chart_state)
    if summary.layout.layout_hash != baseline.layout.layout_hash:
        return Judgement(Verdict.LAYOUT_MISMATCH, chart_state=chart_state)
    if not summary.most_rows:
        return Judgement(Verdict.NO_DATA, chart_state=chart_state)
    # Overlapping windows share rows: what is carried from one to the next would count these twice.
    follows = chart_state is not None and spec.windowing.step == spec.windowing.length
    before = chart_state.for_baseline(baseline.id) if chart_state is not None and follows else None
    sizes = None if before is None else before.sizes.plus(summary.most_rows, span.start)
    setting = Setting(spec, baseline, follows, 0 if sizes is None else sizes.usual)
    division = Division.of(setting, layers)
    window = JudgedWindow(
        baseline, summary, span, spec.watch, setting.fields, chart_state=before, sizes=sizes, labelled=labelled
    )
    verdicts: list[FeatureVerdict] = []
    moved: dict[Key, Chart] = {}
    for layer in division.running:
        result = layer.judge(window, setting, division.budget)
        verdicts += result.verdicts
        moved |= result.charts
    by_field: dict[str, list[FeatureVerdict]] = {field.name: [] for field in setting.fields}
    beyond: list[FeatureVerdict] = []
    for verdict in verdicts:
        by_field.get(verdict.feature, beyond).append(verdict)
    unknown = (insufficient(name, "not in the baseline", 0, 0) for name in unknown_names(baseline.layout, spec.watch))
    features = (*(max(some, key=lambda verdict: verdict.weight) for some in by_field.values() if some), *unknown)
    ordered = [*(verdict for some in by_field.values() for verdict in some), *beyond]
    facts = _facts(division, baseline)
    return Judgement(
        # An inconspicuous outlier rate of a few rows must not make a span look healthy that nobody could judge.
        verdict=overall([*features, *(verdict for verdict in beyond if verdict.verdict is not Verdict.OK)]),
        features=features,
        beyond=tuple(beyond),
        findings=tuple(
            _finding(verdict, baseline, span, revision, facts)
            for verdict in ordered
            if verdict.verdict is Verdict.DRIFT or verdict.alarm
        ),
        chart_state=window.state_after(moved) if follows else chart_state,
        notes=division.notes(),
        division=division,
    )


def _facts(division: Division, baseline: Baseline) -> dict[str, object]:
    """Return what every finding of a window says about how it was judged."""
    spec = division.setting.spec
    return {
        "margin": spec.watch.margin,
        "features": max(1, len(division.setting.fields)),
        "false_alarms_per_day": division.budget.expected_per_day,
        "noise": baseline.noise.why,
        "detectors": list(spec.watch.detectors),
        "layout_hash": baseline.layout.layout_hash,
        "spec_fingerprint": spec.fingerprint(),
    }


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
