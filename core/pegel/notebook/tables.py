"""Any table as Arrow: pandas, polars, pyarrow, a mapping of columns, a Parquet or CSV file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.interchange
import pyarrow.parquet

from pegel.errors import PermanentError

BATCH = 65_536
"""Rows read at a time."""


@dataclass(frozen=True)
class Table:
    """A table that can be read by column and by batches of rows. `source` says for people where it is from."""

    source: str
    schema: pa.Schema
    rows: int
    _table: pa.Table | None
    _path: Path | None = None

    def column(self, name: str) -> pa.ChunkedArray:
        """Return one column as a whole."""
        if self._table is not None:
            return self._table.column(name)
        return pa.parquet.read_table(self._path, columns=[name]).column(0)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all rows, in order, at most `BATCH` at a time."""
        if self._table is not None:
            yield from self._table.to_batches(max_chunksize=BATCH)
            return
        with pa.parquet.ParquetFile(self._path) as file:
            yield from file.iter_batches(batch_size=BATCH)


def read(data: Any) -> Table:
    """Open a table.

    Args:
        data: A path to a Parquet or CSV file (CSV may be compressed and is read into memory; Parquet is not), or
            anything that offers Arrow data: pyarrow, pandas, polars; or a mapping from column names to sequences.

    Raises:
        PermanentError: If it is none of these, or the file cannot be read.
    """
    if isinstance(data, str | Path):
        return _open(Path(data))
    table = _in_memory(data)
    return Table("memory", table.schema, table.num_rows, table)


def _open(path: Path) -> Table:
    if not path.is_file():
        raise PermanentError(f"expected a file, given {path}, which is not there: nothing was read.")
    try:
        if path.suffix == ".parquet":
            with pa.parquet.ParquetFile(path) as file:
                return Table(str(path), file.schema_arrow, file.metadata.num_rows, None, path)
        table = pa.csv.read_csv(path)
    except pa.ArrowInvalid as error:
        raise PermanentError(
            f"expected Parquet (*.parquet) or CSV, given {path}: {error}. Nothing was read."
        ) from error
    return Table(str(path), table.schema, table.num_rows, table)


def _in_memory(data: Any) -> pa.Table:
    if isinstance(data, Mapping):
        return pa.table({name: _array(values) for name, values in data.items()})
    if isinstance(data, pa.Table):
        return data
    if _mixed(data):
        return pa.table({str(name): _array(data[name]) for name in data.columns})
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return pa.table(data)
    if hasattr(data, "__dataframe__"):
        return pa.interchange.from_dataframe(data)
    raise PermanentError(
        f"expected a path, a mapping of columns or a table that offers Arrow data, given {type(data).__name__}: "
        "nothing was read."
    )


def _mixed(data: Any) -> bool:
    """Say whether it is a pandas frame: its object columns may mix types, which Arrow refuses as a whole."""
    return type(data).__module__.startswith("pandas.") and hasattr(data, "columns")


def _array(values: Any) -> pa.Array | pa.ChunkedArray:
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        # A column of mixed types is read as text, and counted as unparseable where a number was expected.
        return pa.array([None if value is None or value != value else str(value) for value in values], pa.string())  # noqa: PLR0124  NaN
