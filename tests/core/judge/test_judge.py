"""Verdicts on spans."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field, Kind, Schema
from pegel.data.spans import Span
from pegel.judge.chart_state import ChartState
from pegel.judge.findings import Verdict
from pegel.judge.judge import Judgement, judge
from pegel.judge.layers.single_windows import OUTLIER_RATE
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.layout import Layout, build_layout
from pegel.stats.summary import Summary


@pytest.fixture
def bench(baseline: Baseline, spec: MonitorSpec, span: Span) -> Callable[..., Judgement]:
    """Judge a summary against the baseline, or whatever else is given."""

    def judged(summary: Summary, *, revision: int = 0, **other: Any) -> Judgement:
        return judge(
            other.get("baseline", baseline), summary, spec=other.get("spec", spec), span=span, revision=revision
        )

    return judged


@pytest.fixture
def rows_of(layout: Layout, count: Callable[..., Summary], draw: Any) -> Callable[..., Summary]:
    """Draw rows and summarise them."""

    def summarise(n: int, seed: int = 100, **change: float) -> Summary:
        return count(layout, draw(n, seed, **change))

    return summarise


@pytest.fixture
def look(
    bench: Callable[..., Judgement], rows_of: Callable[..., Summary], spec: MonitorSpec
) -> Callable[..., Judgement]:
    """Judge freshly drawn rows."""

    def judged(n: int, seed: int = 100, watch: dict[str, Any] | None = None, **change: float) -> Judgement:
        wish = MonitorSpec.parse(spec.to_json() | {"watch": watch or {}})
        return bench(rows_of(n, seed, **change), spec=wish)

    return judged


def test_nothing_has_changed(look: Callable[..., Judgement]) -> None:
    """Rows like those of training are ok, each field is named in schema order, and nothing is found."""
    found = look(2_000)

    assert (Verdict.OK, ()) == (found.verdict, found.findings)
    assert ["delay", "carrier", "stops", "late"] == [feature.feature for feature in found.features]
    assert {"as in training"} == {feature.what for feature in found.features}


@pytest.mark.parametrize(
    ("change", "expected", "words"),
    [
        ({"shift": 0.5}, ("delay", "drift", "location", "sigma"), "shifted up"),
        ({"shift": -0.5}, ("delay", "drift", "location", "sigma"), "shifted down"),
        ({"spread": 1.5}, ("delay", "drift", "scale", "sd ratio"), "spread wider"),
        ({"spread": 0.5}, ("delay", "drift", "scale", "sd ratio"), "drawn together"),
        ({"wn": 0.4}, ("carrier", "drift", "single category", "share"), "WN 22 % -> 39 %"),
        ({"nulls": 0.05}, ("delay", "quality", "nulls", "share"), "nulls 0.13 % -> 4.9 %"),
    ],
)
def test_a_change_is_found(look: Callable[..., Judgement], change: Any, expected: tuple[str, ...], words: str) -> None:
    """The changed field, and only that, is found by the test made for the change, and described in words."""
    found = look(2_000, **change)
    finding = found.findings[0]

    assert (Verdict.DRIFT, {expected[0]}) == (found.verdict, {finding.feature for finding in found.findings})
    assert expected == (finding.feature, finding.detector, finding.test, finding.effect_unit)
    assert finding.what.startswith(words)
    assert finding.p_value < finding.threshold
    assert json.loads(json.dumps(finding.evidence)) == finding.evidence
    assert json.loads(json.dumps([said.to_json() for said in found.features]))


def test_the_effect_is_the_shift(look: Callable[..., Judgement]) -> None:
    """A shift is given in standard deviations, and in feature units in the evidence."""
    finding = look(20_000, seed=101, shift=0.31).findings[0]

    assert finding.effect == pytest.approx(0.31, abs=0.03)
    assert finding.evidence["effect"]["mean_shift"] == pytest.approx(0.31 * 20, abs=0.6)


def test_significant_but_irrelevant(look: Callable[..., Judgement]) -> None:
    """A certain change that is smaller than the margin is below the margin, and no finding."""
    found = look(20_000, watch={"margin": 0.5}, shift=0.31)

    assert (Verdict.BELOW_MARGIN, ()) == (found.verdict, found.findings)
    assert "below margin: shifted up" == found.features[0].what


def test_few_rows_are_insufficient(look: Callable[..., Judgement]) -> None:
    """Fewer than 50 values are not judged for drift, and never ok."""
    found = look(49, shift=3)

    assert Verdict.INSUFFICIENT == found.features[3].verdict
    assert "fewer than 50 values in the window" == found.features[3].what
    assert Verdict.INSUFFICIENT == look(49).verdict


def test_counts_are_judged_in_any_window(look: Callable[..., Judgement]) -> None:
    """Too few rows for distributions are enough to notice that half of them are null."""
    found = look(20, nulls=0.5)

    assert [("delay", "quality")] == [(finding.feature, finding.detector) for finding in found.findings]


def test_only_what_is_watched(look: Callable[..., Judgement]) -> None:
    """Features that are not watched are not judged; a name the baseline lacks is said to be so."""
    found = look(2_000, watch={"features": ["stops", "speed"], "predictions": False}, shift=1)

    assert [("stops", "as in training"), ("speed", "not in the baseline")] == [
        (feature.feature, feature.what) for feature in found.features
    ]
    assert Verdict.OK == found.verdict


def test_outliers_are_a_rate(bench: Callable[..., Judgement], rows_of: Callable[..., Summary]) -> None:
    """Many more outliers than in training are a finding of their own."""
    summary = rows_of(2_000)
    summary.n_scored, summary.n_outliers = 2_000, 30
    found = bench(summary, revision=2)

    assert [(OUTLIER_RATE, "outliers 0.095 % -> 1.5 %", 2)] == [(f.feature, f.what, f.revision) for f in found.findings]


def test_without_something_to_compare(
    bench: Callable[..., Judgement], rows_of: Callable[..., Summary], layout: Layout
) -> None:
    """No baseline, other cells and no rows each have a verdict of their own, never ok."""
    other = build_layout(Schema((Field("z", Kind.NUMERIC),)), {"z": np.arange(9.0)})

    assert Verdict.BASELINE_MISSING == bench(rows_of(100), baseline=None).verdict
    assert Verdict.LAYOUT_MISMATCH == bench(Summary.empty(other)).verdict
    assert Verdict.NO_DATA == bench(Summary.empty(layout)).verdict


def test_clean_windows_are_quiet(
    bench: Callable[..., Judgement], rows_of: Callable[..., Summary], spec: MonitorSpec
) -> None:
    """In 150 clean windows at a level of five percent the number of findings stays within its binomial bounds."""
    loud = MonitorSpec.parse(spec.to_json() | {"false_alarms": {"count": 100, "per": "hour"}, "watch": {"margin": 0}})
    found = [bench(rows_of(300, seed), spec=loud) for seed in range(500, 650)]
    flagged = sum(judgement.verdict is Verdict.DRIFT for judgement in found)

    assert flagged <= 16


def test_a_window_alone_has_no_charts(look: Callable[..., Judgement], baseline: Baseline) -> None:
    """Without a state a span is judged alone: no state comes back, and the charts' budget goes to the window."""
    found = look(2_000)

    assert found.chart_state is None
    assert found.division is not None
    budget = found.division.budget
    assert (0.0, 0.05) == pytest.approx((budget.of("charts"), budget.share(budget.of("correlations"))))


