"""When a change began: the set holds the truth as often as it says, and is no wider than it has to be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal

from pegel.detect.change_point import GRADUAL, SUDDEN, THRESHOLD, ChangePoints, change_points, likelihood
from pegel.detect.cusum import Chart
from pegel.detect.recent_deviations import MOST_KEPT, STEPS
from pegel.detect.siegmund import ChartLimits

LIMITS = ChartLimits(k=0.5, h=13.35)
"""Of a model with some ten charts, at one false alarm a week and windows of 15 s."""
SHARE = 200 / 50_200
"""Windows of 200 rows, a baseline of 50,000."""
TENTH = 0.1 * (200 * 50_000 / 50_200) ** 0.5
"""What a shift by a tenth of a standard deviation adds to the deviation of a window of 200 rows."""
BEFORE = 40
Floats = NDArray[np.float64]


@pytest.mark.parametrize("share", [0.0, 0.004, 0.03])
@pytest.mark.parametrize(
    ("length", "power"), [(SUDDEN, 1), *((length, power) for length in GRADUAL for power in (1, 2))]
)
def test_the_likelihood_is_that_of_the_model(share: float, length: int, power: int) -> None:
    """For every window it is what the normal law with a common error gives, maximised numerically over the change."""
    z = np.random.default_rng(length).normal(size=9) + np.repeat([0.0, 1.5], [5, 4])
    law = multivariate_normal(np.zeros(9), (1 - share) * np.eye(9) + share)
    expected = []
    for first in range(9):
        shape = np.array([0.0] * first + [min(1.0, (each + 1) / length) ** power for each in range(9 - first)])
        best = minimize_scalar(
            lambda size, shape=shape: -law.logpdf(z - size * shape),
            bounds=(0, 1e5),
            method="bounded",
            options={"xatol": 1e-6},
        )
        expected.append(max(0.0, -best.fun - law.logpdf(z)))

    assert expected == pytest.approx(likelihood(z, share, length, power).tolist(), abs=1e-6)


def test_the_threshold_is_that_of_the_source() -> None:
    """ln(2 / 0.1): what universal sets of 90 % confidence are cut by."""
    assert pytest.approx(2.9957, abs=5e-5) == THRESHOLD


def alarmed(rng: np.random.Generator, mean: Callable[[int], float], share: float = SHARE) -> tuple[Floats, int] | None:
    """Draw windows until the chart alarms; return what is kept, and where the change began; None if it alarmed before.

    `mean`: of a window's deviation, by windows since the change began.
    """
    chart, error = Chart(), rng.normal(0, share**0.5)
    seen: list[float] = []
    while not chart.alarms(LIMITS, 0.02 * TENTH / 0.1):
        since = len(seen) - BEFORE
        z = error + rng.normal(0, (1 - share) ** 0.5) + (mean(since) if since >= 0 else 0.0)
        chart = chart.step(z, LIMITS)
        seen.append(round(STEPS * max(-LIMITS.h / 2, min(LIMITS.h / 2, z))) / STEPS)
    kept = np.array(seen[-MOST_KEPT:])
    begun = BEFORE - max(0, len(seen) - MOST_KEPT)
    return (kept, begun) if len(seen) > BEFORE else None


def found(mean: Callable[[int], float], count: int = 150) -> list[tuple[ChangePoints, int]]:
    """Return the sets of many alarms, each with where the change began."""
    rng = np.random.default_rng(20_261_129)
    drawn = (alarmed(rng, mean) for _ in range(count))
    return [(change_points(z, SHARE), begun) for z, begun in filter(None, drawn)]


def holds(within: tuple[int, int], begun: int) -> bool:
    """Say whether a change is in a set; in one that is open to the left also where it began before what is kept."""
    first, last = within
    return (first <= begun or first == 0) and begun <= last


@pytest.mark.parametrize(("size", "widest"), [(1.0, 16), (TENTH, 8), (2 * TENTH, 4)])
def test_sudden_changes_are_held(size: float, widest: int) -> None:
    """Nine in ten sets hold the change, which a tenth of a standard deviation places within eight windows."""
    sets = found(lambda _: size)
    widths = [one.sudden[1] - one.sudden[0] + 1 for one, _ in sets]

    assert np.mean([holds(one.sudden, begun) for one, begun in sets]) >= 0.9
    assert np.mean([one.is_sudden for one, _ in sets]) >= 0.95
    assert np.median(widths) <= widest


@pytest.mark.parametrize(("windows", "most"), [(5, 1.0), (10, 2.0), (20, 2.0)])
def test_gradual_changes_are_held(windows: int, most: float) -> None:
    """The set for changes of any kind holds the begin of nine in ten slopes; that for sudden ones would not."""
    sets = found(lambda since: most * TENTH * min(1.0, (since + 1) / windows))

    assert np.mean([holds(one.any_way, begun) for one, begun in sets]) >= 0.9
    assert np.mean([holds(one.sudden, begun) for one, begun in sets]) < 0.9


@pytest.mark.parametrize("windows", [10, 20])
def test_slopes_of_squares_are_held(windows: int) -> None:
    """Shares that move evenly show as a square: nine in ten sets hold their begin; those for even slopes would not."""
    rng, kept = np.random.default_rng(20_261_129), []
    for _ in range(150):
        drawn = alarmed(rng, lambda since: 8.0 * min(1.0, (since + 1) / windows) ** 2, SHARE**2)
        kept += [] if drawn is None else [drawn]
    squares, even = (
        np.mean([holds(change_points(z, SHARE**2, squares=flag).any_way, begun) for z, begun in kept])
        for flag in (True, False)
    )

    assert squares >= 0.9 > even


def test_the_error_of_the_baseline_is_paid_for() -> None:
    """Of what lies off in every window alike, more is put down to the baseline where it is small: the set is wider."""
    z = np.random.default_rng(2).normal(size=60) + np.repeat([0.3, 2.5], [50, 10])
    large, small = (change_points(z, share).any_way for share in (0.0, 1 / 37))

    assert small[0] >= large[0]
    assert 50 in range(small[0], small[1] + 1)
    assert likelihood(z, 1 / 37, SUDDEN)[0] < 0.6 * likelihood(z, 0.0, SUDDEN)[0]


def test_clean_windows_before_only_move_the_set() -> None:
    """What went before a clear change, ten windows or a hundred, moves the positions and nothing else."""
    rng = np.random.default_rng(3)
    change = rng.normal(4, 1, 8)
    few, many = (change_points(np.concatenate([np.zeros(count), change]), 0.0).sudden for count in (10, 100))

    assert (few[0] + 90, few[1] + 90) == many


@pytest.mark.parametrize("z", [[-1.0], [2.0], [-1.0, -2.0, -0.5], [0.0, 0.0]])
def test_what_says_nothing_excludes_nothing(z: list[float]) -> None:
    """A single window, and windows without any deviation upwards, leave every window possible."""
    every = (0, len(z) - 1)

    assert ChangePoints(every, every, is_sudden=True) == change_points(np.array(z), 0.01)
