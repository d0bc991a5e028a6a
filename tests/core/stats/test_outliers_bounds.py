"""Rules on single values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pegel.baseline.outliers import Bounds, Rule
from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary

SCHEMA = Schema((Field("kind", Kind.CATEGORICAL), Field("x", Kind.NUMERIC), Field("y", Kind.NUMERIC)))
ROWS = 40_000


def columns(kinds: list[Any], x: Any, y: Any, codes: Any = None, bad: Any = None) -> Columns:
    """Return rows of the schema."""
    numeric = np.column_stack([x, y]).astype(np.float64)
    missing = None if codes is None else np.array(codes, dtype=np.uint8)
    unparseable = None if bad is None else np.array(bad)
    return Columns(len(numeric), numeric, missing, (np.array(kinds, dtype=object),), (unparseable,))


def drawn(seed: int, rows: int = ROWS) -> Columns:
    """Draw three kinds, a normal x, and a y that is nearly always 0."""
    rng = np.random.default_rng(seed)
    return columns(rng.choice(["a", "b", "c"], rows).tolist(), rng.normal(size=rows), rng.random(rows) < 0.001)


def summarised(rows: Columns) -> Summary:
    """Count rows in their own cells."""
    values = {"kind": rows.categorical[0], "x": rows.numeric[:, 0], "y": rows.numeric[:, 1]}
    summary = Summary.empty(build_layout(SCHEMA, values))
    summary.update(rows, Role.FEATURE)
    return summary


@pytest.fixture(scope="module")
def bounds() -> Bounds:
    """The rules of rows in which nothing is ever missing; quantiles at 6 % of rows in all, 1 % per side and field."""
    return Bounds.from_summary(summarised(drawn(1)), rate=0.06)


def names(bounds: Bounds, rows: Columns) -> list[list[str]]:
    """Return the broken rules of each row as `field.rule`."""
    broken = bounds.broken(rows)
    return [[f"{rule.feature}.{rule.name}" for rule in broken.of(row)] for row in range(rows.n)]


def test_a_usual_row_breaks_nothing(bounds: Bounds) -> None:
    """A row from the middle of every field breaks no rule."""
    assert [[]] == names(bounds, columns(["a"], [0.1], [0]))


def test_a_state_that_training_never_had_is_told(bounds: Bounds) -> None:
    """Null, NaN, infinity, nonsense and an unseen category each break the rule of their name, and no other."""
    codes = [[Missing.NULL, 0], [0, 0], [0, 0], [0, 0], [Missing.UNPARSEABLE, 0], [0, 0], [0, 0], [0, 0]]
    rows = columns(
        ["a", "a", "a", "a", "a", "z", None, None],
        [math.nan, math.nan, math.inf, -math.inf, math.nan, 0, 0, 0],
        [0] * 8,
        codes,
        [False] * 7 + [True],
    )
    expected = ["x.null", "x.nan", "x.infinite", "x.infinite", "x.unparseable", "kind.unseen", "kind.null"]

    assert [[name] for name in [*expected, "kind.unparseable"]] == names(bounds, rows)


def test_a_state_that_training_had_is_no_rule() -> None:
    """A field with a null or an infinity in training has no rule against them, and an open vocabulary none at all."""
    rows = columns(["a", None], [math.inf, 0], [math.nan, 0], [[0, Missing.NULL], [0, 0]])
    rules = Bounds.from_summary(summarised(rows), rate=0.01).rules
    texts = [f"k{i}" for i in range(100_001)]
    wide = Bounds.from_summary(summarised(columns(texts, np.zeros(100_001), np.zeros(100_001))), rate=0.01).rules

    assert not {Rule("kind", "null"), Rule("x", "infinite"), Rule("y", "null")} & set(rules)
    assert {Rule("x", "null"), Rule("y", "nan")} <= set(rules)
    assert Rule("kind", "unseen") in rules
    assert Rule("kind", "unseen") not in wide


def test_far_values_break_more_rules(bounds: Bounds) -> None:
    """The further out a number lies, the more rules it breaks: quantile, fence, robust z, far fence, range."""
    order = ["x.quantile", "x.fence", "x.robust_z", "x.range", "x.far_fence"]
    found = names(bounds, columns(["a"] * 5, [2.4, -2.5, 2.9, 3.6, -5.5], [0] * 5))

    assert [{"x.quantile"}, {"x.quantile"}, {"x.quantile", "x.fence"}] == [set(row) for row in found[:3]]
    assert {"x.quantile", "x.fence", "x.robust_z"} == set(found[3])
    assert set(order) == set(found[4])


def test_limits_belong_to_the_usual_values() -> None:
    """The smallest and the largest training value are inside the range; the next floats beyond are not."""
    rows = drawn(2)
    low, high = float(rows.numeric[:, 0].min()), float(rows.numeric[:, 0].max())
    found = Bounds.from_summary(summarised(rows), rate=0.06).broken(
        columns(["a"] * 4, [low, high, np.nextafter(low, -9), np.nextafter(high, 9)], [0] * 4)
    )

    assert [False, False, True, True] == found.flags[:, found.rules.index(Rule("x", "range"))].tolist()


def test_a_field_that_hardly_varies_has_no_spread(bounds: Bounds) -> None:
    """Without a spread of the middle half there is no robust z and no fence; range and quantiles remain."""
    rules = {rule.name for rule in bounds.rules if rule.feature == "y"}

    assert {"null", "nan", "infinite", "unparseable", "range", "quantile"} == rules
    assert [["y.quantile"], ["y.range", "y.quantile"]] == names(bounds, columns(["a"] * 2, [0, 0], [1, 2]))


def test_the_rate_is_shared_among_sides_and_fields(bounds: Bounds) -> None:
    """At a rate of 6 % and three fields, 2 % of fresh values of one field lie beyond its two quantiles."""
    found = bounds.broken(drawn(3))
    beyond = int(found.flags[:, found.rules.index(Rule("x", "quantile"))].sum())

    assert abs(beyond - 0.02 * ROWS) < 4 * math.sqrt(0.02 * ROWS * 2)  # training and fresh rows both vary


def test_no_rows_break_no_rules(bounds: Bounds) -> None:
    """No rows give an empty matrix with one column per rule."""
    assert (0, len(bounds.rules)) == bounds.broken(drawn(4).take(np.arange(0))).flags.shape
