"""How often a classifier errs: the baseline's own rate, and whether a window's rate is higher.

Labels come late or never; where they are, the exact test of counts says whether more answers are wrong than in
training.
Scores without labels are estimated by `pegel.detect.cbpe`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from pegel.detect.cbpe import calibrate
from pegel.detect.count_tests import CountTest
from pegel.stats.performance import Performance

BLOCK = 100
"""Errors are counted in blocks of so many rows, to see whether they come in bursts."""
MIN_BLOCKS = 30
GATE = 0.05
ERROR_RATE = "error rate"


@dataclass(frozen=True, slots=True)
class Labelled:
    """Rows of a window whose labels are known, and how many of them were answered wrongly."""

    rows: int
    errors: int


def measure(
    wrong: NDArray[np.bool_], scores: NDArray[np.float64] | None = None, labels: NDArray[np.bool_] | None = None
) -> Performance:
    """Return how a classifier did on labelled rows.

    Args:
        wrong: Whether each answer was wrong, shape (rows,), in order of time if the order is known.
        scores: Score of the positive class of each row, in [0, 1]; None without scores or for more than two classes.
        labels: Whether each row is of the positive class; needed with `scores`.
    """
    calibration = None
    if scores is not None and labels is not None and len(scores):
        calibration = tuple(calibrate(scores, labels).tolist())
    return Performance(len(wrong), int(np.count_nonzero(wrong)), _burstiness(wrong), calibration)


def error_test(performance: Performance, errors: int, rows: int) -> CountTest:
    """Test whether `errors` among `rows` labelled rows are more than in training; upper tail only."""
    return CountTest(
        ERROR_RATE,
        errors,
        rows,
        performance.errors,
        performance.rows,
        factor=performance.dispersion,
        words="wrong answers",
    )


def _burstiness(wrong: NDArray[np.bool_]) -> float:
    """Return by how much the count of errors per block varies more than that of independent ones; 1 unless certain."""
    blocks = len(wrong) // BLOCK
    if blocks < MIN_BLOCKS:
        return 1.0
    rate = float(np.mean(wrong))
    spread = BLOCK * rate * (1 - rate)
    if spread <= 0:
        return 1.0
    counts = wrong[: blocks * BLOCK].reshape(blocks, BLOCK).sum(axis=1)
    mean = float(np.mean((counts - BLOCK * rate) ** 2)) / spread
    if blocks * mean <= chdtri(blocks, GATE):
        return 1.0
    return float(f"{mean * (1 + math.sqrt(2 / blocks)):.6g}")
