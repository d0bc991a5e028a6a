"""From false alarms per week to levels."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pegel import budget
from pegel.budget import Layer
from pegel.spec import FalseAlarms, Windowing


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
    assert "Beside them: charts over windows at 9.9e-06 per window and tests" in found.describe()


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
        "10 features. Only single windows are judged; they have the whole budget."
    )
