"""CUSUM charts: limits, alarms, and state that survives a restart."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pegel.detect.cusum import Chart, Charts
from pegel.detect.siegmund import Limits, alarm_rate, arl, limits
from pegel.layout import Layout


@pytest.mark.parametrize(
    ("windows", "k", "expected"),
    [
        (10**12, 0.5, ("8.738", "13.351")),
        (1_000, 0.5, ("8.853", "13.660")),
        (250, 0.5, ("9.231", "14.773")),
        (100, 0.6990, ("6.923", "11.205")),
        (36, 0.8288, ("6.484", "12.015")),
    ],
)
def test_limits(windows: int, k: float, expected: tuple[str, str]) -> None:
    """Allowance and limit are the published ones, for baselines of many and of few windows."""
    found = [limits(200, 200 * windows, 1 / target) for target in (40_000, 4_032_000)]

    assert None not in found
    assert expected == tuple(f"{one.h:.3f}" for one in found if one is not None)
    assert k == pytest.approx(found[0].k if found[0] else None, abs=5e-5)


def test_small_baselines_have_no_charts() -> None:
    """Below 36 windows of baseline there is no chart; below 250 the words say what is not seen."""
    widened = limits(200, 20_000, 1e-4)

    assert limits(200, 36 * 200 - 1, 1e-4) is None
    assert widened is not None
    assert "changes below 0.05 sigma are not seen" in (widened.message or "")


def test_run_length_is_continuous_at_no_drift() -> None:
    """The run length without drift lies between those of slightly negative and slightly positive drift."""
    lower, zero, upper = arl(np.array([1e-3, 0.0, -1e-3]), 5.0, 1.0)

    assert lower < zero < upper


def test_realised_rate() -> None:
    """Among 300,000 clean windows alarms are no more frequent than promised, and not much rarer."""
    limit = Limits(k=0.5, h=6.0)
    steps = np.random.default_rng(0).normal(size=300_000)
    chart = Chart()
    alarms = sum(chart.step(z, limit) for z in steps.tolist())
    promised = alarm_rate(limit.h, limit.k, 0.0) * steps.size

    assert 0.6 * promised < alarms < 1.25 * promised


def test_irrelevant_changes_do_not_alarm() -> None:
    """A lasting change below the margin raises the level, but never alarms."""
    limit, chart = Limits(k=0.5, h=5.0), Chart()

    assert not any(chart.step(0.8, limit, margin=1.0) for _ in range(500))
    assert chart.level > 5


def test_small_lasting_shift(layout: Layout) -> None:
    """A shift too small for any single window alarms after some, in its direction, and names the length of the run."""
    delay = layout.features[0]
    rng = np.random.default_rng(0)
    shares = np.linspace(0.9, 1.1, delay.size) / delay.size
    baseline = np.full(delay.size, 10_000)
    limit = Limits(k=0.5, h=8.7)
    charts, alarms = Charts(), []
    for _ in range(40):
        alarms += charts.step(delay, baseline, rng.multinomial(200, shares), limit, margin=0.02)

    assert {("delay", "location", "up")} == {(alarm.feature, alarm.test, alarm.direction) for alarm in alarms}
    assert 3 < alarms[0].length < 40


def test_restored_charts_go_on(layout: Layout) -> None:
    """Charts restored from JSON go on exactly where the others would have."""
    delay, limit = layout.features[0], Limits(k=0.5, h=4.0)
    rng = np.random.default_rng(1)
    windows = rng.multinomial(200, np.full(delay.size, 1 / delay.size), size=30)
    baseline = np.full(delay.size, 1_000)
    whole, first = Charts(), Charts()
    for window in windows:
        whole.step(delay, baseline, window, limit, 0.0)
    for window in windows[:10]:
        first.step(delay, baseline, window, limit, 0.0)
    second = Charts.restore(json.loads(json.dumps(first.snapshot())))
    for window in windows[10:]:
        second.step(delay, baseline, window, limit, 0.0)

    assert whole.snapshot() == second.snapshot()
