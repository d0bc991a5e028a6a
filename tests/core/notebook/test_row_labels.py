"""A table's index labels its rows: it is never a feature, in memory or in a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest

import pegel
from pegel.baseline.baseline import Baseline
from pegel.errors import LayoutMismatch, PermanentError
from pegel.judge.findings import Verdict

pytestmark = [
    pytest.mark.environments("pyarrow", "pandas"),
    pytest.mark.filterwarnings("ignore:not measured"),
]

ROWS = 2_000


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """A number and a key that counts rows."""
    return pd.DataFrame({"x": np.random.default_rng(0).normal(size=ROWS), "key": np.arange(ROWS) % 50})


INDICES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "untouched": lambda frame: frame,
    "a shuffled part": lambda frame: frame.sample(frac=0.8, random_state=0),
    "sorted": lambda frame: frame.sort_values("x"),
    "every second row": lambda frame: frame.iloc[::2],
    "grouped": lambda frame: frame.groupby(frame.index // 2).mean(),
    "set, with a name": lambda frame: frame.assign(row=np.arange(len(frame))[::-1]).set_index("row"),
    "two levels": lambda frame: frame.assign(a=1, b=np.arange(len(frame))).set_index(["a", "b"]),
    "two levels without names": lambda frame: frame.set_axis(
        pd.MultiIndex.from_arrays([np.arange(len(frame)), np.arange(len(frame))])
    ),
    "times": lambda frame: frame.set_axis(pd.date_range("2026-01-01", periods=len(frame), freq="min")),
    "texts": lambda frame: frame.set_axis([f"r{i}" for i in range(len(frame))]),
}


def names(baseline: Baseline) -> list[str]:
    """Return the columns that were learnt."""
    return [field.name for field in baseline.layout.schema.fields]


@pytest.mark.parametrize("index", INDICES)
def test_the_index_of_a_frame_is_no_feature(frame: pd.DataFrame, tmp_path: Path, index: str) -> None:
    """Whatever was done to a frame's rows, its columns are its features: in memory, as Arrow, in Parquet."""
    changed = INDICES[index](frame)
    changed.to_parquet(tmp_path / "x.parquet")
    forms = [changed, pa.Table.from_pandas(changed), tmp_path / "x.parquet"]
    profiled = [pegel.profile(form) for form in forms]

    assert [["x", "key"]] * 3 == [names(baseline) for baseline in profiled]
    assert 1 == len({baseline.id for baseline in profiled})
    assert [(Verdict.OK, ())] * 3 == [
        (report.verdict, report.extra) for report in (pegel.check(form, profiled[0]) for form in forms)
    ]


def test_a_split_is_no_drift(frame: pd.DataFrame) -> None:
    """Two random parts of one table are like each other, whichever row labels each has kept."""
    part = frame.sample(frac=0.5, random_state=1)
    rest = frame.drop(part.index)

    assert (Verdict.OK, Verdict.OK) == (
        pegel.check(rest, pegel.profile(part)).verdict,
        pegel.check(part.reset_index(drop=True), pegel.profile(rest)).verdict,
    )


def test_an_index_that_was_written_to_csv(frame: pd.DataFrame, tmp_path: Path) -> None:
    """An unnamed index is written below an empty name, and read again as `Unnamed: 0`: neither is a feature."""
    part = frame.sample(frac=0.8, random_state=0)
    part.to_csv(tmp_path / "x.csv")
    again = pd.read_csv(tmp_path / "x.csv")

    assert ["x", "key"] == names(pegel.profile(tmp_path / "x.csv")) == names(pegel.profile(again))
    assert Verdict.OK is pegel.check(frame, pegel.profile(again)).verdict


def test_an_index_is_no_column_that_is_missing(frame: pd.DataFrame, tmp_path: Path) -> None:
    """Where a column of the baseline has become an index, or an index is asked for by name, the refusal says so."""
    frame.set_index("key").to_parquet(tmp_path / "x.parquet")
    with pytest.raises(LayoutMismatch, match=r"a table without key .the index of its frame.: nothing was judged"):
        pegel.check(tmp_path / "x.parquet", pegel.profile(frame))
    with pytest.raises(PermanentError, match=r"expected the columns key .the index of its frame., given"):
        pegel.profile(tmp_path / "x.parquet", categorical=["key"])


def test_polars_has_no_index(frame: pd.DataFrame) -> None:
    """What polars makes of a frame has its columns, and the same baseline."""
    assert pegel.profile(frame).id == pegel.profile(pl.from_pandas(frame)).id


def test_metadata_of_others_is_passed_over() -> None:
    """Metadata that pandas has not written changes nothing."""
    table = pa.table({"x": [1.0, 2.0]})
    odd: list[bytes] = [
        b"",
        b"[]",
        b"{",
        b'{"index_columns": 3}',
        b'{"index_columns": [{"kind": "range"}, 7]}',
        b"[" * 9_999,
    ]

    assert [["x"]] * len(odd) == [names(pegel.profile(table.replace_schema_metadata({"pandas": one}))) for one in odd]