def test_what_cannot_be_judged_keeps_the_memory(
    baseline: Baseline, layout: Layout, spec: MonitorSpec, span: Span
) -> None:
    """A span without rows, without a baseline or in other cells hands the chart_state on as it was."""
    chart_state = ChartState(baseline.id)
    other = Summary.empty(build_layout(Schema((Field("z", Kind.NUMERIC),)), {"z": np.arange(9.0)}))
    pairs: list[Any] = [(baseline, Summary.empty(layout)), (None, Summary.empty(layout)), (baseline, other)]
    found = [judge(b, s, spec=spec, span=span, revision=0, chart_state=chart_state) for b, s in pairs]

    assert [Verdict.NO_DATA, Verdict.BASELINE_MISSING, Verdict.LAYOUT_MISMATCH] == [one.verdict for one in found]
    assert [chart_state] * 3 == [one.chart_state for one in found]


def test_few_outliers_do_not_look_healthy(bench: Callable[..., Judgement], rows_of: Callable[..., Summary]) -> None:
    """An ordinary outlier rate does not make a span ok whose fields have too few values; a high one is drift."""
    calm, wild = rows_of(20), rows_of(20)
    calm.n_scored, calm.n_outliers = 20, 0
    wild.n_scored, wild.n_outliers = 20, 10

    assert [Verdict.INSUFFICIENT, Verdict.DRIFT] == [bench(one).verdict for one in (calm, wild)]
