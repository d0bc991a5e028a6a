"""Columns without any value, and columns of numbers that hold a few texts: the same by every door, and said."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

import pegel
from pegel.data.columns import Kind
from pegel.notebook.stray_texts import StrayTexts, stray_texts

pytestmark = pytest.mark.environments("pandas", "pyarrow")

ROWS = 200
FULL = np.random.default_rng(1).normal(size=ROWS).tolist()
STRAY = [*map(str, FULL[:-3]), "oops\n", "NA", "yes"]


def written(folder: Path, name: str, columns: dict[str, list[Any]]) -> Path:
    """Write columns as text or Parquet, by the name of the file."""
    path = folder / name
    frame = pd.DataFrame(columns)
    if name.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        text = frame.to_csv(index=False, sep="\t" if ".tsv" in name else ",").encode()
        path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    return path


EMPTY: dict[str, Callable[[Path], Any]] = {
    "mapping": lambda _: {"x": FULL, "empty": [None] * ROWS},
    "pandas, NaN": lambda _: pd.DataFrame({"x": FULL, "empty": [np.nan] * ROWS}),
    "pandas, objects": lambda _: pd.DataFrame({"x": FULL, "empty": pd.Series([None] * ROWS, dtype=object)}),
    "arrow, numbers": lambda _: pa.table({"x": FULL, "empty": pa.nulls(ROWS, pa.float64())}),
    "arrow, no type": lambda _: pa.table({"x": FULL, "empty": pa.nulls(ROWS)}),
    "polars": lambda _: pl.DataFrame({"x": FULL, "empty": [None] * ROWS}),
    "parquet": lambda folder: written(folder, "x.parquet", {"x": FULL, "empty": [None] * ROWS}),
    "csv": lambda folder: written(folder, "x.csv", {"x": FULL, "empty": [None] * ROWS}),
    "csv, NA": lambda folder: written(folder, "x.csv", {"x": FULL, "empty": ["NA"] * ROWS}),
    "csv, compressed": lambda folder: written(folder, "x.csv.gz", {"x": FULL, "empty": [None] * ROWS}),
    "tsv": lambda folder: written(folder, "x.tsv", {"x": FULL, "empty": [None] * ROWS}),
}


@pytest.mark.parametrize("door", EMPTY)
def test_a_column_without_a_value(tmp_path: Path, door: str) -> None:
    """A column without any value is a field by every door: named in a warning, and insufficient in every check."""
    data = EMPTY[door](tmp_path)
    with pytest.warns(UserWarning, match="without a value in any row.*: empty$"):
        baseline = pegel.profile(data)
    judged = {field["feature"]: field["verdict"] for field in pegel.check(data, baseline).to_json()["features"]}

    assert {"x": Kind.NUMERIC, "empty": Kind.NUMERIC} == {one.name: one.kind for one in baseline.layout.schema.fields}
    assert "insufficient" == judged["empty"]


STRAYS: dict[str, Callable[[Path], Any]] = {
    "mapping, texts": lambda _: {"x": FULL, "amount": STRAY},
    "mapping, numbers": lambda _: {"x": FULL, "amount": [*FULL[:-3], "oops\n", "NA", "yes"]},
    "pandas": lambda _: pd.DataFrame({"x": FULL, "amount": [*FULL[:-3], "oops\n", "NA", "yes"]}),
    "arrow": lambda _: pa.table({"x": FULL, "amount": STRAY}),
    "polars": lambda _: pl.DataFrame({"x": FULL, "amount": STRAY}),
    "parquet": lambda folder: written(folder, "x.parquet", {"x": FULL, "amount": STRAY}),
    "csv": lambda folder: written(folder, "x.csv", {"x": FULL, "amount": STRAY}),
}


@pytest.mark.parametrize("door", STRAYS)
def test_texts_among_numbers(tmp_path: Path, door: str) -> None:
    """Where a few texts make a category of numbers, a warning says so in the same words by every door."""
    with pytest.warns(UserWarning, match="taken as categories") as warned:
        pegel.profile(STRAYS[door](tmp_path))

    sentence = "amount (3 of 200 values are no numbers: the first 'oops\\n'). Correct these values"
    assert sentence in str(warned[0].message)


def test_a_check_says_so_too() -> None:
    """A check of such a column notes that it is one of numbers, and what is none of them."""
    amounts = [*map(str, range(5_000)), "oops"]
    with pytest.warns(UserWarning, match=r"amount .1 of 5,001 values is no number: 'oops'"):
        baseline = pegel.profile({"amount": amounts})
    notes = [note for note in pegel.check({"amount": amounts}, baseline).notes if note.startswith("column amount")]

    assert 1 == len(notes)
    assert "nearly all values are numbers (1 of 5,001 values is no number: 'oops'): unless it holds" in notes[0]


def test_what_is_named_as_categorical_is_meant() -> None:
    """Nothing is said of a column that its user has named as categorical."""
    baseline = pegel.profile({"amount": STRAY}, categorical=["amount"])

    assert Kind.CATEGORICAL is baseline.layout.schema.fields[0].kind


def blocks(values: list[Any]) -> list[pa.Array]:
    """Return values as two blocks of one column."""
    texts = pa.array(values, pa.string())
    return [texts[: len(texts) // 2], texts[len(texts) // 2 :]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1"] * 9 + ["a"], StrayTexts(1, 10, "a")),
        (["1"] * 8 + ["a"] * 2, None),
        (["1"] * 10, None),
        (["", None, " "] * 5 + ["1"] * 9 + ["a"], StrayTexts(1, 10, "a")),
        (["1"] * 18 + ["NA", "a"], StrayTexts(2, 20, "a")),
        (["1"] * 9 + ["NA"], StrayTexts(1, 10, "NA")),
        (["1"] * 9 + ["True"], StrayTexts(1, 10, "True")),
        (["true", "false"] * 9 + ["a"], None),
        (["nan", "inf", "1e3", "-.5"] * 5 + ["1,5"], StrayTexts(1, 21, "1,5")),
        ([None] * 10, None),
        ([], None),
    ],
)
def test_what_nearly_all_numbers_are(values: list[Any], expected: StrayTexts | None) -> None:
    """Nine values in ten must be numbers, as text writes these; nulls are no values, and truth values no numbers."""
    assert expected == stray_texts(blocks(values), len(values))


def test_other_types_among_numbers() -> None:
    """A value of a type that is never measured makes a category of numbers, too, and is told as such."""
    with pytest.warns(UserWarning, match="taken as categories") as warned:
        pegel.profile({"amount": [*FULL[:-1], b"oops"]})

    assert "amount (1 of 200 values is no number: a value of another type)" in str(warned[0].message)


def test_text_is_read_no_further_than_needed() -> None:
    """A column of text is known as such from its first tenth: what follows is not read."""
    texts = iter([pa.array(["1"] * 9), pa.array(["a"] * 11), pa.array(["b"] * 80)])

    assert stray_texts(texts, 100) is None
    assert 80 == len(next(texts))
