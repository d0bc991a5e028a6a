"""When did a change begin that a chart alarmed of? A confidence set of the change point, not a guess.

For each window it is asked whether the change may have begun with it: whether the deviations seen so far are about as
likely then as if it had begun with the window that explains them best. Before the change, deviations are standard
normal values with one error in common, that of the baseline. After it their mean is higher, by how much is not known:
at once (a sudden change), or more from window to window until it stays (a gradual one, over 4, 16 or 64 windows). Of a
chart of squares, a change that grows evenly shows as its square.

The set has to be valid although the data ends at an alarm, which is no moment like any other. The threshold is the
ln(2 / 0.1) by which the source's universal sets at 90 % are cut; here it cuts ratios of maximised likelihoods, which
are less careful, so its coverage is measured and not proven (`benchmarks/accuracy/since.py`).

Source: A. Saha and A. Ramdas, "Post-detection inference for sequential changepoint localization", arXiv:2502.06096
(2025): confidence sets by inverting tests, conditional on an alarm not before the change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.9
THRESHOLD = math.log(2 / (1 - CONFIDENCE))
"""Largest difference of log-likelihoods to the best window, of one that the change may have begun with."""
SUDDEN = 1
GRADUAL = (4, 16, 64)
"""Windows over which a gradual change grows, evenly."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChangePoints:
    """With which windows a change may have begun, by their positions: from the first to the last one, both inclusive.

    `sudden`: if it came at once. `any_way`: whether it came at once or gradually. `is_sudden`: whether the deviations
    look as after a sudden change; if not, only `any_way` holds.
    """

    sudden: tuple[int, int]
    any_way: tuple[int, int]
    is_sudden: bool


def change_points(z: Floats, baseline_share: float, *, squares: bool = False) -> ChangePoints:
    """Return with which windows a change upwards may have begun, at 90 % confidence.

    Args:
        z: Deviations in the direction of the chart, the newest last, shape (windows,), none of them NaN; at least one.
        baseline_share: Share of the variance of z that is the same in every window, see `siegmund.baseline_share_of`.
        squares: Whether the chart is of sums of squares.

    >>> change_points(np.repeat([0.0, 3.0], [20, 6]), 0.0).sudden
    (20, 20)
    """
    power = 2 if squares else 1
    by_length = np.stack([likelihood(z, baseline_share, length, power) for length in (SUDDEN, *GRADUAL)])
    sudden, any_way = by_length[0], by_length.max(axis=0)
    first, last = _within(sudden)
    earliest, latest = _within(any_way)
    is_sudden = bool(any_way.max() - sudden.max() <= THRESHOLD)
    return ChangePoints((first, last), (min(first, earliest), max(last, latest)), is_sudden)


def likelihood(z: Floats, baseline_share: float, length: int, power: int = 1) -> Floats:
    """Return the log-likelihood that a change began with each window, over that of none; shape (windows,).

    It is maximised over the size of the change, which is positive. `length`: windows over which the change grows, to
    its full size in the last of them; 1: at once. `power`: of the part of the change that has come, in what is seen.
    """
    windows = z.size
    shapes = np.clip((np.arange(windows) - np.arange(windows)[:, None] + 1) / length, 0.0, 1.0) ** power
    # The inverse of the covariance (1 - share) I + share 11' (Sherman and Morrison).
    pull = baseline_share / (1 + (windows - 1) * baseline_share)
    totals = shapes.sum(axis=1)
    along = np.maximum(shapes @ z - pull * totals * z.sum(), 0.0)
    sizes = (shapes * shapes).sum(axis=1) - pull * totals * totals
    likelihoods: Floats = along * along / (2 * (1 - baseline_share) * sizes)
    return likelihoods


def _within(likelihoods: Floats) -> tuple[int, int]:
    near = np.flatnonzero(likelihoods.max() - likelihoods <= THRESHOLD)
    return int(near[0]), int(near[-1])
