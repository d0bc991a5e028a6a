"""Whether errors of training come in bursts: what is certain widens tests and charts, whatever else does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pegel.detect.error_rate import measure
from pegel.stats.figures import BIAS, MAE
from pegel.stats.labelled_rows import LabelledRows

ROWS = 10_000


def numbers(residuals: Any) -> LabelledRows:
    """Return rows of a regressor that are off by this, one after the other."""
    times = np.arange(len(residuals)).astype("datetime64[s]").astype("datetime64[us]")
    label = np.zeros(len(residuals))
    return LabelledRows.of_numbers(label + residuals, label, event_time=times, arrived_at=times)


@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.9])
def test_equal_residuals_are_no_bursts(zeros: float) -> None:
    """Whole numbers, of which many are equal, come as independently as they were drawn."""
    rng = np.random.default_rng(0)
    drawn = rng.normal(0, 3, ROWS).round() * (rng.random(ROWS) >= zeros)

    assert {} == measure(numbers(drawn)).dispersion


def test_residuals_that_come_in_bursts_are_told() -> None:
    """Of residuals that are larger in every other hundred rows both location and size vary beyond chance."""
    rng = np.random.default_rng(1)
    wide = (np.arange(ROWS) // 100 % 2).astype(np.bool_)
    drawn = rng.normal(0, 3, ROWS).round() + np.where(wide, 2, 0)

    assert {BIAS, MAE} == set(measure(numbers(drawn)).dispersion)
