"""Layouts: identity, JSON, vocabularies."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import LayoutMismatch
from pegel.stats.layout import CategoricalLayout, Layout, NumericLayout, build_layout
from pegel.stats.vocabulary import Vocabulary


def test_json_round_trip(layout: Layout) -> None:
    """A layout read back from JSON text has the same hash, and counts in the same cells."""
    copy = Layout.from_json(json.loads(json.dumps(layout.to_json())))

    assert layout.layout_hash == copy.layout_hash
    assert layout.schema == copy.schema


def test_rows_in_any_order_give_one_layout(schema: Schema, training: dict[str, np.ndarray], layout: Layout) -> None:
    """The order of training rows does not matter."""
    order = np.random.default_rng(0).permutation(20_000)
    shuffled = build_layout(schema, {name: column[order] for name, column in training.items()})

    assert layout.layout_hash == shuffled.layout_hash


@pytest.mark.parametrize(
    "field",
    [
        Field("delay", Kind.NUMERIC, unit="h"),
        Field("other", Kind.NUMERIC, unit="min"),
        Field("delay", Kind.NUMERIC, Role.PREDICTION, unit="min"),
    ],
)
def test_name_role_and_unit_are_identity(field: Field) -> None:
    """The same numbers in another unit, role or name are another layout: refused, never converted."""
    column = np.arange(100.0)
    first = build_layout(Schema((Field("delay", Kind.NUMERIC, unit="min"),)), {"delay": column})

    assert first.layout_hash != build_layout(Schema((field,)), {field.name: column}).layout_hash


def test_another_layout_version_is_refused(layout: Layout) -> None:
    """A layout of an older version is refused by name."""
    with pytest.raises(LayoutMismatch, match="expected layout version 5, given 3"):
        Layout.from_json(layout.to_json() | {"layout_version": 3})


def test_kinds(layout: Layout) -> None:
    """Numbers with at most 64 values are discrete; text has a cell per category, and eight buckets of new ones."""
    delay, carrier, stops, late = layout.features

    assert isinstance(delay, NumericLayout)
    assert isinstance(stops, NumericLayout)
    assert isinstance(late, NumericLayout)
    assert isinstance(carrier, CategoricalLayout)
    assert (False, True, True) == (delay.discrete, stops.discrete, late.discrete)
    assert (True, True, False) == (delay.correlated, stops.correlated, late.correlated)
    assert ({"WN", "AA", "DL", "UA"}, 4 + 8, 5) == (set(carrier.categories), carrier.size, late.size)


def test_pickle(layout: Layout) -> None:
    """A layout that was used travels between processes."""
    assert layout.features[1].vocabulary.places["AA"] < 4  # type: ignore[union-attr]  # the second field is text

    copy = pickle.loads(pickle.dumps(layout))  # noqa: S301  # own bytes

    assert layout.layout_hash == copy.layout_hash


def test_frequent_categories_come_first() -> None:
    """Cells are ordered by frequency, ties by byte order; a category is its exact text."""
    vocabulary = Vocabulary.build(["b", "B ", "b", "é", "a", None])
    counts, nulls, unseen = vocabulary.count(np.array(["a", "B", "b", None, ""], dtype=object))

    assert ("b", "B ", "a", "é") == vocabulary.top
    assert ([1, 0, 1, 0], 2, 1, 2) == (counts[:4].tolist(), counts[4:].sum(), nulls, unseen)
    assert 3 == vocabulary.singletons


@pytest.mark.parametrize(("distinct", "unseen"), [(200, 1), (10_001, 1), (100_001, 0)])
def test_known_values(distinct: int, unseen: int) -> None:
    """Up to 10,000 values are known as text, up to 100,000 by hash; beyond, nothing is unseen."""
    values = [f"key {i:06d}" for i in range(distinct)]
    vocabulary = Vocabulary.build(values * 2)
    counts, _, new = vocabulary.count(np.array([values[-1], values[-2], "another"], dtype=object))

    assert (3, unseen) == (counts.sum(), new)
    assert vocabulary == Vocabulary.from_json(json.loads(json.dumps(vocabulary.to_json())))


def test_text_that_is_not_unicode() -> None:
    """Lone surrogates, as JSON may carry, are categories like any other."""
    vocabulary = Vocabulary.build(["\ud800", "a"])

    assert 1 == vocabulary.places["\ud800"]


@pytest.mark.parametrize("distinct", [200, 10_001])
def test_values_that_are_equally_frequent_have_no_cells(distinct: int) -> None:
    """Where rank is a matter of chance no value has a cell; a value that is frequent for certain has one."""
    rng = np.random.default_rng(distinct)
    even = [str(i) for i in rng.integers(0, distinct, 20 * distinct)]

    assert () == Vocabulary.build(even).top
    assert ("often",) == Vocabulary.build([*even, *["often"] * 200]).top


def test_a_value_lies_in_its_bucket_whatever_else_there_is() -> None:
    """The bucket of a value follows from its text alone, so a baseline in which it is new counts it there, too."""
    few, many = (Vocabulary.build([str(i) for i in range(start, 300)] * 3) for start in (100, 0))
    new = np.array([str(i) for i in range(100)], dtype=object)

    assert (100, 0) == (few.count(new)[2], many.count(new)[2])
    assert np.array_equal(few.count(new)[0], many.count(new)[0])


def test_mostly_single_values_are_an_open_vocabulary() -> None:
    """Where more than half of the rows have a value of their own nothing is unseen, and no others are kept."""
    often = ["x"] * 90
    below, above = (Vocabulary.build([*often, *map(str, range(n))]) for n in (80, 100))

    assert (False, True) == (below.is_open, above.is_open)
    assert (frozenset(), ("x",)) == (above.known, above.top)
    assert 0 == above.count(np.array(["new"], dtype=object))[2]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("normal", True),
        ("uniform", True),
        ("exponential", True),
        ("t3", False),
        ("laplace", False),
        ("lognormal", False),
        ("constant", False),
        ("empty", False),
    ],
)
def test_light_tails(name: str, expected: bool) -> None:
    """Normal, uniform and exponential numbers have light tails; heavier ones, constants and no numbers do not."""
    rng = np.random.default_rng(0)
    columns = {
        "normal": rng.normal(size=20_000),
        "uniform": rng.uniform(size=20_000),
        "exponential": rng.exponential(size=20_000),
        "t3": rng.standard_t(3, 20_000),
        "laplace": rng.laplace(size=20_000),
        "lognormal": rng.lognormal(size=20_000),
        "constant": np.ones(20_000),
        "empty": np.full(20_000, np.nan),
    }
    (field,) = build_layout(Schema((Field("x", Kind.NUMERIC),)), {"x": columns[name]}).features

    assert isinstance(field, NumericLayout)
    assert expected is field.light_tails


def test_kept_statistics_are_identity() -> None:
    """Which further statistics are kept is part of the layout, in any order and however often they are named."""
    schema, values = Schema((Field("x", Kind.NUMERIC),)), {"x": np.arange(100.0)}
    plain = build_layout(schema, values)
    kept, again = (
        build_layout(schema, values, names) for names in (["quantiles", "distinct"], ["distinct", "quantiles"] * 2)
    )

    assert plain.layout_hash != kept.layout_hash == again.layout_hash
    assert ("distinct", "quantiles") == kept.kept == Layout.from_json(kept.to_json()).kept


def test_at_most_64_fields_are_paired() -> None:
    """Of more than 64 fit fields those are watched jointly that vary in half of all rows; of these the first ones."""
    rng = np.random.default_rng(0)
    fields = tuple(Field(f"x{i}", Kind.NUMERIC) for i in range(72))
    column, gaps = rng.normal(size=2_000), np.full(2_000, np.nan)
    columns = {field.name: column for field in fields}
    columns |= {"x0": (column > 1.5).astype(float), "x1": np.where(np.arange(2_000) < 1_100, column, gaps)}
    columns |= {"x2": np.where(np.arange(2_000) < 999, column, gaps), "x3": np.ones(2_000)}
    found = build_layout(Schema(fields), columns)
    few = build_layout(Schema(fields[:5]), {field.name: columns[field.name] for field in fields[:5]})

    assert [1, *range(4, 67)] == [place for place, _ in found.correlated]
    assert [0, 1, 4] == [place for place, _ in few.correlated]
    assert found.layout_hash == Layout.from_json(found.to_json()).layout_hash


@pytest.mark.parametrize(
    ("trained", "now", "cells"),
    [
        (["true", "false"], ["1", "True", "0", "0.0", "yes"], [2, 2, 0, 1]),
        (["1", "0"], ["true", "1.0", "FALSE", "2"], [2, 1, 0, 1]),
        (["True", "False"], ["true", "0"], [1, 1, 0, 0]),
        (["1", "2"], ["1.0", "2", "true", "01"], [1, 1, 0, 2]),
        (["1.0", "2.0"], ["1", "2", "3"], [1, 1, 0, 1]),
        (["007", "7"], ["7.0", "007", "07"], [1, 1, 0, 1]),
        (["1", "1.0"], ["1", "1.0", "1.00"], [2, 1, 0, 0]),
    ],
)
def test_a_category_is_known_by_its_meaning(trained: list[str], now: list[str], cells: list[int]) -> None:
    """What is not there as it is written is the category that writes the same number, or truth value among such."""
    vocabulary = Vocabulary.build(trained * 2)

    counts, _, unseen = vocabulary.count(np.array(now, dtype=object))

    assert cells == [*(int(counts[vocabulary.places[one]]) for one in trained), 0, unseen]
