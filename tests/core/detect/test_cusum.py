"""One chart: limits, alarms, what it forgets and what it keeps."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.stats import chi2, hypergeom, norm

from pegel.detect.binary import binary
from pegel.detect.cusum import RECOVERY, Chart, deviations
from pegel.detect.location import location
from pegel.detect.scale import scale
from pegel.detect.shape import pool_ordered, shape, shape_statistics
from pegel.detect.siegmund import ChartLimits, alarm_rate, arl, limits
from pegel.stats.dispersion import Dispersion

BASELINE = np.array([2_000, 2_000, 2_000, 2_000])
WINDOW = np.array([40, 45, 55, 60])
LIMITS = ChartLimits(k=0.5, h=8.0)


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
    """Below 36 windows of baseline there is no chart; below 250 the words say what is not seen; above, nothing."""
    widened, usual = limits(200, 20_000, 1e-4), limits(200, 50_000, 1e-4)

    assert limits(200, 36 * 200 - 1, 1e-4) is None
    assert limits(200, 36 * 200, 1e-4) is not None
    assert widened is not None
    assert "slow changes below 0.05 sigma are not seen (the allowance of the charts is " in (widened.message or "")
    assert usual is not None
    assert (0.5, None) == (usual.k, usual.message)


def test_run_length_is_continuous_at_no_drift() -> None:
    """The run length without drift lies between those of slightly negative and slightly positive drift."""
    lower, zero, upper = arl(np.array([1e-3, 0.0, -1e-3]), 5.0, 1.0)

    assert lower < zero < upper


def alarms_of(steps: np.ndarray, limit: ChartLimits, margin: float = 0.0) -> int:
    """Count the alarms of one chart that begins again after each."""
    chart, count = Chart(), 0
    for z in steps.tolist():
        chart = chart.step(z, limit)
        if chart.alarms(limit, margin):
            chart, count = chart.restarted(), count + 1
    return count


def test_realised_rate() -> None:
    """Among 300,000 clean windows alarms are no more frequent than promised, and not much rarer."""
    limit = ChartLimits(k=0.5, h=6.0)
    steps = np.random.default_rng(0).normal(size=300_000)
    promised = alarm_rate(limit.h, limit.k, 0.0) * steps.size

    assert 0.6 * promised < alarms_of(steps, limit) < 1.25 * promised


@pytest.mark.parametrize("windows", [36, 100, 1_000])
def test_the_error_of_the_baseline_is_paid_for(windows: int) -> None:
    """Over 4,000 baselines of few or many windows, charts alarm no more often than promised, and not much less."""
    share, rate, rng = 1 / (windows + 1), 1e-4, np.random.default_rng(0)
    limit = limits(100, 100 * windows, rate)
    assert limit is not None
    error, level, alarms, steps = rng.normal(0, np.sqrt(share), 4_000), np.zeros(4_000), 0, 600
    for _ in range(steps):
        z = np.clip(error + rng.normal(0, np.sqrt(1 - share), 4_000), -limit.h / 2, limit.h / 2)
        level = np.maximum(0, level + z - limit.k)
        alarms += int((level > limit.h).sum())
        level[level > limit.h] = 0

    assert 0.5 < alarms / (rate * steps * 4_000) < 1.2


@pytest.mark.parametrize(("df", "windows"), [(2, 36), (15, 50)])
def test_little_of_the_baseline_lasts_in_a_sum_of_squares(df: int, windows: int) -> None:
    """Over 2,000 baselines, charts of sums of squares alarm no more often than promised, and not much less."""
    share, rate, rng = 1 / (windows + 1), 1e-3, np.random.default_rng(0)
    limit = limits(100, 100 * windows, rate, squares=True)
    assert limit is not None
    lasting = (rng.normal(0, np.sqrt(share), (2_000, df)) ** 2).sum(axis=1) / (1 - share)
    level, alarms, steps = np.zeros(2_000), 0, 200
    for _ in range(steps):
        p = chi2.sf((1 - share) * rng.noncentral_chisquare(df, lasting), df)
        level = np.maximum(0, level + np.clip(norm.isf(p), -limit.h / 2, limit.h / 2) - limit.k)
        alarms += int((level > limit.h).sum())
        level[level > limit.h] = 0

    assert 0.7 < alarms / (rate * steps * 2_000) < 1.2


@pytest.mark.parametrize(("cells", "n"), [(60, 300), (8, 60), (3, 10_000)])
def test_charts_of_shape_have_no_bias(cells: int, n: int) -> None:
    """What enters a chart of categories has the mean 0 in clean windows, however few rows are in each of its pools."""
    rng, m, windows = np.random.default_rng(1), 1_000_000, 4_000
    law = np.full(cells, 1 / cells)
    baseline = np.broadcast_to(rng.multinomial(m, law), (windows, cells))
    tests = shape_statistics(
        baseline, rng.multinomial(n, law, size=windows), np.broadcast_to(np.arange(cells), baseline.shape)
    )
    z = [deviation for _, _, deviation in deviations([test for test in tests if test is not None])]

    assert len(z) == windows
    assert abs(np.mean(z)) < 3 / np.sqrt(windows)


def test_irrelevant_changes_do_not_alarm() -> None:
    """A lasting change below the margin raises the level, but never alarms."""
    limit, chart = ChartLimits(k=0.5, h=5.0), Chart()
    alarms = []
    for _ in range(500):
        chart = chart.step(0.8, limit)
        alarms.append(chart.alarms(limit, margin=1.0))

    assert not any(alarms)
    assert chart.level > 100


def test_a_high_level_goes_on_whatever_the_margin() -> None:
    """A level above the limit that never alarmed, for want of relevance, is not taken for one that did."""
    chart = Chart(9.0, 10, 9.0)
    after = chart.step(1.0, LIMITS)

    assert not chart.alarms(LIMITS, margin=1.0)
    assert chart.alarms(LIMITS, margin=0.0)
    assert (9.5, 11, 10.0, False) == (after.level, after.length, after.total, after.drifting)


def test_no_window_alarms_alone() -> None:
    """However far a window strays, it counts half the limit."""
    chart = Chart().step(1e6, LIMITS)

    assert 4.0 - 0.5 == chart.level
    assert not chart.alarms(LIMITS)


def test_a_run_begins_after_the_level_was_zero() -> None:
    """Length, sum and begin are those of the run since the level was last zero."""
    noon, later = datetime(2026, 7, 1, 12, tzinfo=UTC), datetime(2026, 7, 1, 13, tzinfo=UTC)
    chart = Chart().step(1.0, LIMITS, noon).step(-3.0, LIMITS, noon).step(2.0, LIMITS, later).step(1.0, LIMITS)

    assert Chart(2.0, 2, 3.0, later) == chart


def test_recovery() -> None:
    """After an alarm a chart drifts until sixteen windows look like chance together, counted from the alarm on."""
    drifting = Chart(9.0, 4, 11.0).restarted()
    calm = drifting
    for _ in range(RECOVERY - 1):
        calm = calm.step(0.1, LIMITS)
    changed = drifting
    for _ in range(40):
        changed = changed.step(0.7, LIMITS)

    assert (True, 0.0) == (drifting.drifting, drifting.level)
    assert calm.drifting
    assert Chart() == calm.step(0.1, LIMITS)
    assert changed.drifting


def test_json() -> None:
    """A chart read back from JSON text is the same, digit by digit."""
    chart = Chart(0.1 + 0.2, 7, 1 / 3, datetime(2026, 7, 1, 12, tzinfo=UTC), (1 / 7, -2.5))

    assert chart == Chart.from_json(json.loads(json.dumps(chart.to_json())))
    assert Chart() == Chart.from_json(json.loads(json.dumps(Chart().to_json())))


def test_each_kind_of_test_has_its_deviations() -> None:
    """Rank tests and switches give one value in each direction, shares of categories one; shape of numbers none."""
    two = binary(BASELINE[:2], WINDOW[:2])
    changed = shape(BASELINE, WINDOW, pool_ordered(BASELINE, WINDOW))
    assert changed is not None
    numbers = deviations([location(BASELINE, WINDOW), scale(BASELINE, WINDOW), changed])
    named = [(test, direction) for test, direction, _ in [*numbers, *deviations([two]), *deviations([changed])]]

    assert [
        ("location", "up"),
        ("location", "down"),
        ("scale", "up"),
        ("scale", "down"),
        ("binary", "up"),
        ("binary", "down"),
        ("shape", "any"),
    ] == named
    assert numbers[0][2] == pytest.approx(-numbers[1][2])
    assert numbers[0][2] == pytest.approx(location(BASELINE, WINDOW).z, rel=0.05)


def test_a_switch_is_centred() -> None:
    """The mid-p of a switch averages one half in each direction over all outcomes, as counts fall by chance."""
    n, m, both = 60, 600, 120
    outcomes = np.arange(both + 1)
    weights = hypergeom.pmf(outcomes, n + m, both, n)
    for sign in (1, -1):
        tails = [
            binary(np.array([m - both + k, both - k]), np.array([n - k, k])).tail(sign) if k <= n else 0.0
            for k in outcomes.tolist()
        ]

        assert float(weights @ tails) == pytest.approx(0.5)


def test_windows_that_resemble_the_last_count_less() -> None:
    """A correlation from window to window makes deviations smaller, by the root of (1 + lag) / (1 - lag)."""
    test = location(BASELINE, WINDOW)
    plain = deviations([test])[0][2]
    alike = deviations([test], Dispersion(200, 50, {}, lags={"location": 0.5}))[0][2]

    assert plain / alike == pytest.approx(np.sqrt(3), rel=0.03)


def test_a_window_without_a_deviation_leaves_the_chart_alone() -> None:
    """NaN is no deviation: it neither raises a chart nor resets it, at rest, on its way or after an alarm."""
    charts = [Chart(), Chart().step(2.0, LIMITS), Chart(recent=(1.0,) * 15)]

    assert charts == [chart.step(math.nan, LIMITS) for chart in charts]
