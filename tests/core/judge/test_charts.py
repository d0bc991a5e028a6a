"""Windows judged one after the other: charts of small changes that last."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pegel.baseline.baseline import Baseline
from pegel.judge.chart_state import ChartState
from pegel.judge.findings import Verdict
from pegel.stats.dispersion import Dispersion
from pegel.stats.noise import Noise

N = 200
BEFORE, DURING = 20, 60


def rows(rng: np.random.Generator, n: int = N, shift: float = 0.0) -> dict[str, Any]:
    """Draw a normal number, one of four letters and a switch that is on in one of five rows."""
    letters = np.array(["a", "b", "c", "d"], dtype=object)
    return {
        "x": rng.normal(shift, 1, n),
        "letter": letters[rng.integers(0, 4, n)],
        "switch": (rng.random(n) < 0.2).astype(np.float64),
    }


@pytest.fixture(scope="module")
def trained(learnt: Callable[..., Baseline]) -> Baseline:
    """A baseline of 50,000 rows."""
    return learnt(rows(np.random.default_rng(0), 50_000))


@pytest.fixture
def history(monitor: Callable[..., Any], trained: Baseline) -> Callable[..., Any]:
    """Let windows pass: some clean ones, some whose `x` is shifted, again clean ones; return the monitor."""

    def live(shift: float, after: int = 0, *, restored: bool = False, baseline: Baseline = trained) -> Any:
        one, rng = monitor(baseline), np.random.default_rng(1)
        one.judged = []
        for minute in range(BEFORE + DURING + after):
            moved = shift if BEFORE <= minute < BEFORE + DURING else 0.0
            one.judged.append(one.see(rows(rng, shift=moved)))
            if restored:
                one.chart_state = ChartState.from_json(json.loads(json.dumps(one.chart_state.to_json())))
        return one

    return live


def test_a_small_shift_that_lasts(history: Callable[..., Any]) -> None:
    """A shift of a tenth of a standard deviation is found by a chart within an hour, and by no single window."""
    one = history(0.1)
    first = one.findings[0]
    at = next(i for i, judged in enumerate(one.judged) if judged.findings)

    assert {("cusum", Verdict.DRIFTING)} == {(finding.detector, finding.verdict) for finding in one.findings}
    assert ("x", "location up", "sigma") == (first.feature, first.test, first.effect_unit)
    assert BEFORE + 3 < at < BEFORE + 40
    assert Verdict.DRIFTING == one.judged[at].verdict
    assert first.p_value < first.threshold
    assert first.p_relevant is not None
    assert first.p_relevant <= 0.01
    assert first.effect == pytest.approx(0.1, abs=0.08)
    assert "shifted up slowly" == first.what


def test_a_chart_recovers(history: Callable[..., Any]) -> None:
    """Once the shift is over, the window's verdict is drifting for some windows more, then ok."""
    one = history(0.1, after=60)
    verdicts = [judged.verdict for judged in one.judged[BEFORE + DURING :]]
    last = max(i for i, verdict in enumerate(verdicts) if verdict is Verdict.DRIFTING)

    assert Verdict.DRIFTING == verdicts[0]
    assert 0 < last < 40
    assert {Verdict.OK} == set(verdicts[last + 1 :])
    assert not any(chart.drifting for chart in one.chart_state.charts.values())


def test_an_alarm_is_one_finding(history: Callable[..., Any]) -> None:
    """A chart begins again after an alarm: windows that follow are drifting without a finding of their own."""
    judged = history(0.1).judged
    at = next(i for i, one in enumerate(judged) if one.findings)

    assert [(Verdict.DRIFTING, 0)] * 3 == [(one.verdict, len(one.findings)) for one in judged[at + 1 : at + 4]]
    assert "shifted up slowly; not yet as in training again" == judged[at + 1].features[0].what


def test_a_restart_changes_nothing(history: Callable[..., Any]) -> None:
    """With the chart_state written to JSON and read again after each window, findings and chart_state are the same."""
    whole, restored = history(0.1, after=20), history(0.1, after=20, restored=True)

    assert whole.findings
    assert whole.findings == restored.findings
    assert whole.chart_state.to_json() == restored.chart_state.to_json()


def test_clean_windows_are_quiet(history: Callable[..., Any]) -> None:
    """Without a change nothing is found, and no chart drifts."""
    one = history(0.0)

    assert ([], {Verdict.OK}) == (one.findings, {judged.verdict for judged in one.judged})
    assert 4 + 1 + 2 == len(one.chart_state.charts)


