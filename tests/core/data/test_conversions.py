"""The same value counts as the same at every door: each row of the table of conversions, through each."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from conversion_table import (
    CONVERSIONS,
    NAN,
    NULL,
    OTHER_NUMBER,
    RECOGNITIONS,
    UNPARSEABLE,
    UNSEEN,
    Conversion,
    conversions_page,
    recognitions_page,
)
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv, parquet

import pegel
from pegel.baseline.baseline import Baseline
from pegel.data.arrow_columns import categories, counts, kind_of, numbers
from pegel.data.columns import Kind, Missing, Role
from pegel.data.conversions import MOST_NESTED, Strange, category_of, meaning, number_of, number_text, plain
from pegel.data.decoding import decode_batch
from pegel.errors import PegelError
from pegel.notebook.python_values import are_plain, array_of
from pegel.stats.layout import NumericLayout
from pegel.stats.summary import FeatureSummary, Summary

pytestmark = pytest.mark.environments("pyarrow", "pandas")

ROWS = 3
"""So often a value stands in its column: a door that reads several values of a row differently would show."""
PAGE = Path(__file__).resolve().parents[3] / "docs" / "conversions.md"
FILLER = 12_345.5


@dataclass(frozen=True)
class Case:
    """One value in one field: what the field was trained with, and what the value counts as."""

    trained: tuple[Any, ...]
    kind: Kind
    value: Any
    counted_as: str


def converted(row: Conversion, value: Any) -> list[Case]:
    """Return a value of the first table in a numeric and in a categorical field that know what it should count as."""
    finite = isinstance(row.number, int | float) and math.isfinite(row.number)
    known = row.category not in {NULL, UNPARSEABLE}
    return [
        Case((row.number, FILLER) if finite else (FILLER,), Kind.NUMERIC, value, row.counted_as),
        Case((row.category, "filler") if known else ("filler",), Kind.CATEGORICAL, value, row.category),
    ]


CASES = {
    f"f{place}": case
    for place, case in enumerate(
        [
            *(case for row in CONVERSIONS for value in row.examples for case in converted(row, value)),
            *(
                Case(row.trained, Kind.CATEGORICAL if row.is_category else Kind.NUMERIC, value, row.counted_as)
                for row in RECOGNITIONS
                for value in row.now
            ),
        ]
    )
}


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """A field per case; each value of its training data stands there as often as the others."""
    table = {name: [case.trained[i % len(case.trained)] for i in range(12)] for name, case in CASES.items()}
    return pegel.profile(table, categorical=[name for name, case in CASES.items() if case.kind is Kind.CATEGORICAL])


def outcome(feature: FeatureSummary) -> str:
    """Return the one thing that all values of a field counted as."""
    apart = {
        NULL: feature.n_null,
        NAN: feature.n_nan,
        "inf": feature.n_posinf,
        "-inf": feature.n_neginf,
        UNPARSEABLE: feature.n_unparseable,
    }
    cells = feature.cells.tolist()
    if isinstance(feature.layout, NumericLayout):
        points = feature.layout.points.tolist()
        named = [
            (number_text(feature.layout.edges[i]) if points[i] else OTHER_NUMBER, cells[i]) for i in range(len(cells))
        ]
    else:
        categories = feature.layout.categories
        others = feature.counted - sum(cells[: len(categories)]) - feature.n_unseen
        named = [*zip(categories, cells, strict=False), ("known", others), (UNSEEN, feature.n_unseen)]
    counted = {(word, count) for word, count in (*apart.items(), *named) if count}
    return counted.pop()[0] if len(counted) == 1 else str(counted)


# --- doors: a column of one value, or None where the door has no such column ------------------------------------------


_REFUSALS = (
    TypeError,
    ValueError,
    OverflowError,
    NotImplementedError,
    RuntimeWarning,
    pa.ArrowException,
    pl.exceptions.PolarsError,
)
"""What libraries raise that cannot hold a value."""


def native(library: Callable[[list[Any]], Any]) -> Callable[[Any], Any]:
    """Return a door that lets a library choose the type."""

    def column(value: Any) -> Any:
        try:
            return library([value] * ROWS)
        except _REFUSALS:
            return None

    return column


def text_alone(library: Callable[[list[Any]], Any]) -> Callable[[Any], Any]:
    """Return a door for text alone."""
    return lambda value: library([value] * ROWS) if isinstance(value, str) else None


def arrow_dictionary(values: list[Any]) -> pa.Array:
    """Return an Arrow column of type dictionary."""
    return pa.array(values).dictionary_encode()


def polars_objects(values: list[Any]) -> pl.Series:
    """Return a column of Python objects in polars, which takes no nulls."""
    return pl.Series(values, dtype=pl.Object)


IN_MEMORY: dict[str, Callable[[Any], Any]] = {
    "mapping": lambda value: [value] * ROWS,
    "numpy": native(lambda values: None if isinstance(values[0], list | dict) else np.array(values)),
    "pandas": native(pd.Series),
    "pandas objects": native(lambda values: pd.Series(values, dtype=object)),
    "pandas nullable": native(lambda values: pd.Series(values).convert_dtypes()),
    "pandas categories": native(lambda values: pd.Series(values, dtype="category")),
    "polars": native(pl.Series),
    "polars objects": native(polars_objects),
    "polars categories": text_alone(lambda values: pl.Series(values, dtype=pl.Categorical)),
    "polars enum": text_alone(lambda values: pl.Series(values, dtype=pl.Enum(values[:1]))),
    "arrow": native(pa.array),
    "arrow dictionary": native(arrow_dictionary),
    "arrow large text": text_alone(lambda values: pa.array(values, pa.large_string())),
}


def written(case: Case) -> str | None:
    """Return a value as text files have it; None for what nobody writes there, or what would not be read as a table."""
    value = case.value
    if isinstance(plain(value), Strange) or isinstance(value, list) or value == "1,000":
        return None
    text = "" if value is None else str(value.item() if isinstance(value, np.generic) else value)
    # What has no text of its own is the text that stands there, as a category: that is another row of the table.
    is_itself = isinstance(value, str) or "filler" not in case.trained
    return text if case.kind is Kind.NUMERIC or is_itself or meaning(text, truth=False) == case.counted_as else None


def filled(columns: dict[str, Any], nothing: Any) -> dict[str, Any]:
    """Return columns for all cases, those that a door does not have without values."""
    return {name: columns.get(name, nothing) for name in CASES}


def in_memory(door: str) -> tuple[dict[str, Any], set[str]]:
    """Return the columns of a door, and which of them hold a value."""
    columns = {name: column for name, case in CASES.items() if (column := IN_MEMORY[door](case.value)) is not None}
    return filled(columns, [None] * ROWS), set(columns)


def frame(library: str) -> tuple[Any, set[str]]:
    """Return the native columns of a library as one frame."""
    columns, present = in_memory(library)
    return (pd if library == "pandas" else pl).DataFrame(columns), present


def parquet_file(folder: Path) -> tuple[Path, set[str]]:
    """Return the Arrow columns as a file."""
    columns, present = in_memory("arrow")
    parquet.write_table(pa.table(columns), folder / "table.parquet")
    return folder / "table.parquet", present


def csv_file(folder: Path) -> tuple[Path, set[str]]:
    """Return the values as text in a file."""
    texts = {name: text for name, case in CASES.items() if (text := written(case)) is not None}
    columns = filled({name: [text] * ROWS for name, text in texts.items()}, [""] * ROWS)
    csv.write_csv(pa.table(columns), folder / "table.csv")
    return folder / "table.csv", set(texts)


TABLES: dict[str, Callable[[Path], tuple[Any, set[str]]]] = {
    **{door: lambda _, door=door: in_memory(door) for door in IN_MEMORY},  # type: ignore[misc]
    "pandas frame": lambda _: frame("pandas"),
    "polars frame": lambda _: frame("polars"),
    "parquet": parquet_file,
    "csv": csv_file,
}
KNOWS_NAN = {"polars", "polars frame", "arrow", "arrow dictionary", "parquet", "csv"}
"""Doors at which NaN and null are two things."""


def expected(name: str, door: str) -> str:
    """Return what a case counts as at a door: the exceptions that the table names, and no others."""
    case = CASES[name]
    if case.counted_as == NAN and door not in KNOWS_NAN and not isinstance(case.value, str):
        return NULL
    if door == "csv" and (case.value == "" or (case.value == "n/a" and case.kind is Kind.NUMERIC)):
        return NULL
    if door == "csv" and case.value == "0x10" and case.kind is Kind.NUMERIC:
        return OTHER_NUMBER
    return case.counted_as


@pytest.mark.parametrize("door", TABLES)
def test_a_table_counts_as_stated(door: str, baseline: Baseline, tmp_path: Path) -> None:
    """Each value that a library or a file can hold counts as the table of conversions says, in a check."""
    data, present = TABLES[door](tmp_path)
    features = pegel.check(data, baseline).summary.features

    assert len(present) > 30
    assert {name: expected(name, door) for name in CASES if name in present} == {
        name: outcome(features[name]) for name in CASES if name in present
    }


def objects(rows: list[dict[str, Any]]) -> Any:
    """Return rows as protocol v1 has them by name."""
    return {"instances": rows}


def lists(rows: list[dict[str, Any]]) -> Any:
    """Return rows as protocol v1 has them in order; what a row lacks is null."""
    return {"instances": [[row.get(name) for name in CASES] for row in rows]}


def tensors(rows: list[dict[str, Any]]) -> Any:
    """Return rows as protocol v2 has them; a tensor cannot hold lists."""
    single = {name: value for name, value in rows[0].items() if not isinstance(value, list)}
    return {
        "inputs": [
            {"name": name, "shape": [len(rows)], "datatype": "BYTES", "data": [value] * len(rows)}
            for name, value in single.items()
        ]
    }


@pytest.mark.parametrize("shape", [objects, lists, tensors])
def test_a_request_counts_as_stated(shape: Callable[[list[dict[str, Any]]], Any], baseline: Baseline) -> None:
    """Each value that JSON can hold counts as the table of conversions says, in every shape of a request."""
    values = {name: plain(case.value) for name, case in CASES.items()}
    row = {
        name: CASES[name].value if isinstance(CASES[name].value, list | dict) else value
        for name, value in values.items()
        if isinstance(CASES[name].value, list | dict) or not isinstance(value, Strange)
    }
    body = json.dumps(shape([row] * ROWS)).encode()
    decoded = decode_batch([body], baseline.layout.schema, Role.FEATURE)
    summary = Summary.empty(baseline.layout)
    summary.update(decoded.columns, Role.FEATURE)
    features = summary.features
    present = [name for name in row if shape is not tensors or not isinstance(row[name], list)]

    assert {} == decoded.errors
    assert {name: CASES[name].counted_as for name in present} == {name: outcome(features[name]) for name in present}
    assert {NULL} == {outcome(features[name]) for name in CASES if name not in present}


def test_what_pandas_calls_nothing_is_null() -> None:
    """Whatever a library writes where nothing is, it is null in both kinds of fields."""
    nothing = [None, pd.NA, pd.NaT, np.datetime64("NaT", "s"), np.ma.masked]

    assert [Missing.NULL] * 5 == [number_of(value)[1] for value in nothing]
    assert [(None, False)] * 5 == [category_of(value) for value in nothing]


def test_the_page_shows_the_table() -> None:
    """`docs/conversions.md` holds the rows that are tested, as `python tests/lib/conversion_table.py` prints them."""
    page = PAGE.read_text(encoding="utf-8")

    assert "\n".join(conversions_page()) in page
    assert "\n".join(recognitions_page()) in page


ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.floats(width=32).map(np.float32),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, max_value=10**9, min_value=-(10**9)),
    st.text(max_size=4),
    st.sampled_from(["1", "1.0", "true", "True", "nan", "-inf", " 5", "1e5", "", "x"]),
    st.lists(st.integers(0, 3), max_size=2),
    st.binary(max_size=2),
    st.dates(),
)


@given(st.lists(ANY, max_size=8))
def test_columns_follow_the_rules_for_values(values: list[Any]) -> None:
    """A column of any values, mixed or not, sliced or not, counts as its values do one by one."""
    column = array_of(values)
    half = len(values) // 2
    taken = [None if isinstance(value, float | np.floating) and np.isnan(value) else value for value in values]
    for part, rows in ((column, taken), (column.slice(half), taken[half:])):
        floats, codes = numbers(part)
        texts, strange = categories(part)
        missing = np.zeros(len(rows)) if codes is None else codes
        marks = np.zeros(len(rows), dtype=bool) if strange is None else strange

        assert [code for _, code in map(number_of, rows)] == missing.tolist()
        assert np.array_equal([value for value, _ in map(number_of, rows)], floats, equal_nan=True)
        assert [category_of(value)[0] for value in rows] == list(texts)
        assert [category_of(value)[1] for value in rows] == marks.tolist()
        assert sum(text is not None for text in texts) == sum(counts(part).values())


@given(st.floats(allow_nan=False))
def test_the_text_of_a_number_is_the_number(value: float) -> None:
    """A number as a category reads back as itself, in float32 where it is one."""
    text = number_text(value)
    with np.errstate(over="ignore"):
        readings = {float(text), float(np.float32(text))}

    assert value in readings
    assert text == number_text(value + 0.0)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("times", [1, 2, 1_000])
@pytest.mark.parametrize("kind", [list, tuple])
def test_a_list_that_contains_itself_is_strange(times: int, kind: type[list[Any] | tuple[Any, ...]]) -> None:
    """A list of itself, once or often, holds no value: its rows are unparseable, and its column is no number."""
    endless: list[Any] = []
    endless.extend([endless] * times)
    value = kind(endless)

    assert isinstance(plain(value), Strange)
    assert not are_plain([value] * 60)
    with pytest.raises(PegelError, match=rf"0 such columns .not measured: x .{kind.__name__}"):
        pegel.profile({"x": [value] * 60})


@pytest.mark.parametrize(("nested", "counted"), [(MOST_NESTED, 1), (MOST_NESTED + 1, None)])
def test_lists_in_lists_are_looked_into_down_to_a_level(nested: int, counted: int | None) -> None:
    """One value in as many lists as are looked into is that value; in one more it is none."""
    value: Any = 1
    for _ in range(nested):
        value = [value]

    taken = plain(value)

    assert (None if isinstance(taken, Strange) else taken) == counted


@pytest.mark.parametrize("start", [0, 1])
@pytest.mark.parametrize("codes", [[0, 1], [7, 5]])
@pytest.mark.parametrize("sparse", [True, False])
def test_unions_of_every_kind_hold_their_values(start: int, codes: list[int], sparse: bool) -> None:
    """A column of several types holds the same values, dense or sparse, whatever codes its types have, also in part."""
    of, names = pa.array([codes[0], codes[1], codes[0], codes[0]], pa.int8()), ["x", "y"]
    texts = pa.array(["a", "b", "c", "d"], pa.large_string())
    column = (
        pa.UnionArray.from_sparse(of, [pa.array([1, 2, None, 4]), texts], names, codes)
        if sparse
        else pa.UnionArray.from_dense(
            of, pa.array([0, 1, 1, 2], pa.int32()), [pa.array([1, None, 4]), texts], names, codes
        )
    ).slice(start)

    assert kind_of(column.type) is Kind.CATEGORICAL
    assert categories(column)[0].tolist() == ["1", "b", None, "4"][start:]
    assert numbers(column)[0].tolist() == pytest.approx([1.0, math.nan, math.nan, 4.0][start:], nan_ok=True)
