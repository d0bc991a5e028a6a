"""Tables of two sides compared given their margins, against independent computations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import chdtrc
from scipy.stats.contingency import association

from pegel.detect.association import associations, cramers_v, fitted, moved_to

Table = NDArray[np.int64]
MARGIN = np.array([0.4, 0.3, 0.2, 0.1])


def table(p: NDArray[np.float64], n: int, seed: int) -> Table:
    """Draw n rows of shares p, shape (4, 4)."""
    return np.random.default_rng(seed).multinomial(n, p.ravel() / p.sum()).reshape(4, 4)


def tied(strength: float) -> NDArray[np.float64]:
    """Return shares in which equal groups go together `strength` times as often as chance."""
    return np.outer(MARGIN, MARGIN) * np.where(np.eye(4, dtype=np.bool_), strength, 1.0)


def deviance_fit(baseline: Table, window: Table) -> NDArray[np.float64]:
    """Return the window's expected rows by maximising the likelihood of main effects directly."""
    both = (baseline + window).ravel()
    design = np.concatenate([np.repeat(np.eye(4), 4, axis=0), np.tile(np.eye(4), (4, 1))], axis=1)

    def loss(beta: NDArray[np.float64]) -> float:
        odds = design @ beta
        return float((both * np.logaddexp(0, odds) - window.ravel() * odds).sum())

    beta = minimize(loss, np.zeros(8), method="BFGS", options={"gtol": 1e-6}).x
    return np.asarray((both / (1 + np.exp(-design @ beta))).reshape(4, 4))


def test_golden_values() -> None:
    """The fit is that of a direct maximum likelihood; dense tables have Pearson's statistic of it, with 9 degrees."""
    baseline, window = table(tied(3.0), 20_000, 1), table(tied(1.5), 2_000, 2)
    expected, others = (side[0] for side in fitted(baseline[None], window[None]))
    oracle = deviance_fit(baseline, window)
    pearson = ((window - oracle) ** 2 * (1 / oracle + 1 / (baseline + window - oracle))).sum()
    found = associations(baseline[None], window[None])

    assert oracle == pytest.approx(expected, abs=0.05)
    assert baseline.sum() == pytest.approx(others.sum())
    assert (9, pearson) == (found.df[0], pytest.approx(found.values[0], rel=2e-3))


def test_margins_alone_are_no_change() -> None:
    """A window with other margins and the baseline's odds ratios is as expected, however large it is."""
    rows, columns = np.array([0.1, 0.2, 0.3, 0.4]), np.array([2.0, 1.0, 0.5, 0.25])
    other = tied(3.0) * rows[:, None] * columns
    baseline = np.rint(1e6 * tied(3.0)).astype(np.int64)
    window = np.rint(1e5 * other / other.sum()).astype(np.int64)
    found = associations(baseline[None], window[None])

    assert 0.05 > found.values[0]
    assert window == pytest.approx(moved_to(baseline, window), abs=2)


def test_a_changed_association_is_seen() -> None:
    """Groups that no longer go together are far beyond chance, with the margins as they were."""
    found = associations(table(tied(3.0), 20_000, 1)[None], table(tied(1.0), 1_000, 2)[None])

    assert 1e-6 > chdtrc(found.df[0], found.values[0])


@pytest.mark.parametrize(("n", "name"), [(200, "balanced"), (200, "tied"), (2_000, "sparse"), (100, "sparse")])
def test_clean_tables_are_flagged_as_often_as_asked(n: int, name: str) -> None:
    """Of 4,000 clean windows, one in a hundred is beyond its level of a hundredth, also where cells are sparse."""
    uneven = np.array([0.8, 0.15, 0.04, 0.01])
    p = {"balanced": np.full((4, 4), 1 / 16), "tied": tied(4.0), "sparse": np.outer(uneven, uneven)}[name]
    rng = np.random.default_rng(7)
    sides = [rng.multinomial(rows, p.ravel() / p.sum(), size=4_000).reshape(-1, 4, 4) for rows in (20_000, n)]
    found = associations(*sides)
    flagged = chdtrc(np.maximum(found.df, 1), found.values) < 0.01

    # Four standard errors.
    assert (flagged & (found.df > 0)).mean() <= 0.01 + 4 * np.sqrt(0.01 * 0.99 / 4_000)
    assert (found.rare_p < 0.01).mean() <= 0.01 + 4 * np.sqrt(0.01 * 0.99 / 4_000)


def test_what_never_occurred_is_seen_exactly() -> None:
    """Of groups that determined each other, a row of each other combination is certain, though too rare for a law."""
    baseline = np.diag([5_000, 5_000, 5_000, 5_000])
    window = np.full((4, 4), 1) + np.diag([49, 49, 49, 49])
    found = associations(baseline[None], window[None])

    assert 1e-7 > found.rare_p[0]


@given(st.lists(st.integers(0, 3), min_size=32, max_size=32), st.integers(0, 40))
def test_any_tables_have_numbers(cells: list[int], factor: int) -> None:
    """Empty, constant and sparse tables have statistics that are numbers, with no more than 9 degrees of freedom."""
    window, baseline = np.array(cells, dtype=np.int64).reshape(2, 1, 4, 4)
    found = associations(factor * baseline, window)

    assert np.isfinite(found.values).all()
    assert (found.values >= 0).all()
    assert 0 <= found.df[0] <= 9
    assert 0 <= found.rare_p[0] <= 1


def test_one_group_has_nothing_to_test() -> None:
    """Where one feature has one group, nothing can go together: no degrees of freedom, and no firmness."""
    column = np.zeros((4, 4), dtype=np.int64)
    column[:, 1] = 500
    found = associations(10 * column[None], column[None])

    assert (0, 1.0, 0.0) == (found.df[0], found.rare_p[0], cramers_v(column))


def test_firmness_is_cramers() -> None:
    """Of many rows it is scipy's Cramer's V; of a few it does not add chance."""
    many, few = table(tied(3.0), 1_000_000, 1), table(np.outer(MARGIN, MARGIN), 60, 3)

    assert association(many, method="cramer") == pytest.approx(cramers_v(many), abs=1e-3)
    assert cramers_v(few) < association(few, method="cramer")
    assert 1.0 == pytest.approx(cramers_v(np.diag([9, 9, 9, 9])))
