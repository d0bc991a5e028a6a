"""Correlations: exact sums, and changes that single fields do not show."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pegel.detect.correlation import correlation, kappas
from pegel.stats.cells import cell_of, count_sorted
from pegel.stats.comoments import Comoments
from pegel.stats.edges import build
from pegel.stats.normal_scores import normal_scores


def pair(seed: int, n: int, rho: float, df: float = np.inf) -> NDArray[np.int64]:
    """Draw normal scores of two fields with correlation `rho`, with joint heavy tails for small `df`."""
    rng = np.random.default_rng(seed)
    values = rng.multivariate_normal([0, 0], [[1, rho], [rho, 1]], size=n)
    if np.isfinite(df):
        values /= np.sqrt(rng.chisquare(df, n) / df)[:, None]
    columns = []
    for column in values.T:
        ordered = np.sort(column)
        edges, _ = build(ordered)
        columns.append(normal_scores(count_sorted(ordered, edges))[cell_of(column, edges)])
    return np.stack(columns, axis=1)


def summed(scores: NDArray[np.int64]) -> Comoments:
    """Sum complete rows."""
    found = Comoments(scores.shape[1])
    found.update(scores, np.ones(len(scores), dtype=np.bool_))
    return found


def test_any_split_gives_the_same_integers() -> None:
    """Sums of parts are the sums of all rows, bit by bit, and give numpy's correlation."""
    scores = pair(0, 5_000, 0.4)
    whole, parts = summed(scores), Comoments(2)
    for part in np.array_split(scores, [1, 40, 3_000]):
        parts.merge(summed(part))

    assert (whole.n, whole.sums.tolist(), whole.products.tolist()) == (
        parts.n,
        parts.sums.tolist(),
        parts.products.tolist(),
    )
    assert whole.correlations()[0, 1] == pytest.approx(float(np.asarray(np.corrcoef(scores.T))[0, 1]), rel=1e-12)


def test_incomplete_rows_do_not_count() -> None:
    """A row with one field absent is in no sum."""
    found = Comoments(2)
    found.update(np.array([[5, 7], [1000, 1000]]), np.array([True, False]))

    assert (1, [5, 7]) == (found.n, found.sums.tolist())


def test_a_changed_correlation_is_found() -> None:
    """A correlation that goes from 0 to 0.3 is certain in 1,000 rows; the same one is not."""
    scores = pair(1, 20_000, 0.0)
    baseline, kappa = summed(scores), kappas(scores)
    found, same = correlation(baseline, summed(pair(2, 1_000, 0.3)), kappa), correlation(baseline, baseline, kappa)

    assert found is not None
    assert same is not None
    assert found.p_value < 1e-10
    assert found.relevant
    assert (1.0, False) == (same.p_value, same.relevant)


def test_heavy_joint_tails_are_paid_for() -> None:
    """For a pair with joint heavy tails the variance factor is well above 1, for a normal pair about 1."""
    normal, heavy = kappas(pair(3, 20_000, 0.3)), kappas(pair(3, 20_000, 0.3, df=4))

    assert normal[0, 1] == pytest.approx(1, abs=0.1)
    assert heavy[0, 1] > 1.4


def test_too_little_to_say() -> None:
    """Fewer than 50 complete rows, or a field that does not vary, say nothing."""
    scores = pair(1, 2_000, 0.0)
    constant = scores * np.array([0, 1])

    assert correlation(summed(scores), summed(scores[:49]), np.ones((2, 2))) is None
    assert correlation(summed(constant), summed(constant), kappas(constant)) is None
    assert np.isnan(Comoments(2).correlations()).all()
