"""What polars cannot export is read all the same: some of it would end the process."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import polars as pl
import pytest

import pegel
from pegel.judge.findings import Verdict

DANGEROUS = {
    "a frame": 'pl.DataFrame({"a\\0b": [1, 2] * 30})',
    "a column of a mapping": '{"x": pl.Series("a\\0b", [1, 2] * 30)}',
    "a structure": 'pl.DataFrame({"x": [1, 2] * 30, "s": [{"a\\0b": 1}] * 60})',
    "structures in lists": 'pl.DataFrame({"x": [1, 2] * 30, "s": [[{"a\\0b": 1}]] * 60})',
    "a single column": 'pl.Series("a\\0b", [1, 2] * 30)',
}
"""Tables with a null character in a name, which polars ends the process for; as code, another one makes them."""
PROGRAM = """
import sys
import polars as pl
import pegel
from pegel.errors import PegelError
for table in sys.argv[1:]:
    try:
        print(len(pegel.profile(eval(table)).layout.schema.fields))
    except PegelError as error:
        print(str(error).partition(",")[0])
"""


def test_no_name_ends_the_process() -> None:
    """Names of polars with a null character are names like any other: the tables are read, and a column is refused."""
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "ignore", "-c", PROGRAM, *DANGEROUS.values()],
        capture_output=True,
        text=True,
        check=False,
    )

    expected = ["1", "1", "1", "1", "expected a path"]
    assert (done.returncode, done.stdout.splitlines()) == (0, expected), done.stderr


@pytest.mark.parametrize(
    ("dtype", "known"),
    [
        (pl.Int128, pl.Int64),
        (pl.UInt128, pl.UInt64),
        (pl.Object, pl.Int64),
        (pl.List(pl.Int128), pl.List(pl.Int64)),
        (pl.Array(pl.Int128, 1), pl.List(pl.Int64)),
    ],
)
def test_what_arrow_has_not_counts_as_what_it_is(dtype: pl.DataType, known: pl.DataType) -> None:
    """Whole numbers of a type that Arrow has not, alone or in lists, get the report of those of 64 bits."""
    baseline = pegel.profile({"x": np.arange(2000.0)})
    values = [[i] for i in range(2000)] if known.is_nested() else list(range(2000))

    actual, expected = (pegel.check({"x": pl.Series(values, dtype=kind)}, baseline) for kind in (dtype, known))

    assert str(actual) == str(expected)
    assert actual.verdict is Verdict.OK
