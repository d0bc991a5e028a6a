"""Any table, read in blocks: pandas, polars, pyarrow, a mapping of columns, Parquet and text files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import pyarrow as pa

from pegel.data.plain_types import plain_batches, plain_type
from pegel.errors import PermanentError
from pegel.notebook import file_search, frames, table_files
from pegel.notebook.column_type import ColumnType, has_categories, type_of
from pegel.notebook.naming import place, reason
from pegel.notebook.wanted_columns import Wanted

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
        progress = self.progress
        if progress is None:
            return silent
        return lambda share: progress((number + share) / self.count)


def rows_at_once(columns: int) -> int:
    """Return how many rows of so many columns are read at a time: a power of two from 1,024 to `BATCH`."""
    return max(1_024, min(BATCH, 1 << (BATCH_VALUES // max(1, columns)).bit_length() - 1))


@dataclass(frozen=True)
class Table:
    """A table that can be read again and again, in blocks, in few types.

    `source`: says for people where it is from. `schema`: the columns that can be read. `names`: these and those that
    are not wanted. `labels`: columns that are no features, each with the reason: an index, or what has no name.
    """

    source: str
    schema: pa.Schema
    names: tuple[str, ...]
    labels: Mapping[str, str]
    rows: int
    _read: Callable[[Sequence[str], int], Iterator[pa.RecordBatch]]
    _type_of: Callable[[str], ColumnType | None]

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield all rows of some columns, in order; no batch has more than `BATCH` rows."""
        for batch in self._read(names, rows_at_once(len(names))):
            yield from plain_batches(batch)

    def column(self, name: str) -> Iterator[pa.Array]:
        """Yield one column, block by block."""
        for batch in self.batches([name]):
            yield batch.column(name)

    def type_of(self, name: str) -> ColumnType | None:
        """Return as what a column is given to a model, where its kind does not say it; pandas categories are read."""
        return self._type_of(name)

    def absent(self, names: Collection[str]) -> list[str]:
        """Return which columns cannot be read, for people: an index has the reason beside it."""
        missing = [name for name in names if name not in self.schema.names]
        return [f"{name} ({self.labels[name]})" if name in self.labels else name for name in missing]


@contextmanager
def opened(
    data: Any,
    *,
    text: Collection[str] = (),
    numbers: Collection[str] = (),
    watched: Collection[str] | None = None,
    progress: Progress = silent,
    scratch: Path | None = None,
) -> Iterator[Table]:
    """Open a table; within the block it can be read.

    Args:
        data: A path to a Parquet file or to one of text with a header line (which may be compressed), to a folder of
            such files, a pattern like `"days/*.parquet"`, or a list of paths; or anything that offers Arrow data or the
            dataframe interchange protocol: pyarrow, pandas, polars; or a mapping from column names to sequences. Files
            are never read as a whole; text is copied once into a temporary Parquet file.
        text: Columns that are categories: of text, what is written is kept, `007` does not become 7.
        numbers: Columns that are numeric: of text, `NA` and the like are null whatever else stands there.
        watched: The only columns that are read: whatever else a table holds is not looked at. None reads all.
        progress: Told how much of the text files has been copied.
        scratch: Folder for that copy; None is the system's temporary one.

    Raises:
        PermanentError: If it is none of these, a file cannot be read, or a column name stands there twice.
    """
    wanted = Wanted(text, watched, numbers)
    files = file_search.find(data)
    with TemporaryDirectory(prefix="pegel-", dir=scratch) as folder, ExitStack() as stack:
        if files is None:
            table = _in_memory(data, wanted)
        else:
            whole = table_files.open_all(files, Path(folder), wanted, progress)
            stack.enter_context(closing(whole.open_files))
            source = file_search.describe(files)
            table = Table(source, whole.schema, whole.names, whole.labels, whole.rows, whole.batches, whole.type_of)
        try:
            yield table
        except (pa.ArrowException, UnicodeError) as error:
            raise PermanentError(
                f"expected a table that can be read, given {place(table.source)}: {reason(error)}. Nothing was counted."
            ) from error


def _in_memory(data: Any, wanted: Wanted) -> Table:
    whole, names, labels = frames.table_of(data, wanted.is_read)
    schema = pa.schema([pa.field(column.name, plain_type(column.type)) for column in whole.schema])

    def read(names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        yield from whole.select(names).to_batches(max_chunksize=rows)

    def given(name: str) -> ColumnType | None:
        column = whole.column(name)
        return type_of(column.type, (chunk.dictionary for chunk in column.chunks if has_categories(column.type)))

    return Table("memory", schema, names, labels, whole.num_rows, read, given)
