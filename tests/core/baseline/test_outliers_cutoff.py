"""The cut-off of outlier scores, and which budgets it can keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom

from pegel.baseline.outliers import OutlierTables, affordable, outlier_cutoff, refusal
from pegel.data.columns import Columns, Missing
from pegel.stats.layout import Layout
from pegel.stats.summary import Summary


def test_cutoff() -> None:
    """As many baseline rows score above the cut-off as the rate says, less one for the cut-off itself."""
    scores = np.random.default_rng(0).permutation(20_000).astype(np.float64)

    assert 19_980.0 == outlier_cutoff(scores, 0.001)
    assert outlier_cutoff(scores, 0.0004) is None


@given(rows=st.integers(10, 3_000), per_day=st.floats(1.0, 1e9))
def test_the_affordable_budget_is_accepted_and_less_is_not(rows: int, per_day: float) -> None:
    """The budget named as affordable gets a cut-off, and a millionth less does not, whatever the rounding."""
    budget, scores = affordable(rows, per_day), np.arange(rows, dtype=np.float64)

    assert budget is not None
    assert outlier_cutoff(scores, min(1.0, budget / per_day)) is not None
    assert refusal(rows, per_day, budget) is None
    assert outlier_cutoff(scores, budget * (1 - 1e-6) / per_day) is None
    assert refusal(rows, per_day, budget * (1 - 1e-6)) is not None


def test_a_refused_budget_is_answered_with_an_affordable_one() -> None:
    """The refusal names what was asked for, what happens, and the smallest budget that the rows afford."""
    assert (
        "no event is called an outlier: `watch.outliers_per_day` 10, of `watch.rows_per_day` 100,000, puts 0.5 of "
        "5,000 baseline rows beyond the cut-off, and 10 are needed; the least that they afford is 200, and "
        "10 takes 100,000 rows"
    ) == refusal(5_000, 100_000, 10)


def test_fewer_than_ten_rows_afford_nothing() -> None:
    """Nine baseline rows afford no budget, and the refusal says so."""
    assert affordable(9, 1_000) is None
    assert "so few rows afford no such budget" in (refusal(9, 1_000, 1_000) or "")


@pytest.mark.parametrize("method", ["ecod", "hbos"])
def test_fresh_rows_keep_the_budget(
    method: Any, layout: Layout, training: Any, draw: Callable[..., Any], count: Callable[..., Summary]
) -> None:
    """Of fresh rows like the training rows, as many are outliers as the budget says, within binomial bounds.

    The cut-off itself is estimated from 200 baseline rows beyond it, so both sides have binomial noise.
    """

    def columns(rows: Any) -> Columns:
        numeric = np.column_stack([rows["delay"], rows["stops"]])
        codes = np.where(np.isnan(numeric), Missing.NULL, Missing.PRESENT).astype(np.uint8)
        return Columns(len(numeric), numeric, codes, (rows["carrier"],), (None,))

    rate, fresh = 0.01, 50_000
    tables = OutlierTables.from_summary(count(layout, training), method)
    scores, _ = tables.score(columns(training))
    cutoff = outlier_cutoff(scores, rate)
    assert cutoff is not None
    beyond = int(np.count_nonzero(scores > cutoff))
    found = int(np.count_nonzero(tables.score(columns(draw(fresh, seed=9)))[0] > cutoff))
    # Clopper and Pearson's interval of the rate above a cut-off that so many baseline rows exceed.
    low, high = beta.ppf([0.0005, 0.9995], [beyond, beyond + 1], [scores.size - beyond + 1, scores.size - beyond])

    assert beyond <= rate * scores.size
    assert binom.ppf(0.0005, fresh, low) <= found <= binom.ppf(0.9995, fresh, high)
