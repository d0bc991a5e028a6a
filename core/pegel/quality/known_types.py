"""The kinds of expectations that Great Expectations 1.24 knows and that it can tell of rows in Spark.

A test runs one example of each. Those that ask a database, or compare with another table, are left out: there is
neither here. So are those that the library has for databases alone (patterns of LIKE), for pandas (dates in any form),
or no longer.

Without `row_condition` and `condition_parser`, which many of them take: see `refused_arguments`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arguments:
    """The names of what a kind must be given, and of what it may be given beside that."""

    must: tuple[str, ...]
    may: tuple[str, ...]


def _with(must: str, may: str) -> Arguments:
    return Arguments(tuple(must.split()), tuple(may.split()))


_LIMITS = "min_value max_value strict_min strict_max"
_VALUES = "mostly"
_SET = _with("column value_set", "")
_NUMBER = _with("column", _LIMITS)
_COLUMN = _with("column", _VALUES)
_PAIR = f"ignore_row_if {_VALUES}"
_RECORD = _with("column_list", _PAIR)

KNOWN_TYPES: Mapping[str, Arguments] = {
    "expect_column_distinct_values_to_be_in_set": _SET,
    "expect_column_distinct_values_to_contain_set": _SET,
    "expect_column_distinct_values_to_equal_set": _SET,
    "expect_column_max_to_be_between": _NUMBER,
    "expect_column_mean_to_be_between": _NUMBER,
    "expect_column_median_to_be_between": _NUMBER,
    "expect_column_min_to_be_between": _NUMBER,
    "expect_column_most_common_value_to_be_in_set": _with("column value_set", "ties_okay"),
    "expect_column_pair_values_a_to_be_greater_than_b": _with("column_A column_B", f"or_equal {_PAIR}"),
    "expect_column_pair_values_to_be_equal": _with("column_A column_B", _PAIR),
    "expect_column_proportion_of_non_null_values_to_be_between": _NUMBER,
    "expect_column_proportion_of_unique_values_to_be_between": _NUMBER,
    "expect_column_quantile_values_to_be_between": _with("column quantile_ranges", "allow_relative_error"),
    "expect_column_stdev_to_be_between": _NUMBER,
    "expect_column_sum_to_be_between": _NUMBER,
    "expect_column_to_exist": _with("column", "column_index"),
    "expect_column_type_to_be": _with("column type_", ""),
    "expect_column_unique_value_count_to_be_between": _NUMBER,
    "expect_column_value_lengths_to_be_between": _with("column", f"{_LIMITS} {_VALUES}"),
    "expect_column_value_lengths_to_equal": _with("column value", _VALUES),
    "expect_column_value_z_scores_to_be_less_than": _with("column threshold double_sided", _VALUES),
    "expect_column_values_to_be_between": _with("column", f"{_LIMITS} {_VALUES}"),
    "expect_column_values_to_be_decreasing": _with("column", f"strictly {_VALUES}"),
    "expect_column_values_to_be_in_set": _with("column value_set", _VALUES),
    "expect_column_values_to_be_in_type_list": _with("column", f"type_list {_VALUES}"),
    "expect_column_values_to_be_increasing": _with("column", f"strictly {_VALUES}"),
    "expect_column_values_to_be_json_parseable": _COLUMN,
    "expect_column_values_to_be_null": _COLUMN,
    "expect_column_values_to_be_of_type": _with("column type_", _VALUES),
    "expect_column_values_to_be_unique": _COLUMN,
    "expect_column_values_to_match_regex": _with("column", f"regex {_VALUES}"),
    "expect_column_values_to_match_regex_list": _with("column regex_list", f"match_on {_VALUES}"),
    "expect_column_values_to_match_strftime_format": _with("column strftime_format", _VALUES),
    "expect_column_values_to_not_be_in_set": _with("column value_set", _VALUES),
    "expect_column_values_to_not_be_null": _COLUMN,
    "expect_column_values_to_not_match_regex": _with("column regex", _VALUES),
    "expect_column_values_to_not_match_regex_list": _with("column regex_list", _VALUES),
    "expect_compound_columns_to_be_unique": _RECORD,
    "expect_multicolumn_sum_to_equal": _with("column_list sum_total", _PAIR),
    "expect_multicolumn_values_to_be_equal": _RECORD,
    "expect_select_column_values_to_be_unique_within_record": _RECORD,
    "expect_table_column_count_to_be_between": _with("", "min_value max_value"),
    "expect_table_column_count_to_equal": _with("value", ""),
    "expect_table_columns_to_match_ordered_list": _with("", "column_list"),
    "expect_table_columns_to_match_set": _with("", "column_set exact_match"),
    "expect_table_row_count_to_be_between": _with("", _LIMITS),
    "expect_table_row_count_to_equal": _with("value", ""),
}
