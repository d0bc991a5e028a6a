"""Correlations: exact sums, and changes that single fields do not show."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from pegel.detect.correlation import correlation
from pegel.stats.cells import cell_of, count_sorted
from pegel.stats.comoments import Comoments
from pegel.stats.edges import build
from pegel.stats.fourth import FourthProducts
from pegel.stats.normal_scores import normal_scores


def values(seed: int, n: int, rho: float, df: float = np.inf) -> NDArray[np.float64]:
    """Draw two fields with correlation `rho`, with joint heavy tails for small `df`, shape (n, 2)."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(n, 2))
    drawn[:, 1] = rho * drawn[:, 0] + np.sqrt(1 - rho * rho) * drawn[:, 1]
    return drawn if np.isinf(df) else drawn / np.sqrt(rng.chisquare(df, n) / df)[:, None]


class Trained:
    """The cells of two fields, and what a baseline keeps of their rows."""

    def __init__(self, rows: NDArray[np.float64]) -> None:
        """Freeze cells and scores."""
        self.edges = [build(np.sort(column))[0] for column in rows.T]
        counts = [count_sorted(np.sort(column), edges) for column, edges in zip(rows.T, self.edges, strict=True)]
        self.tables = [normal_scores(each) for each in counts]
        self.sums = self.summed(rows)
        fourth = FourthProducts(2)
        fourth.update(self.scores(rows))
        self.kappa = fourth.kappas()

    def scores(self, rows: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the normal scores of rows."""
        each = zip(rows.T, self.edges, self.tables, strict=True)
        return np.stack([table[cell_of(column, edges)] for column, edges, table in each], axis=1)

    def summed(self, rows: NDArray[np.float64]) -> Comoments:
        """Return the sums of rows."""
        found = Comoments(2)
        found.update(self.scores(rows))
        return found


def test_any_split_gives_the_same_integers() -> None:
    """Sums of parts are the sums of all rows, bit by bit, and give numpy's correlation."""
    rows = values(0, 5_000, 0.4)
    trained, parts = Trained(rows), Comoments(2)
    for part in np.array_split(rows, [1, 40, 3_000]):
        parts.merge(trained.summed(part))
    numpys = float(np.asarray(np.corrcoef(trained.scores(rows).T))[0, 1])

    assert trained.sums.to_bytes() == parts.to_bytes()
    assert trained.sums.correlations()[0, 1] == pytest.approx(numpys, rel=1e-12)


def test_incomplete_rows_do_not_count() -> None:
    """A row with one field absent is in no sum."""
    found = Comoments(2)
    found.update(np.array([[5, 7], [1000, 1000]]), np.array([True, False]))

    assert (1, [5, 7]) == (found.n, found.sums.tolist())


def test_a_changed_correlation_is_found() -> None:
    """A correlation that goes from 0 to 0.3 is certain in 1,000 rows; the same one is not."""
    trained = Trained(values(1, 20_000, 0.0))
    found = correlation(trained.sums, trained.summed(values(2, 1_000, 0.3)), trained.kappa)
    same = correlation(trained.sums, trained.sums, trained.kappa)

    assert found is not None
    assert same is not None
    assert found.p_value < 1e-10
    assert found.relevant
    assert {0, 1} == {found.first, found.second}
    assert found.change == pytest.approx(np.arctanh(found.now) - np.arctanh(found.before))
    assert (1.0, False) == (same.p_value, same.relevant)


@pytest.mark.parametrize(("rho", "df"), [(0.0, np.inf), (0.5, np.inf), (0.0, 4.0), (0.5, 4.0)])
def test_false_alarms(rho: float, df: float) -> None:
    """At one percent, clean windows of normal pairs and of pairs that are far out together alarm as promised."""
    trained = Trained(values(3, 100_000, rho, df))
    found = [
        correlation(trained.sums, trained.summed(values(seed, 500, rho, df)), trained.kappa) for seed in range(1_500)
    ]
    alarms = sum(one is not None and one.p_value < 0.01 for one in found)

    assert binom.ppf(1e-4, 1_500, 0.006) <= alarms <= binom.isf(1e-4, 1_500, 0.013)


def test_heavy_joint_tails_must_be_paid_for() -> None:
    """Without the variance factor, a pair with joint heavy tails alarms far too often."""
    trained = Trained(values(3, 100_000, 0.0, 4.0))
    found = [
        correlation(trained.sums, trained.summed(values(seed, 500, 0.0, 4.0)), np.ones((2, 2))) for seed in range(1_500)
    ]

    assert sum(one is not None and one.p_value < 0.01 for one in found) > 2.5 * 15


def test_only_chosen_pairs_are_looked_at() -> None:
    """Of three fields with one changed pair, another pair alone does not see it, and pays for one pair only."""
    before, now = Comoments(3), Comoments(3)
    rng = np.random.default_rng(0)
    independent = np.rint(1_000 * rng.normal(size=(5_000, 3))).astype(np.int64)
    changed = np.rint(1_000 * rng.normal(size=(1_000, 3))).astype(np.int64)
    changed[:, 2] = (changed[:, 0] + changed[:, 2]) // 2
    before.update(independent)
    now.update(changed)
    every, other = (correlation(before, now, np.ones((3, 3)), chosen) for chosen in (None, [0, 1]))

    assert every is not None
    assert other is not None
    assert (3, {0, 2}) == (every.pairs, {every.first, every.second})
    assert (1, {0, 1}) == (other.pairs, {other.first, other.second})
    assert every.p_value < 1e-10
    assert other.p_value > 1e-3


def test_too_little_to_say() -> None:
    """Fewer than 50 complete rows, or a field that does not vary, say nothing."""
    rows = values(1, 2_000, 0.0)
    trained = Trained(rows)
    constant = Comoments(2)
    constant.update(trained.scores(rows) * np.array([0, 1]))

    assert correlation(trained.sums, trained.summed(rows[:49]), trained.kappa) is None
    assert correlation(trained.sums, trained.summed(rows[:50]), trained.kappa) is not None
    assert correlation(constant, constant, np.ones((2, 2))) is None
    assert np.isnan(Comoments(2).correlations()).all()
