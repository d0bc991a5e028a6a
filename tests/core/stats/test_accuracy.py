"""Promised and realised rates, on seeded streams; `python -m benchmarks.accuracy` measures them at length."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from pegel.budget import sidak
from pegel.columns import Field, Kind, Schema
from pegel.detect.drift import drift_tests
from pegel.findings import Verdict
from pegel.layout import NumericLayout, build_layout
from pegel.stats.cells import count_sorted
from pegel.verdicts import Bar, decide

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]

SHAPES: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
    "poisson": lambda rng, n: rng.poisson(3, n).astype(np.float64),
    "binary": lambda rng, n: (rng.random(n) < 0.1).astype(np.float64),
    "zeros": lambda rng, n: rng.exponential(size=n) * (rng.random(n) < 0.1),
}
BASELINES, WINDOWS = 8, 60


def flags(shape: str, alpha: float, n: int, changed: Draw | None = None, margin: float = 0.02) -> NDArray[np.bool_]:
    """Judge fresh windows against fresh baselines of 20,000 rows at a level per feature."""
    found = []
    bar = Bar("drift", alpha, 1.0, margin)
    for number in range(BASELINES):
        rng = np.random.default_rng([7, number, n])
        training = SHAPES[shape](rng, 20_000)
        layout = build_layout(Schema((Field("x", Kind.NUMERIC),)), {"x": training}).features[0]
        assert isinstance(layout, NumericLayout)
        baseline = count_sorted(np.sort(training), layout.edges)
        for _ in range(WINDOWS):
            window = count_sorted(np.sort((changed or SHAPES[shape])(rng, n)), layout.edges)
            found.append(decide(drift_tests(layout, baseline, window), bar).verdict is Verdict.DRIFT)
    return np.array(found)


@pytest.mark.parametrize("n", [200, 2_000])
@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_false_alarms(shape: str, n: int) -> None:
    """At a level of five percent clean windows are flagged no more often than 1.3 times that, beyond chance."""
    flagged = int(flags(shape, 0.05, n, margin=0.0).sum())
    bound = binom.isf(1e-4, BASELINES * WINDOWS, 1.3 * 0.05)

    assert flagged <= bound


@pytest.mark.parametrize(
    ("changed", "n", "least", "most"),
    [
        (lambda rng, n: rng.normal(0.1, 1, n), 2_000, 0.73, 0.9),
        (lambda rng, n: rng.normal(0.2, 1, n), 200, 0.17, 0.4),
        (lambda rng, n: rng.normal(0.2, 1, n), 2_000, 0.97, 1.0),
        (lambda rng, n: rng.normal(0, 1.25, n), 200, 0.79, 1.0),
        (lambda rng, n: rng.normal(0, 1.1, n), 2_000, 0.96, 1.0),
        (lambda rng, n: rng.normal(0.5, 1, n), 200, 0.97, 1.0),
    ],
)
def test_power(changed: Draw, n: int, least: float, most: float) -> None:
    """Changes of one of ten features at one percent per window are found as often as specified, within chance."""
    flagged = flags("normal", sidak(0.01, 10), n, changed)
    slack = 4 * np.sqrt(0.25 / flagged.size)

    assert least - slack <= flagged.mean() <= most + slack
