"""From false alarms per week to levels."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import timedelta
from itertools import combinations

import numpy as np
import pytest

from pegel.baseline.baseline import Baseline
from pegel.judge import budget
from pegel.judge.budget import Layer
from pegel.judge.judge import layers
from pegel.spec.monitor_spec import FalseAlarms, MonitorSpec, Windowing

OTHERS = (Layer.CUSUM, Layer.MULTIVARIATE)
RUNNING = [frozenset({Layer.WINDOW, *some}) for size in range(3) for some in combinations(OTHERS, size)]


def test_the_whole_budget_is_spent() -> None:
    """One alarm per week in minutes is one alarm in 10,080 windows, over all features together."""
    found = budget.levels(FalseAlarms(), Windowing(), features=10)

    assert pytest.approx(1 / 10_080) == found.alpha_window
    assert pytest.approx(1 / 7) == found.expected_per_day
    assert 1 - (1 - found.drift) ** 10 == pytest.approx(0.8 / 10_080)
    assert 1 - (1 - found.quality) ** 11 == pytest.approx(0.2 / 10_080)


def test_layers_share_the_budget() -> None:
    """With all layers single windows have half: 15 s windows and ten features give the published levels."""
    quarter = Windowing(length=timedelta(seconds=15))
    found = budget.levels(FalseAlarms(), quarter, 10, layers=frozenset(Layer))

    assert ("9.9e-06", "9.9e-07") == (f"{found.alpha_drift:.1e}", f"{found.drift:.1e}")
    assert (0.4 / 40_320, 0.1 / 40_320) == pytest.approx((found.alpha_cusum, found.alpha_multivariate))
    assert 1 / 7 == pytest.approx(found.expected_per_day)
    assert found.describe().endswith(
        "; charts over windows have 9.9e-06 per window and tests of several features have 2.5e-06 per window."
    )


@pytest.mark.parametrize("running", RUNNING)
def test_unused_shares_go_to_single_windows(running: AbstractSet[Layer]) -> None:
    """Whichever layers run, the sum is what was asked for, and single windows have what the others do not use."""
    found = budget.levels(FalseAlarms(count=2, per="day"), Windowing(), 5, running)
    asked = 2 / 1_440
    charts, several = (share if layer in running else 0 for layer, share in zip(OTHERS, (0.4, 0.1), strict=True))

    assert asked == pytest.approx(found.alpha)
    assert (charts * asked, several * asked) == pytest.approx((found.alpha_cusum, found.alpha_multivariate))
    assert (1 - charts - several) * asked == pytest.approx(found.alpha_window)
    assert found.alpha_window / found.alpha == pytest.approx(found.share_drift + found.share_quality)
    assert 2 == pytest.approx(found.expected_per_day)


def test_a_layer_without_work_does_not_run(learnt: Callable[..., Baseline], spec: MonitorSpec) -> None:
    """Correlations need two watched numbers, charts 36 windows of baseline and windows that do not overlap."""
    rng = np.random.default_rng(0)
    baseline = learnt({"x": rng.normal(size=2_000), "y": rng.normal(size=2_000), "z": rng.integers(0, 2, 2_000) / 1.0})
    sliding = MonitorSpec.parse(spec.to_json() | {"windowing": {"length": 60, "slide": 30}})
    alone, with_z = (
        MonitorSpec.parse(spec.to_json() | {"watch": {"features": features}}) for features in (["x"], ["x", "z"])
    )
    window, several, charts = Layer.WINDOW, Layer.MULTIVARIATE, Layer.CUSUM

    assert [{window, several, charts}, {window, several}, {window, several}] == [
        layers(baseline, spec, usual) for usual in (55, 56, None)
    ]
    assert {window, several} == layers(baseline, sliding, 50)
    assert [{window}, {window}] == [layers(baseline, one) for one in (alone, with_z)]


def test_each_step_is_judged() -> None:
    """Overlapping windows are judged once per slide, so their number counts."""
    sliding = Windowing(length=timedelta(minutes=10), slide=timedelta(minutes=1))

    assert budget.levels(FalseAlarms(), Windowing(), 3) == budget.levels(FalseAlarms(), sliding, 3)


def test_cap() -> None:
    """Few windows do not raise the level of each beyond 0.05, and the words say that fewer alarms come."""
    found = budget.levels(FalseAlarms(count=10, per="day"), Windowing(length=timedelta(days=1)), 1)

    assert pytest.approx(0.05) == found.alpha_window
    assert "fewer are expected than asked for" in found.describe()


def test_words() -> None:
    """The arithmetic is shown: alarms per day, windows, shares, levels per feature."""
    text = budget.levels(FalseAlarms(), Windowing(), features=10).describe()

    assert text == (
        "With these settings expect 0.14 false alarms per day: 1440 windows a day, each judged at 9.9e-05 in all "
        "(80% for drift, 20% for data quality), which is 7.9e-06 for the drift and 1.8e-06 for the quality of each of "
        "10 features; only single windows are judged, with the whole budget."
    )
