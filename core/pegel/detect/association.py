"""Do two tables differ in how rows and columns go together? Both margins of both tables are free.

Where nothing but margins changed, the odds in a cell that a row is the window's and not the baseline's are those of its
row times those of its column: no interaction of three ways. The residuals from that fit are tested by their score
statistic, which is Pearson's where all cells are well filled. Cells in which few rows are expected on either side are
tested together with those of their quarter of the table, else with all such cells; what is still too few is tested by
itself, exactly, for too many rows.

Sources: M. S. Bartlett, "Contingency table interactions", Journal of the Royal Statistical Society, Supplement 2
(1935), for the hypothesis; C. R. Rao, "Large sample tests of statistical hypotheses concerning several parameters",
Proceedings of the Cambridge Philosophical Society 44 (1948), for score statistics.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

from pegel.stats.pair_groups import GROUPS

EXPECTED = 10.0
"""Smallest expected count, on either side, of what is tested by the law of chi-squared."""
LEAST_INFORMED = 0.1
"""Directions with less of their variance left by the margins say nothing, and are not tested."""
ROUNDS, CLOSE = 200, 1e-6
"""At most so many rounds of fitting, which end when no margin is off by more than this part of the rows."""
CELLS = GROUPS * GROUPS
_HALF = np.arange(GROUPS) // 2
_QUARTER_OF = (2 * _HALF[:, None] + _HALF).ravel()
_MARGINS = np.concatenate([np.repeat(np.eye(GROUPS), GROUPS, axis=0), np.tile(np.eye(GROUPS), (GROUPS, 1))], axis=1)
"""Row and column of each cell, shape (16, 8)."""
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Associations(NamedTuple):
    """What was found of each pair of tables, shape (pairs,).

    `values`: score statistics; `df`: their degrees of freedom, 0 where nothing can be tested. `rare_p`: p-value of the
    rows in cells too rare for that; 1 where there are none.
    """

    values: Floats
    df: Integers
    rare_p: Floats


def fitted(baseline: Integers, window: Integers) -> tuple[Floats, Floats]:
    """Return the rows expected in window and baseline if nothing but margins differs, each of shape (pairs, 4, 4).

    The fit is iterative and proportional: W. E. Deming, F. F. Stephan, "On a least squares adjustment of a sampled
    frequency table when the expected marginal totals are known", Annals of Mathematical Statistics 11 (1940).
    """
    sides = np.stack([window, baseline]).astype(np.float64)
    both = sides.sum(axis=0)
    rows, columns = sides.sum(axis=-1, keepdims=True), sides.sum(axis=-2, keepdims=True)
    sizes = sides.sum(axis=(-1, -2), keepdims=True)
    found = both * _ratio(sizes, sizes.sum(axis=0))
    for _ in range(ROUNDS):
        found *= _ratio(rows, found.sum(axis=-1, keepdims=True))
        found *= _ratio(columns, found.sum(axis=-2, keepdims=True))
        found *= _ratio(both, found.sum(axis=0))
        if (np.abs(found.sum(axis=-1, keepdims=True) - rows) <= CLOSE * sizes).all():
            break
    return found[0], found[1]


def moved_to(baseline: Integers, window: Integers) -> Floats:
    """Return the rows of one table expected with the window's margins and the baseline's association, shape (4, 4)."""
    table = baseline.astype(np.float64)
    rows, columns = window.sum(axis=1, keepdims=True), window.sum(axis=0, keepdims=True)
    for _ in range(ROUNDS):
        table *= _ratio(rows, table.sum(axis=1, keepdims=True))
        table *= _ratio(columns, table.sum(axis=0, keepdims=True))
        if (np.abs(table.sum(axis=1, keepdims=True) - rows) <= CLOSE * window.sum()).all():
            break
    return table


def residual_squares(baseline: Integers, window: Integers) -> Floats:
    """Return Pearson's statistic of each pair of tables, shape (pairs,): quick, but without a law in sparse ones."""
    expected, others = fitted(baseline, window)
    residual = window - expected
    return np.asarray((residual * _ratio(residual, _variances(expected, others))).sum(axis=(-1, -2)))


