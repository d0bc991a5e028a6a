"""Columns of text files that turn out to be something else far below: read at most twice, with one outcome."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pegel.errors import PermanentError
from pegel.notebook import column_spool
from pegel.notebook.file_search import DataFile
from pegel.notebook.wanted_columns import Wanted

pytestmark = pytest.mark.environments("pyarrow")

RUN = 400
"""Rows in which a column of a drawn file holds one value; more than the lines by which its dialect is recognised."""
BLOCK = 16 << 10
"""Bytes: more than these lines have, and fewer than two runs of any columns but the narrowest."""
CELLS = [
    *("0", "1", "7", "-7", "true", "false", "1.5", ".5", "1,5", "1,234", "1234", "1.234,5", "1,234,567", "1e5", "0x10"),
    *("inf", "NaN", "NA", "null", "", "abc", "x,y", "1 5", " 1", "10:00", "2024-01-01", "2024-01-01 10:00:00"),
    *("2024-01-01 10:00:00.1", "2024-01-01T10:00:00Z", "2024-01-01T10:00+01", '"1"', '"1;5"', '"a\nb"'),
]


def spooled(path: Path, block_bytes: int, wanted: Wanted = Wanted()) -> tuple[list[str], dict[str, list[str]]] | str:  # noqa: B008  frozen
    """Return the types and the values that are read of a file, or the sentence with which it is refused."""
    target = path.with_suffix(".parquet")
    try:
        column_spool.spool(DataFile(path), target, wanted, lambda _: None, block_bytes=block_bytes)
    except PermanentError as error:
        return str(error)
    table = pa.parquet.read_table(target)
    return [str(one.type) for one in table.schema], {name: [*map(repr, table[name])] for name in table.column_names}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(st.sampled_from(CELLS), min_size=3, max_size=3), min_size=1, max_size=3),
    st.sets(st.sampled_from("ab")),
)
def test_blocks_do_not_matter(tmp_path: Path, columns: list[list[str]], text: set[str]) -> None:
    """Whatever columns turn into, they are what they are in a file that is read as one block."""
    path = tmp_path / "x.csv"
    rows = [";".join(cells) for cells in zip(*columns, strict=True)]
    path.write_text("\n".join([";".join("abc"[: len(columns)]), *(row for row in rows for _ in range(RUN)), ""]))
    few, many = (spooled(path, block, Wanted(text=text)) for block in (1 << 20, BLOCK))

    assert few == many


def reads(path: Path) -> int:
    """Return in how many blocks a file is read, all passes over it together."""
    shares: list[float] = []
    column_spool.spool(DataFile(path), path.with_suffix(".parquet"), Wanted(), shares.append, block_bytes=1_024)

    assert sorted(shares) == shares
    return len(shares)


@pytest.mark.parametrize("contradictory", [1, 2, 8])
def test_a_file_is_read_twice_at_most(tmp_path: Path, contradictory: int) -> None:
    """However many columns turn out to be something else, and however late, a file is read once more and no further."""
    lines = ["a,b,c,d,e,f,g,h", *["1,1,1,1,1,1,1,1"] * 300]
    late = [",".join("x" if place == row else "1" for place in range(8)) for row in range(contradictory)]
    even, odd = tmp_path / "even.csv", tmp_path / "odd.csv"
    even.write_text("\n".join([*lines, *late, ""]).replace("x", "1"))
    odd.write_text("\n".join([*lines, *late, ""]))

    assert reads(even) < reads(odd) <= 2 * reads(even)
    assert ["string"] * contradictory + ["int64"] * (8 - contradictory) == spooled(odd, 1_024)[0]


def test_a_csv_that_contradicts_itself_later(tmp_path: Path) -> None:
    """A CSV column has the type that all of its rows allow, whichever block they are in."""
    head = [f"{i},{i},x,2024-01-01,,true" for i in range(50)]
    tail = ["1.5,abc,NA,2024-01-01 10:00:00,3.5,false", "NA,NaN,,2024-01-01 10:00:00.1,3,maybe", "NaN,,x,,,"]
    path = tmp_path / "x.csv"
    path.write_text("\n".join(["a,b,c,d,e,f", *head, *tail, ""]), encoding="utf-8")
    column_spool.spool(DataFile(path), tmp_path / "x.parquet", Wanted(), lambda _: None, block_bytes=64)
    table = pa.parquet.read_table(tmp_path / "x.parquet")
    last = {name: values[-3:] for name, values in table.select(["a", "b", "c", "e", "f"]).to_pydict().items()}

    assert ["double", "string", "string", "timestamp[ns]", "double", "string"] == [
        str(kind) for kind in table.schema.types
    ]
    assert np.isnan(last.pop("a")[-1])
    assert {
        "b": ["abc", "NaN", None],
        "c": ["NA", None, "x"],
        "e": [3.5, 3.0, None],
        "f": ["false", "maybe", None],
    } == last
