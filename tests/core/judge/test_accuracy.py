"""Promised and realised rates, on seeded streams; `python -m benchmarks.accuracy` measures them at length."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from benchmarks.accuracy import charts, counts, delay, delay_check, dependence, ours, pairs, power, rules, streams
from benchmarks.accuracy.false_alarm_page import BANDS, CHARTS, COUNTED, DOUBLE, PAIRS
from benchmarks.accuracy.false_alarms import Grid, one_baseline
from benchmarks.accuracy.ours import Watched
from benchmarks.accuracy.power_page import TARGETS
from benchmarks.accuracy.tables import Band
from scipy.stats import binom, wasserstein_distance

from pegel.detect.siegmund import ChartLimits
from pegel.judge.budget import sidak

SEED = 7
CERTAIN = 1e-4
"""A rate that is right fails a test as rarely as this."""
pytestmark = pytest.mark.slow


def within(flagged: float, trials: int, level: float, band: Band) -> bool:
    """Say whether a count of flags is possible for a rate within the band, at one in ten thousand on each side."""
    low, high = band
    least = 0.0 if low is None else binom.ppf(CERTAIN, trials, low * level)
    return bool(least <= round(flagged) <= binom.isf(CERTAIN, trials, high * level))


@pytest.mark.parametrize("n", [50, 200, 2_000])
def test_drift_tests_keep_their_level(n: int) -> None:
    """Clean windows of ten independent features are flagged as often as promised, neither more nor far less."""
    grid = Grid(SEED, (50_000,), (n,), {n: 700})
    p = np.concatenate([one_baseline((grid, number))[50_000, n, "ours"] for number in range(5)])

    assert within(float((p < sidak(5e-2, 10)).sum()), p.size, 5e-2, BANDS[n])
    assert within(float((p < sidak(1e-2, 10)).sum()), p.size, 1e-2, BANDS[n])
    assert within(float((p < sidak(1e-3, 10)).sum()), p.size, 1e-3, (None, 1.3))


def test_correlated_features_keep_the_level() -> None:
    """Features that move together are flagged no more often than independent ones."""
    grid = Grid(SEED, (50_000,), (200,), {200: 300}, rho=0.5)
    p = np.concatenate([one_baseline((grid, number))[50_000, 200, "ours"] for number in range(2)])

    assert within(float((p < sidak(0.05, 10)).sum()), p.size, 0.05, (None, 1.1))


@pytest.mark.parametrize("kind", sorted(counts.KINDS))
def test_count_tests_keep_their_level(kind: str) -> None:
    """Nulls, unseen values and values beyond the range are flagged no more often than promised."""
    rates = [counts.one_baseline((SEED, number, kind, 200))[0] for number in range(10)]
    windows = 10 * (500 if "bursts" in kind else counts.WINDOWS)

    assert within(float(np.mean(rates)) * 0.01 * windows, windows, 0.01, COUNTED)


@pytest.mark.parametrize("windows_of_baseline", [36, 250])
def test_charts_keep_their_alarm_rate(windows_of_baseline: int) -> None:
    """Charts alarm as often as promised on average over baselines, although one baseline's error lasts."""
    tasks = [(SEED, number, windows_of_baseline * charts.N, 800, 1e-3) for number in range(8)]
    rates = np.array([charts.one_baseline(task) for task in tasks])
    # The error of a baseline lasts, so that its alarms come together: their spread says how far chance reaches.
    chance = 3.7 * rates.std(ddof=1) / np.sqrt(rates.size)

    assert CHARTS[0] - chance <= rates.mean() <= CHARTS[1] + chance


@pytest.mark.parametrize("copula", sorted(pairs.COPULAS))
def test_correlation_tests_keep_their_level(copula: str) -> None:
    """Pairs of heavy joint tails are flagged no more often than normal ones."""
    rates = [pairs.one_baseline((SEED, number, copula, {200: 400}))[0][0] for number in range(2)]

    assert within(float(np.mean(rates)) * 0.01 * 800, 800, 0.01, (0.5, PAIRS[1]))


@pytest.mark.parametrize("phi", dependence.PHIS)
def test_rows_that_resemble_their_neighbours(phi: float) -> None:
    """After the replay of the baseline, windows of dependent rows are flagged at most twice as often as promised."""
    rates = np.array([dependence.one_autoregressive((SEED, number, phi)) for number in range(2)])
    trials = 2 * dependence.WINDOWS

    assert rates[:, 0].mean() > 2
    assert within(float(rates[:, 1].mean()) * 0.01 * trials, trials, 0.01, DOUBLE)