def associations(baseline: Integers, window: Integers) -> Associations:
    """Compare pairs of tables, each of shape (pairs, 4, 4)."""
    shape = len(window), CELLS
    expected, others = (side.reshape(shape) for side in fitted(baseline, window))
    seen, both = window.reshape(shape), (baseline + window).reshape(shape)
    variances = _variances(expected, others)
    pools, rare = _pools(expected, others)
    inverse = _ratio(np.ones_like(pools[..., 0]), np.sqrt(np.einsum("pkc,pc->pk", pools, variances)))
    residuals = np.einsum("pkc,pc->pk", pools, seen - expected) * inverse
    covariance = pools @ _covariances(variances) @ pools.transpose(0, 2, 1) * inverse[:, :, None] * inverse[:, None, :]
    informed, directions = np.linalg.eigh(covariance)
    kept = informed > LEAST_INFORMED
    along = np.einsum("pkd,pk->pd", directions, residuals)
    values = np.where(kept, along**2 / np.where(kept, informed, 1.0), 0.0).sum(axis=1)
    return Associations(values, kept.sum(axis=1), _too_many(rare, seen, both, expected))


def cramers_v(table: Integers) -> float:
    """Return Cramer's V, from 0 to 1, of a table of shape (4, 4): how firmly rows and columns go together.

    Without what chance adds; 0 where all rows are in one group of either. Source: W. Bergsma, "A bias-correction for
    Cramer's V and Tschuprow's T", Journal of the Korean Statistical Society 42 (2013).
    """
    filled = table[np.ix_(table.any(axis=1), table.any(axis=0))].astype(np.float64)
    rows, columns, total = filled.shape[0], filled.shape[1], float(filled.sum())
    if min(rows, columns) < 2 or total < 2:  # noqa: PLR2004  one group of either, or one row
        return 0.0
    independent = filled.sum(axis=1, keepdims=True) * filled.sum(axis=0, keepdims=True) / total
    squares = float(((filled - independent) ** 2 / independent).sum()) / total
    chance = (rows - 1) * (columns - 1) / (total - 1)
    least = min(groups - (groups - 1) ** 2 / (total - 1) for groups in (rows, columns)) - 1
    return min(1.0, math.sqrt(max(0.0, squares - chance) / least)) if least > 0 else 0.0


def _pools(expected: Floats, others: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return which cells are tested together, shape (pairs, 21, 16), and which are too rare for it, (pairs, 16)."""
    dense = np.minimum(expected, others) >= EXPECTED
    left = ~dense
    pools = [dense[:, None, :] & np.eye(CELLS, dtype=np.bool_)]
    by_quarter = left[:, None, :] & (np.arange(GROUPS)[:, None] == _QUARTER_OF)
    for candidates in (by_quarter, None):
        these = left[:, None, :] if candidates is None else candidates
        rows = np.minimum((these * expected[:, None]).sum(axis=-1), (these * others[:, None]).sum(axis=-1))
        chosen = these & (rows >= EXPECTED)[..., None]
        pools.append(chosen)
        left &= ~chosen.any(axis=1)
    return np.concatenate(pools, axis=1).astype(np.float64), left


def _covariances(variances: Floats) -> Floats:
    """Return the covariances of residuals, shape (pairs, 16, 16): what the margins leave of the cells' variances."""
    spread = variances[:, :, None] * _MARGINS
    taken = spread @ np.linalg.pinv(_MARGINS.T @ spread, rcond=1e-10, hermitian=True) @ spread.transpose(0, 2, 1)
    return np.asarray(variances[:, :, None] * np.eye(CELLS) - taken)


def _too_many(rare: NDArray[np.bool_], seen: Integers, both: Integers, expected: Floats) -> Floats:
    """Return the binomial upper tail of the window's rows in rare cells, given those of both sides."""
    rows, total = (rare * seen).sum(axis=1), (rare * both).sum(axis=1)
    share = np.clip(_ratio((rare * expected).sum(axis=1), total), 0, 1)
    return np.asarray(np.where(rows > 0, bdtrc(rows - 1.0, np.maximum(total, 1), share), 1.0), dtype=np.float64)


def _variances(expected: Floats, others: Floats) -> Floats:
    return _ratio(expected * others, expected + others)


def _ratio(above: NDArray[np.floating | np.integer], below: NDArray[np.floating | np.integer]) -> Floats:
    """Divide; 0 where the divisor is 0."""
    zeros = np.zeros(np.broadcast_shapes(above.shape, below.shape))
    return np.asarray(np.divide(above, below, out=zeros, where=below > 0), dtype=np.float64)