@pytest.mark.parametrize(
    ("field", "test", "words"),
    [
        ("x", "scale up", "spread wider slowly"),
        ("letter", "shape any", "shares changed slowly"),
        ("switch", "binary down", "fewer of the second value slowly"),
    ],
)
def test_every_kind_of_chart(monitor: Callable[..., Any], trained: Baseline, field: str, test: str, words: str) -> None:
    """A small lasting change of spread, of shares and of a switch is found by the chart that is made for it."""
    one, rng = monitor(trained), np.random.default_rng(2)
    for _ in range(DURING):
        values = rows(rng)
        letters = np.array(["a", "b", "c", "d"], dtype=object)
        changed = {
            "x": values["x"] * 1.12,
            "letter": letters[rng.choice(4, N, p=[0.34, 0.22, 0.22, 0.22])],
            "switch": (rng.random(N) < 0.15).astype(np.float64),
        }
        one.see(values | {field: changed[field]})
    first = one.findings[0]

    assert (field, test, "cusum") == (first.feature, first.test, first.detector)
    assert words == first.what


def test_values_too_few_leave_charts_alone(history: Callable[..., Any]) -> None:
    """A window of 20 rows, or of none, changes no chart."""
    one = history(0.05)
    before = one.chart_state.charts
    one.see(rows(np.random.default_rng(3), 20, shift=3.0))
    after_few = one.chart_state.charts
    one.see(rows(np.random.default_rng(3), 0))

    assert before == after_few == one.chart_state.charts
    assert any(chart.level > 0 for chart in before.values())


def test_another_baseline_begins_afresh(history: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """With another baseline all charts are at rest before the window; sizes of windows are kept."""
    one = history(0.1)
    before, sizes = one.chart_state.charts, one.chart_state.sizes
    one.baseline = learnt(rows(np.random.default_rng(9), 50_000))
    one.see(rows(np.random.default_rng(3)))

    assert any(chart.drifting for chart in before.values())
    assert {0, 1} == {chart.length for chart in one.chart_state.charts.values()}
    assert not any(chart.drifting for chart in one.chart_state.charts.values())
    assert sizes.usual == one.chart_state.sizes.usual
    assert one.baseline.id == one.chart_state.baseline_id


def test_a_small_baseline_has_no_charts(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """Below 36 windows of baseline single windows have the charts' part, and the note says how many rows are needed."""
    few, enough = (learnt(rows(np.random.default_rng(0), m)) for m in (5_000, 50_000))
    without, with_charts = (monitor(one).see(rows(np.random.default_rng(1))) for one in (few, enough))

    assert (
        "small changes that last are not looked for: the baseline has 5,000 rows, and 7,200 (36 windows of 200) are "
        "needed; their part of the budget goes to single windows" in without.notes
    )
    assert {} == without.chart_state.charts
    lacking, whole = without.division.budget, with_charts.division.budget

    assert 0 == lacking.of("charts")
    assert lacking.alpha == pytest.approx(whole.alpha)
    assert lacking.of("single windows") == pytest.approx(whole.of("single windows") + whole.of("charts"))


def test_a_middling_baseline_says_what_it_misses(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """Between 36 and 250 windows of baseline the note says which changes are too small; above there is no such note."""
    middling, large = (learnt(rows(np.random.default_rng(0), m)) for m in (20_000, 50_000))
    notes = [monitor(one).see(rows(np.random.default_rng(1))).notes for one in (middling, large)]

    (widened,) = set(notes[0]) - set(notes[1])

    assert widened.startswith(
        "baseline of 20,000 rows for windows of 200: so that its own chance raises no alarm, slow"
    )


def test_sliding_windows_have_no_charts(monitor: Callable[..., Any], trained: Baseline) -> None:
    """Windows that overlap are judged one by one: no chart moves, nothing is carried, no budget is kept for charts."""
    one = monitor(trained, windowing={"length": 60, "slide": 30})
    judged = [one.see(rows(np.random.default_rng(seed), shift=0.15)) for seed in range(40)]

    assert {0.0} == {each.division.budget.of("charts") for each in judged}
    assert "cusum" not in {finding.detector for finding in one.findings}
    assert ({}, {}) == (one.chart_state.charts, one.chart_state.carried)


def test_an_unwatched_field_has_no_part(monitor: Callable[..., Any], trained: Baseline) -> None:
    """The charts' budget is divided among the charts of the watched fields only, in the findings as well."""
    one, rng = monitor(trained, watch={"features": ["x"]}), np.random.default_rng(1)
    budgets = [one.see(rows(rng, shift=0.15)).division.budget for _ in range(30)]
    first = one.findings[0]

    assert {"x"} == {key[0] for key in one.chart_state.charts}
    assert budgets[0].of("charts") / 4 == pytest.approx(first.threshold)
    assert first.budget_share == pytest.approx(first.threshold / budgets[0].alpha)


def test_a_switch_that_varies(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """A field of two values whose windows vary more than independent rows is charted by the widened rank test."""
    noise = Noise({"switch": Dispersion(N, 100, {"location": 1.5})})
    one, rng = monitor(learnt(rows(np.random.default_rng(0), 50_000), noise=noise)), np.random.default_rng(1)
    for _ in range(40):
        one.see(rows(rng) | {"switch": (rng.random(N) < 0.3).astype(np.float64)})

    assert ("switch", "location up") in {(finding.feature, finding.test) for finding in one.findings}
    assert {("switch", "location", "up"), ("switch", "location", "down")} == {
        key for key in one.chart_state.charts if key[0] == "switch"
    }