def test_features_that_follow_the_clock() -> None:
    """A daily wave floods a baseline for all hours with alarms; judged by hours it gives at most twice the promised."""
    rates = np.array([dependence.one_seasonal((SEED, number)) for number in range(2)])
    trials = 2 * dependence.DAYS * dependence.PER_DAY

    assert rates[:, 0].mean() > 30
    assert within(float(rates[:, 1].mean()) * 0.01 * trials, trials, 0.01, DOUBLE)


@pytest.mark.parametrize("n", [200, 2_000])
def test_power(n: int) -> None:
    """Each change of one of ten features at one percent per window is found as often as specified, within chance."""
    plan = power.Plan(SEED, 50_000, {n: 50}, peers=0, few=0, forms=(power.OURS,))
    tally = power.Tally().merge(power.one_baseline((plan, number)) for number in range(4))
    place, windows = (200, 2_000).index(n), 200
    missed = {}
    for change, target in TARGETS.items():
        found = round(tally.share(power.OURS, change, n) * windows)
        # One baseline alone moves a share by up to .06, four of them by half of that.
        if found < binom.ppf(CERTAIN, windows, max(0.0, target[place] - 0.03 - 0.03)):
            missed[change] = found / windows

    assert missed == {}


@pytest.mark.parametrize("per_week", sorted(delay.BUDGETS.values()))
def test_the_fast_fold_is_the_judge(per_week: float) -> None:
    """Delays are measured by a fold that alerts in exactly the windows in which judging one after the other does."""
    assert delay_check.agrees(SEED, per_week, "mean .2 sigma", 30)


@pytest.mark.parametrize(("change", "most"), [("mean .1 sigma", 15), ("mean .5 sigma", 2), ("scale 1.1", 9)])
def test_delay(change: str, most: int, delays: Sequence[delay.Found]) -> None:
    """A change that lasts is alerted within the specified number of windows, in the median."""
    budget = next(iter(delay.BUDGETS))
    found = np.concatenate([one[budget, "whole", change] for one in delays])

    # At least half of the streams, less what chance allows.
    assert (found <= most).sum() >= binom.ppf(CERTAIN, found.size, 0.5)


@pytest.fixture(scope="module")
def delays() -> Sequence[delay.Found]:
    """Delays of 60 streams over three baselines."""
    return [delay.one_baseline((delay.Plan(SEED, 20, 30), number)) for number in range(3)]


def test_charts_in_arrays_are_the_library_s_charts() -> None:
    """Many charts at once alarm, restart and recover in the same windows as charts stepped one by one."""
    rng = np.random.default_rng(SEED)
    z = rng.normal(0.3, 1, size=(800, 5))
    limits = ChartLimits(0.5, 4.0)
    expected = np.stack([charts.one_by_one(column, limits, 0.05) for column in z.T], axis=1)

    assert expected.any()
    assert np.array_equal(expected, charts.fold(z, 5 * [limits], 0.05))


def test_cells_have_the_probabilities_of_their_law() -> None:
    """Windows drawn as counts have the law of counted rows: every cell's probability is that of the rows in it."""
    rng = np.random.default_rng(SEED)
    for name, law in streams.FEATURES.items():
        watched = Watched.of(streams.field(name), law.draw(rng, 20_000))
        p, rows = watched.probabilities(law), ours.count(watched.layout, law.draw(rng, 200_000)[None])[0]
        spread = np.sqrt(200_000 * p * (1 - p)) + 1

        assert np.isclose(p.sum(), 1)
        assert (np.abs(rows - 200_000 * p) < 5 * spread).all()


def test_the_distance_of_evidently_is_wasserstein_s() -> None:
    """The fast Wasserstein distance of the opponent's rule equals scipy's, with ties and shifts."""
    rng = np.random.default_rng(SEED)
    draws: list[Callable[[int], streams.Rows]] = [
        lambda n: rng.normal(size=n),
        lambda n: rng.poisson(3, n).astype(np.float64),
    ]
    for draw in draws:
        reference, window = np.sort(draw(5_000)), np.sort(draw(200)) + 0.25
        sums = np.append(0.0, np.cumsum(reference))

        assert np.isclose(rules.earth_moved(reference, sums, window), wasserstein_distance(reference, window))
