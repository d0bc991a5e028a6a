"""Seconds per feature of a baseline of 50,000 rows in order of time, replayed in windows of 500: prints a number."""

from __future__ import annotations

import sys
import time

import pyarrow as pa
from pyarrow import parquet

import pegel

ROWS, WINDOW = 50_000, 500


def main(_verb: str, table: str, _state: str) -> None:
    """Profile the first rows of `table`."""
    rows: pa.Table = parquet.read_table(table).slice(0, ROWS)
    began = time.perf_counter()
    pegel.profile(rows, window_rows=WINDOW)
    print((time.perf_counter() - began) / rows.num_columns)


if __name__ == "__main__":
    main(*sys.argv[1:])
