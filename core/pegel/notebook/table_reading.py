"""Any table, read in blocks: pandas, polars, pyarrow, a mapping of columns, Parquet and CSV table_files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import pyarrow as pa

from pegel.errors import PermanentError
from pegel.notebook import table_files

BATCH = 65_536
"""Rows read at a time, at most."""
BATCH_VALUES = 1 << 20
"""Values read at a time, if a table has many columns: eight megabytes as numbers."""

Progress: TypeAlias = Callable[[float], None]
"""Called now and then with the share of the work that is done, from 0 to 1."""


def silent(_share: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Stages:
    """Several stages of work told as one: each takes the same share of the whole."""

    progress: Progress | None
    count: int

    def stage(self, number: int) -> Progress:
        """Return what the stage with this number, from 0, is to call."""
        told = self.progress
        if told is None:
            return silent
        return lambda share: told((number + share) / self.count)


@dataclass(frozen=True)
class Table:
    """A table that can be read again and again, in blocks. `source` says for people where it is from."""

    source: str
    schema: pa.Schema
    rows: int
    _read: Callable[[Sequence[str], int], Iterator[pa.RecordBatch]]

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield all rows of some columns, in order; no batch has more than `BATCH` rows."""
        rows = max(1_024, min(BATCH, 1 << (BATCH_VALUES // max(1, len(names))).bit_length() - 1))
        yield from self._read(names, rows)

    def column(self, name: str) -> Iterator[pa.Array]:
        """Yield one column, block by block."""
        for batch in self.batches([name]):
            yield batch.column(name)


@contextmanager
def opened(data: Any, *, text: Collection[str] = (), progress: Progress = silent) -> Iterator[Table]:
    """Open a table; within the block it can be read.

    Args:
        data: A path to a Parquet or CSV file (which may be compressed), to a folder of such files, a pattern like
            `"days/*.parquet"`, or a list of paths; or anything that offers Arrow data or the dataframe interchange
            protocol: pyarrow, pandas, polars; or a mapping from column names to sequences. Files are never read as a
            whole; CSV is copied once into a temporary Parquet file.
        text: Columns that are categories: CSV keeps what is written, `007` does not become 7.
        progress: Told how much of the CSV files has been copied.

    Raises:
        PermanentError: If it is none of these, a file cannot be read, or a column name stands there twice.
    """
    paths = table_files.find(data)
    with TemporaryDirectory(prefix="pegel-") as folder:
        if paths is None:
            whole = _in_memory(data)
            table = Table("memory", whole.schema, whole.num_rows, lambda names, rows: _pieces(whole, names, rows))
        else:
            found = table_files.open_all(paths, Path(folder), text, progress)
            table = Table(table_files.describe(paths), found.schema, found.rows, found.batches)
        if twice := sorted({name for name in table.schema.names if table.schema.names.count(name) > 1}):
            raise PermanentError(
                f"expected one column per name, given several named {', '.join(twice)}: nothing was read."
            )
        yield table


def _pieces(table: pa.Table, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    yield from table.select(names).to_batches(max_chunksize=rows)


def _in_memory(data: Any) -> pa.Table:
    if isinstance(data, Mapping):
        return _table({str(name): _array(values) for name, values in data.items()})
    if isinstance(data, pa.Table):
        return data
    if _mixed(data):
        return pa.Table.from_arrays([_array(data.iloc[:, i]) for i in range(data.shape[1])], [*map(str, data.columns)])
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return pa.table(data)
    if hasattr(data, "__dataframe__"):
        # Imported here, because hardly anything needs it and it costs 50 ms.
        from pyarrow.interchange import from_dataframe  # noqa: PLC0415

        return from_dataframe(data)
    raise PermanentError(
        f"expected a path, a mapping of columns or a table that offers Arrow data, given {type(data).__name__}: "
        "nothing was read."
    )


def _table(columns: Mapping[str, Any]) -> pa.Table:
    try:
        return pa.table(columns)
    except pa.ArrowInvalid as error:
        raise PermanentError(f"expected columns of one length, given others: {error}. Nothing was read.") from error


def _mixed(data: Any) -> bool:
    """Say whether it is a pandas frame: its object columns may mix types, which Arrow refuses as a whole."""
    return type(data).__module__.startswith("pandas.") and hasattr(data, "columns")


def _array(values: Any) -> pa.Array | pa.ChunkedArray:
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        # A column of mixed types is read as text, and counted as unparseable where a number was expected.
        return pa.array([None if value is None or value != value else str(value) for value in values], pa.string())  # noqa: PLR0124  NaN
