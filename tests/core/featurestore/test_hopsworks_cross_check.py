"""A baseline beside Hopsworks' statistics of the same rows: rounding is no difference, other rows are no baseline."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field, Kind, Schema
from pegel.errors import PermanentError
from pegel.featurestore.hopsworks.cross_check import TOLERANCE, cross_check
from pegel.featurestore.hopsworks.facts import FeatureStatistics, Statistics
from pegel.testing.samples import brief_spec, trained_on

pytestmark = pytest.mark.environments("pyarrow")
ROWS = 400
WHAT = "training dataset 1 (split train)"
RNG = np.random.default_rng(3)
TABLE = pa.table(
    {
        "amount": pa.array(RNG.gamma(2.0, 30.0, ROWS), mask=RNG.random(ROWS) < 0.05),
        "shop": RNG.choice(["books", "food"], ROWS),
    }
)
AMOUNTS = TABLE.column("amount").drop_null().to_numpy()
SCHEMA = Schema((Field("amount", Kind.NUMERIC), Field("shop", Kind.CATEGORICAL)))


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """A baseline of amounts, some of them missing, and of shops."""
    return trained_on(TABLE, SCHEMA, brief_spec())


def said(share: float = 1.0, **changed: Any) -> Statistics:
    """Return what Hopsworks' Spark says of the table."""
    known = {"values": AMOUNTS.size, "mean": AMOUNTS.mean(), "std": AMOUNTS.std()}
    known |= {"least": AMOUNTS.min(), "most": AMOUNTS.max()}
    return Statistics(share, {"amount": FeatureStatistics(**(known | changed)), "shop": FeatureStatistics(ROWS)})


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"std": float(AMOUNTS.std(ddof=1))}, []),
        ({"std": None, "mean": None, "least": None, "most": None, "values": None}, []),
        ({"mean": 1.0}, ["amount: mean 1 by Hopsworks, "]),
        ({"least": -9.0, "most": 1e6}, ["amount: minimum -9 by Hopsworks, ", "amount: maximum 1000000 by Hopsworks, "]),
        ({"std": 0.0}, ["amount: standard deviation 0 by Hopsworks, "]),
        ({"mean": math.nan}, ["amount: mean nan by Hopsworks, "]),
        (
            {"least": math.nan, "most": math.inf},
            ["amount: minimum nan by Hopsworks, ", "amount: maximum inf by Hopsworks, "],
        ),
    ],
)
def test_what_was_counted_otherwise_is_listed(baseline: Baseline, changed: dict[str, Any], expected: list[str]) -> None:
    """What differs by more than rounding has a line with both numbers; both kinds of deviations are right."""
    lines = cross_check(baseline, said(**changed), WHAT)

    assert expected == [line.partition(", ")[0] + ", " for line in lines]


@given(st.floats(-1, 1))
def test_the_tolerance_is_that_of_the_field(part: float) -> None:
    """A mean may be off by a millionth of itself or of the deviation, whichever way, and by not much more."""
    baseline = trained_on(TABLE, SCHEMA, brief_spec())
    scale = float(max(AMOUNTS.mean(), AMOUNTS.std(ddof=1)))
    within = said(mean=AMOUNTS.mean() + 0.99 * part * TOLERANCE * scale)
    beyond = said(mean=AMOUNTS.mean() + (1.01 + abs(part)) * TOLERANCE * scale)

    assert (0, 1) == (len(cross_check(baseline, within, WHAT)), len(cross_check(baseline, beyond, WHAT)))


def amounts_and(*further: float) -> tuple[Baseline, Any]:
    """Return a baseline of a hundred small numbers and some others, and how Hopsworks says something of these."""
    amounts = np.array([*np.arange(1.0, 101.0), *further])
    baseline = trained_on(pa.table({"amount": amounts}), Schema(SCHEMA.fields[:1]), brief_spec())
    return baseline, lambda **said: Statistics(1.0, {"amount": FeatureStatistics(amounts.size, **said)})


def test_one_large_value_hides_no_other_extreme() -> None:
    """A smallest value is compared by its own size: beside a billion 1 is not 900."""
    baseline, saying = amounts_and(1e9)

    assert ["amount: minimum 900 by Hopsworks, 1 here"] == cross_check(baseline, saying(least=900.0, most=1e9), WHAT)
    assert [] == cross_check(baseline, saying(least=1.0 + 1e-9, most=1e9 + 1), WHAT)


def test_infinite_values_are_extremes() -> None:
    """With infinities there is no mean to compare, and the extremes are these; a finite one is another column's."""
    baseline, saying = amounts_and(np.inf)

    assert [] == cross_check(baseline, saying(mean=np.nan, std=np.nan, least=1.0, most=np.inf), WHAT)
    assert ["amount: maximum 100 by Hopsworks, inf here"] == cross_check(baseline, saying(most=100.0), WHAT)


def test_not_a_number_is_right_where_there_are_such() -> None:
    """Hopsworks' Spark makes NaN of a mean and a largest value of a column with NaN in it, and its Python does not."""
    baseline, saying = amounts_and(np.nan)

    assert [] == cross_check(baseline, saying(mean=np.nan, std=np.nan, least=1.0, most=np.nan), WHAT)
    assert [] == cross_check(baseline, saying(mean=50.5, most=100.0), WHAT)


def test_other_rows_are_refused_with_both_numbers(baseline: Baseline) -> None:
    """Numbers of values that differ by one are told by field, and there is no baseline."""
    with pytest.raises(PermanentError) as raised:
        cross_check(baseline, said(values=AMOUNTS.size + 1), WHAT)

    assert f"amount: {AMOUNTS.size + 1} by Hopsworks, {AMOUNTS.size} read" in str(raised.value)
    assert f"the rows that Hopsworks has counted in {WHAT}" in str(raised.value)


def test_not_a_number_may_count_as_null() -> None:
    """Hopsworks' Spark counts NaN as a value, its Python does not: both numbers are those of the same rows."""
    amounts = np.array([1.0, np.nan, 3.0, 4.0] * 30)
    baseline = trained_on(pa.table({"amount": amounts}), Schema(SCHEMA.fields[:1]), brief_spec())
    both = [Statistics(1.0, {"amount": FeatureStatistics(values)}) for values in (120, 90)]

    assert [[], []] == [cross_check(baseline, statistics, WHAT) for statistics in both]


def test_what_cannot_be_compared_is_said(baseline: Baseline) -> None:
    """No statistics, those of a part of the rows, and those without a field are lines, and refuse nothing."""
    of_one = Statistics(1.0, {"amount": FeatureStatistics(AMOUNTS.size)})

    assert [
        [f"Hopsworks has no statistics of {WHAT}: nothing to compare the baseline with"],
        [f"Hopsworks' statistics of {WHAT} are of 0.1 of its rows: they were not compared"],
        [f"Hopsworks' statistics of {WHAT} say nothing of shop"],
    ] == [cross_check(baseline, each, WHAT) for each in (None, said(share=0.1, values=7), of_one)]
