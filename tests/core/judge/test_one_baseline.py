"""One baseline's own rate of false alarms: how far from the promise, and how it is held for most baselines."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from scipy.special import ndtri

import pegel
from pegel.baseline.baseline import Baseline
from pegel.errors import InvalidSpec
from pegel.judge.division import Division
from pegel.judge.layer import Setting
from pegel.judge.one_baseline import OneBaseline, scale_for, spread
from pegel.spec.monitor_spec import FalseAlarms, MonitorSpec
from pegel.testing.samples import sample_baseline, sample_spec

SMALL = OneBaseline(n=750, m=3_000, alpha=0.05, tests=20)


def rates(tested: OneBaseline, baselines: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return realised over promised rates of simulated baselines: means of normal rows, tested with both errors."""
    rng = np.random.default_rng(1)
    before = rng.normal(0, tested.m**-0.5, (baselines, 1, tested.tests))
    now = rng.normal(0, tested.n**-0.5, (baselines, 400, tested.tests))
    z = (now - before) / (1 / tested.n + 1 / tested.m) ** 0.5
    flagged = np.abs(z) > -ndtri(tested.alpha / tested.tests / 2)
    return np.asarray(flagged.sum(axis=2).mean(axis=1) / tested.alpha)


def test_the_spread_is_foretold() -> None:
    """Nine in ten simulated baselines lie as far from the promise as is said of one."""
    low, high = spread(SMALL)
    real = np.quantile(rates(SMALL, 400), [0.05, 0.95])

    assert low == pytest.approx(real[0], abs=0.15)
    assert high == pytest.approx(real[1], abs=0.25)


def test_the_promise_is_held_for_most_baselines() -> None:
    """At the levels found for 95 % about so many simulated baselines raise no more than promised."""
    scale = scale_for(SMALL, 0.95)
    real = rates(SMALL.scaled(scale), 400) * scale

    assert 0.9 <= np.mean(real <= 1) <= 0.99


def test_large_baselines_cost_nothing() -> None:
    """The larger the baseline the nearer each one is to the promise, charts included."""
    sizes = (30_000, 300_000, 3_000_000)
    scales = [scale_for(OneBaseline(750, m, 0.03, 20, 0.02, 60), 0.95) for m in sizes]

    assert sorted(scales) == scales
    assert scales[-1] > 0.97


def test_charts_of_squares_depend_less_on_the_baseline() -> None:
    """The more charts are of sums of squares, the less does holding the promise for most baselines cost."""
    scales = [scale_for(OneBaseline(750, 30_000, 0.0, 0, 0.02, 20, squares), 0.95) for squares in (0, 10, 20)]

    assert sorted(scales) == scales
    assert scales[-1] > 0.9 > scales[0]


def test_a_held_promise_divides_less() -> None:
    """With `hold_for` all layers have less, fewer false alarms are to be expected, and both are told."""
    baseline = sample_baseline(fields=5, rows=3_000)
    average, held = (
        Division.of(Setting(sample_spec(false_alarms=f"1 per week{words}"), baseline, follows=False, usual_rows=750))
        for words in ("", " for 95% of baselines")
    )
    ratios = {name: held.budget.of(name) / average.budget.of(name) for name in average.budget.alphas}

    assert {round(held.budget.scale, 9)} == {round(ratio, 9) for ratio in ratios.values()}
    assert 0.2 < held.budget.scale < 0.8
    assert any("may lie between" in note for note in average.notes())
    assert any("holds for 95 % of baselines" in note for note in held.notes())
    assert "fewer than asked for, so that 95 % of baselines keep to it" in held.describe()


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """Three thousand rows of a number."""
    return pegel.profile({"x": np.random.default_rng(0).normal(size=3_000)})


def test_a_check_says_how_far_its_baseline_may_be_off(baseline: Baseline) -> None:
    """Only where windows are large beside the baseline is there something to say."""
    rows = np.random.default_rng(1).normal(size=2_000)
    told = {
        n: [note for note in pegel.check({"x": rows[:n]}, baseline).judgement.notes if "times it" in note]
        for n in (200, 2_000)
    }

    assert [] == told[200]
    assert 1 == len(told[2_000])


def test_the_phrase_and_the_fields_say_the_same() -> None:
    """A share of baselines stands in the phrase of the budget, or in a field; as it is told, it is accepted again."""
    phrase = FalseAlarms.model_validate("2 per day for 95% of baselines")
    fields = FalseAlarms.model_validate({"count": 2, "per": "day", "hold_for": "95%"})

    assert phrase == fields == FalseAlarms.model_validate(str(phrase))
    assert (0.95, timedelta(days=1)) == (phrase.hold_for, phrase.period)
    assert "1 per week" == str(FalseAlarms())


@pytest.mark.parametrize("share", ["10%", 0.999, 1.0, "-5%", "all"])
def test_shares_that_cannot_be_held_are_refused(share: object) -> None:
    """Fewer than half of the baselines are no promise, and all of them cannot be had."""
    with pytest.raises(InvalidSpec, match=r"false_alarms\.hold_for"):
        MonitorSpec.parse(sample_spec().to_json() | {"false_alarms": {"hold_for": share}})
