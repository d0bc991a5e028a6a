"""One expectation: a kind of check that Great Expectations names, of one column or of a whole table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

NOT_NULL = "expect_column_values_to_not_be_null"
NULL = "expect_column_values_to_be_null"
BETWEEN = "expect_column_values_to_be_between"
IN_SET = "expect_column_values_to_be_in_set"
NOT_IN_SET = "expect_column_values_to_not_be_in_set"
OF_TYPE = "expect_column_values_to_be_of_type"
MEAN = "expect_column_mean_to_be_between"
STDEV = "expect_column_stdev_to_be_between"
QUANTILES = "expect_column_quantile_values_to_be_between"
LEAST = "expect_column_min_to_be_between"
MOST = "expect_column_max_to_be_between"
EXISTS = "expect_column_to_exist"
COLUMN_SET = "expect_table_columns_to_match_set"
COLUMN_ORDER = "expect_table_columns_to_match_ordered_list"
ROW_COUNT = "expect_table_row_count_to_be_between"
ROWS_EQUAL = "expect_table_row_count_to_equal"
SHARES = frozenset({NOT_NULL, NULL, BETWEEN, IN_SET, NOT_IN_SET, OF_TYPE})
"""Of how many values may be otherwise: `mostly` is the share that must not."""
MOMENTS = frozenset({MEAN, STDEV})
EXTREMES = frozenset({LEAST, MOST})
"""Of the smallest and largest value."""
COLUMNS = frozenset({EXISTS, COLUMN_SET, COLUMN_ORDER})
"""Of which columns there are."""
ROWS = frozenset({ROW_COUNT, ROWS_EQUAL})
"""Of how many rows there are."""
ON_COUNTS = SHARES | MOMENTS | COLUMNS | ROWS | {LEAST, MOST}
"""What can be told of the counts of a window, without its rows."""
LISTED = {IN_SET: "value_set", NOT_IN_SET: "value_set", COLUMN_SET: "column_set", COLUMN_ORDER: "column_list"}
"""The argument that is a list, by kind."""
NUMBER, TEXT = "number", "text"
"""What `expect_column_values_to_be_of_type` asks for here: the two kinds of columns that there are."""
_OF_COLUMN = "column"
TABLE = "table"
"""Stands where a feature's name stands in findings about the whole table."""
_SHORT = 300
"""Letters of an argument's JSON, inclusive."""
_FURTHER = ("column_A", "column_B", "column_list", "row_condition")


@dataclass(frozen=True, slots=True)
class Expectation:
    """A check by its type and arguments, in Great Expectations' own names.

    `suite`: the name of the suite that it is from. `severity`: `critical`, `warning` or `info`.
    """

    type: str
    kwargs: Mapping[str, Any]
    suite: str = ""
    severity: str = "critical"
    notes: str = field(default="", compare=False)
    """Why it is as it is, for people."""

    @property
    def column(self) -> str:
        """Return the column that it is of; empty for one of the whole table."""
        return str(self.kwargs.get(_OF_COLUMN, ""))

    @property
    def columns(self) -> frozenset[str]:
        """Return every column that it names."""
        several = self.kwargs.get("column_list", ())
        named = [self.kwargs.get(name) for name in (_OF_COLUMN, "column_A", "column_B")]
        return frozenset(str(name) for name in (*named, *several) if name)

    @property
    def key(self) -> tuple[str, ...]:
        """Return what it is about: of two with the same key, the later suite's is meant."""
        further = (f"{name} {self.kwargs[name]}" for name in _FURTHER if name in self.kwargs)
        return (self.type, self.column, *further)

    @property
    def is_rule(self) -> bool:
        """Say whether it is met or not, without chance in it: no share may be otherwise, and it bounds no moment."""
        return self.mostly >= 1 and self.type not in MOMENTS

    @property
    def on_counts(self) -> bool:
        """Say whether it is of a kind that counts may tell of."""
        return self.type in ON_COUNTS and "row_condition" not in self.kwargs

    @property
    def test(self) -> str:
        """Return what its findings call it: `column_values_to_not_be_null`."""
        kind, _, *further = self.key
        return ", ".join([kind.removeprefix("expect_"), *further])

    @property
    def feature(self) -> str:
        """Return what its findings are about: its column, or the table."""
        return self.column or TABLE

    @property
    def mostly(self) -> float:
        """Return the share of values that must be as expected."""
        return float(self.kwargs.get("mostly", 1.0))

    @property
    def short_kwargs(self) -> dict[str, Any]:
        """Return its arguments but for long ones, such as sets of many values, to be kept beside each outcome."""
        return {name: value for name, value in self.kwargs.items() if len(json.dumps(value, default=str)) <= _SHORT}

    def to_json(self) -> dict[str, Any]:
        """Return it as Great Expectations writes it."""
        data: dict[str, Any] = {"type": self.type, "kwargs": dict(self.kwargs), "severity": self.severity}
        return data | ({"notes": self.notes} if self.notes else {})

    @classmethod
    def from_json(cls, data: Mapping[str, Any], suite: str = "") -> Self:
        """Read one of a spec, see `pegel.spec.suites`."""
        return cls(data["type"], dict(data["kwargs"]), suite, data.get("severity", "critical"), data.get("notes", ""))
