"""Expectations that the counts of a window cannot tell: which of them a sample of its rows can, and what it says then.

What is said of each row by itself, a pattern, a length, two columns beside each other, is said of any sample as of all
rows. What depends on all rows together, a sum, a median, whether values repeat, is told only where all rows are at
hand. What depends on their order is not told: rows are kept in no order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pegel.data.columns import Role, Schema
from pegel.quality import expectation as kinds
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import NEEDS_ROWS, ExpectationOutcome, tolerated
from pegel.quality.on_counts import on_counts
from pegel.quality.refused_arguments import refusal
from pegel.stats.layout import Layout
from pegel.stats.noise import Noise
from pegel.stats.summary import Summary

ROW_BY_ROW = frozenset(
    {
        kinds.NOT_NULL,
        kinds.NULL,
        kinds.BETWEEN,
        kinds.IN_SET,
        kinds.NOT_IN_SET,
        "expect_column_pair_values_a_to_be_greater_than_b",
        "expect_column_pair_values_to_be_equal",
        "expect_column_value_lengths_to_be_between",
        "expect_column_value_lengths_to_equal",
        "expect_column_values_to_be_json_parseable",
        "expect_column_values_to_match_regex",
        "expect_column_values_to_match_regex_list",
        "expect_column_values_to_match_strftime_format",
        "expect_column_values_to_not_match_regex",
        "expect_column_values_to_not_match_regex_list",
        "expect_multicolumn_sum_to_equal",
        "expect_multicolumn_values_to_be_equal",
        "expect_select_column_values_to_be_unique_within_record",
    }
)
"""Said of each row by itself."""
IN_ORDER = frozenset({"expect_column_values_to_be_increasing", "expect_column_values_to_be_decreasing"})
OF_TYPES = frozenset({kinds.OF_TYPE, "expect_column_type_to_be", "expect_column_values_to_be_in_type_list"})
OF_COLUMNS = kinds.COLUMNS | {"expect_table_column_count_to_be_between", "expect_table_column_count_to_equal"}
_NAMES = ("column", "column_A", "column_B")


def why_untold(expectation: Expectation, schema: Schema, *, is_whole: bool) -> str:
    """Return why rows of requests cannot tell of an expectation; empty where they can.

    `is_whole`: all rows of the window are at hand, not a sample of them.
    """
    return _why_not_of_requests(expectation, schema, is_whole=is_whole) or refusal(expectation)


def _why_not_of_requests(expectation: Expectation, schema: Schema, *, is_whole: bool) -> str:
    if expectation.type in OF_COLUMNS:
        return "rows are read for the columns of the training data: nobody knows what else was sent"
    if expectation.type in IN_ORDER:
        return "rows are kept in no order"
    if expectation.type in OF_TYPES:
        return "types are looked at where rows are read"
    if columns_of(expectation) - {field.name for field in schema.of_role(Role.FEATURE)}:
        return "of answers no rows are kept"
    if not is_whole and expectation.type not in ROW_BY_ROW:
        return "a sample of the rows cannot tell: it depends on all of them together"
    return ""


def columns_of(expectation: Expectation) -> frozenset[str]:
    """Return the columns that an expectation is about; none of the whole table."""
    kwargs = expectation.kwargs
    several = kwargs["column_list"] if isinstance(kwargs.get("column_list"), list) else ()
    return frozenset(map(str, (*(kwargs[name] for name in _NAMES if name in kwargs), *several)))


def needs_rows(expectations: Iterable[Expectation], layout: Layout) -> bool:
    """Say whether rows can tell of any expectation of which the counts of no window can."""
    empty = Summary.empty(layout)
    return any(
        on_counts(expectation, empty).why == NEEDS_ROWS and not why_untold(expectation, layout.schema, is_whole=True)
        for expectation in expectations
    )


def of_rows(outcome: ExpectationOutcome, noise: Noise) -> ExpectationOutcome:
    """Return what rows say, with a p-value that allows for bursts: rows of a window repeat themselves more than by lot.

    By as much as the windows of the baseline do; a sample has less of it than all rows, so this errs on the safe side.
    """
    if outcome.test is None:
        return outcome
    return replace(outcome, test=tolerated(outcome.expectation, outcome.seen, outcome.n, factor=noise.repeats))


def untold(expectation: Expectation, why: str, n: int = 0) -> ExpectationOutcome:
    """Return that an expectation cannot be told, and why."""
    return ExpectationOutcome(expectation=expectation, met=None, n=n, why=why)
