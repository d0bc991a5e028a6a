"""One example of each kind of expectation that a spec may state, and a table of which it is true."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pegel.data.columns import Field, Kind, Schema
from pegel.quality import expectation as kinds
from pegel.quality.expectation import Expectation
from pegel.quality.merged_suite import Suite
from pegel.spec.suites import suites

ROWS = 10
_NUMBERS = [float(number) for number in range(1, ROWS + 1)]
COLUMNS: dict[str, list[Any]] = {
    "number": _NUMBERS,
    "same": _NUMBERS,
    "falling": [-number for number in _NUMBERS],
    "code": [f"a{number}" for number in range(ROWS)],
    "kind": ["x", "y"] * (ROWS // 2),
    "day": [f"2026-11-{number:02}" for number in range(1, ROWS + 1)],
    "json": ['{"a": 1}'] * ROWS,
    "nothing": [None] * ROWS,
}
_NUMERIC = ("number", "same", "falling")
SCHEMA = Schema(tuple(Field(name, Kind.NUMERIC if name in _NUMERIC else Kind.CATEGORICAL) for name in COLUMNS))
TYPES = ", ".join(f"{name} {'double' if name in _NUMERIC else 'string'}" for name in COLUMNS)
"""Of the columns, as Spark calls them."""
MET: dict[str, dict[str, Any]] = {
    "expect_column_distinct_values_to_be_in_set": {"column": "kind", "value_set": ["x", "y", "z", None]},
    "expect_column_distinct_values_to_contain_set": {"column": "number", "value_set": [1, 2]},
    "expect_column_distinct_values_to_equal_set": {"column": "kind", "value_set": ["x", "y"]},
    "expect_column_max_to_be_between": {"column": "falling", "max_value": -1},
    "expect_column_mean_to_be_between": {"column": "number", "min_value": 5, "max_value": 6},
    "expect_column_median_to_be_between": {"column": "number", "min_value": 5, "max_value": 6},
    "expect_column_min_to_be_between": {"column": "number", "min_value": 0, "strict_min": True},
    "expect_column_most_common_value_to_be_in_set": {"column": "json", "value_set": ['{"a": 1}'], "ties_okay": True},
    "expect_column_pair_values_a_to_be_greater_than_b": {"column_A": "number", "column_B": "same", "or_equal": True},
    "expect_column_pair_values_to_be_equal": {"column_A": "number", "column_B": "same"},
    "expect_column_proportion_of_non_null_values_to_be_between": {"column": "number", "min_value": 1},
    "expect_column_proportion_of_unique_values_to_be_between": {"column": "kind", "max_value": 0.5},
    "expect_column_quantile_values_to_be_between": {
        "column": "number",
        "quantile_ranges": {"quantiles": [0.1, 0.5], "value_ranges": [[1, 2], [4, None]]},
    },
    "expect_column_stdev_to_be_between": {"column": "number", "max_value": 4},
    "expect_column_sum_to_be_between": {"column": "number", "min_value": 55, "max_value": 55},
    "expect_column_to_exist": {"column": "same", "column_index": 1},
    "expect_column_type_to_be": {"column": "number", "type_": "DoubleType"},
    "expect_column_unique_value_count_to_be_between": {"column": "kind", "min_value": 2, "max_value": 2},
    "expect_column_value_lengths_to_be_between": {"column": "code", "min_value": 2, "max_value": 2},
    "expect_column_value_lengths_to_equal": {"column": "code", "value": 2},
    "expect_column_value_z_scores_to_be_less_than": {"column": "number", "threshold": 3, "double_sided": True},
    "expect_column_values_to_be_between": {"column": "number", "min_value": 1},
    "expect_column_values_to_be_decreasing": {"column": "falling", "strictly": True},
    "expect_column_values_to_be_in_set": {"column": "kind", "value_set": ["x", "y", None]},
    "expect_column_values_to_be_in_type_list": {"column": "number", "type_list": ["DoubleType", "float64"]},
    "expect_column_values_to_be_increasing": {"column": "number"},
    "expect_column_values_to_be_json_parseable": {"column": "json"},
    "expect_column_values_to_be_null": {"column": "nothing"},
    "expect_column_values_to_be_unique": {"column": "code"},
    "expect_column_values_to_match_regex": {"column": "code", "regex": "^a"},
    "expect_column_values_to_match_regex_list": {"column": "code", "regex_list": ["^a", "^b"]},
    "expect_column_values_to_match_strftime_format": {"column": "day", "strftime_format": "%Y-%m-%d"},
    "expect_column_values_to_not_be_in_set": {"column": "number", "value_set": [11, None]},
    "expect_column_values_to_not_be_null": {"column": "code"},
    "expect_column_values_to_not_match_regex": {"column": "code", "regex": "^b"},
    "expect_column_values_to_not_match_regex_list": {"column": "code", "regex_list": ["^b"]},
    "expect_compound_columns_to_be_unique": {"column_list": ["number", "kind"]},
    "expect_multicolumn_sum_to_equal": {"column_list": ["number", "falling"], "sum_total": 0},
    "expect_multicolumn_values_to_be_equal": {"column_list": ["number", "same"]},
    "expect_select_column_values_to_be_unique_within_record": {"column_list": ["number", "falling"]},
    "expect_table_column_count_to_be_between": {"min_value": 8, "max_value": 8},
    "expect_table_column_count_to_equal": {"value": 8},
    "expect_table_columns_to_match_ordered_list": {"column_list": list(COLUMNS)},
    "expect_table_columns_to_match_set": {"column_set": list(COLUMNS)},
    "expect_table_row_count_to_be_between": {"min_value": 10, "strict_max": True, "max_value": 11},
    "expect_table_row_count_to_equal": {"value": 10},
}
"""By kind, but for types of values: Pegel tells these where rows are read."""


def table() -> pd.DataFrame:
    """Return the rows."""
    return pd.DataFrame(COLUMNS)


def met() -> list[Expectation]:
    """Return the examples as a spec holds them: most of what they are given is text there."""
    items = [{"type": kind, "kwargs": kwargs} for kind, kwargs in MET.items()]
    (suite,) = suites([{"name": "met", "made": "2026-11-29", "expectations": items}])
    return list(Suite.from_json(suite).expectations)


ONLY_READ = frozenset({kinds.OF_TYPE})
