"""Which expectations rows can tell of, where counts cannot, and what their p-values allow for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import ExpectationOutcome, tolerated
from pegel.quality.known_types import KNOWN_TYPES
from pegel.quality.on_rows import (
    IN_ORDER,
    OF_COLUMNS,
    OF_TYPES,
    ROW_BY_ROW,
    columns_of,
    needs_rows,
    of_rows,
    why_untold,
)
from pegel.stats.layout import build_layout
from pegel.stats.noise import Noise

SCHEMA = Schema(
    (Field("number", Kind.NUMERIC), Field("text", Kind.CATEGORICAL), Field("score", Kind.NUMERIC, Role.PREDICTION))
)
LAYOUT = build_layout(
    SCHEMA,
    {"number": np.arange(100.0), "text": np.array(["a", "b"] * 50, dtype=object), "score": np.arange(100.0)},
)
REGEX = "expect_column_values_to_match_regex"


def expectation(kind: str, **kwargs: Any) -> Expectation:
    """Return one of the column `text`, unless another is named."""
    return Expectation(kind, {"column": "text", **kwargs})


@pytest.mark.parametrize(
    ("kind", "kwargs", "whole", "sample"),
    [
        (REGEX, {"regex": "a"}, "", ""),
        ("expect_column_values_to_be_unique", {}, "", "a sample of the rows cannot tell"),
        (
            "expect_column_sum_to_be_between",
            {"column": "number", "max_value": 1},
            "",
            "a sample of the rows cannot tell",
        ),
        ("expect_column_values_to_be_increasing", {}, "rows are kept in no order", "rows are kept in no order"),
        (REGEX, {"column": "score", "regex": "1"}, "of answers no rows are kept", "of answers no rows are kept"),
        ("expect_table_column_count_to_equal", {"value": 2}, "rows are read for the", "rows are read for the"),
        ("expect_column_type_to_be", {"type_": "int"}, "types are looked at", "types are looked at"),
    ],
)
def test_a_sample_tells_what_is_said_of_each_row(kind: str, kwargs: dict[str, Any], whole: str, sample: str) -> None:
    """What depends on all rows together needs all of them; what depends on their order, or on answers, is not told."""
    whys = [why_untold(expectation(kind, **kwargs), SCHEMA, is_whole=is_whole) for is_whole in (True, False)]

    assert [whole, sample] == [why[: len(start)] for why, start in zip(whys, (whole, sample), strict=True)]
    assert [bool(whole), bool(sample)] == [bool(why) for why in whys]


def test_every_kind_that_is_named_is_known() -> None:
    """No name of a kind is misspelt."""
    assert set() == (ROW_BY_ROW | IN_ORDER | OF_TYPES | OF_COLUMNS) - KNOWN_TYPES.keys()


@pytest.mark.parametrize(
    ("kwargs", "columns"),
    [
        ({"column_A": "number", "column_B": "score"}, {"number", "score"}),
        ({"column_list": ["number", "text"]}, {"number", "text"}),
        ({"min_value": 3.0}, set()),
    ],
)
def test_all_columns_are_found(kwargs: dict[str, Any], columns: set[str]) -> None:
    """Those of pairs and lists as well."""
    assert columns == columns_of(Expectation("expect", kwargs))


@pytest.mark.parametrize(
    ("asked", "needs"),
    [
        ([], False),
        ([expectation("expect_column_values_to_be_in_set", value_set=["a"])], False),
        ([expectation("expect_column_values_to_be_in_set", column="number", value_set=["1"])], True),
        ([expectation(REGEX, regex="a")], True),
        ([expectation(REGEX, regex="a", column="score")], False),
        ([expectation("expect_column_values_to_be_increasing")], False),
        ([Expectation("expect_table_columns_to_match_ordered_list", {"column_list": ["text", "number"]})], False),
        ([expectation("expect_column_values_to_not_be_null", row_condition="number > 3")], False),
    ],
)
def test_rows_are_asked_for_where_they_help(asked: list[Expectation], needs: bool) -> None:
    """Only for what no window's counts can tell, and rows can."""
    assert needs == needs_rows(asked, LAYOUT)


def test_the_p_value_allows_for_bursts() -> None:
    """Where windows repeat their rows twice over, 20 exceptions of 100 say as much as 10 of 50."""
    asked = expectation(REGEX, regex="a", mostly=0.95)
    outcome = ExpectationOutcome(
        expectation=asked, met=False, n=100, seen=20, most_seen=20, test=tolerated(asked, 20, 100)
    )
    test, plain = of_rows(outcome, Noise(repeats=2.0)).test, tolerated(asked, 10, 50)

    assert test is not None
    assert plain.p_value == test.p_value
    assert of_rows(ExpectationOutcome(expectation=asked, met=True, n=3), Noise(repeats=2.0)).test is None
