"""One table of what was found: a stream of Arrow batches, or a table of pyarrow, pandas or polars where asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from pyarrow import csv
from sqlalchemy.engine import RowMapping

from pegel.errors import DamagedRow, SetupError
from pegel.past.stored_pages import stored_pages
from pegel.spec.output_file import refuse_overwriting, written_whole
from pegel.store.database_file import database_file
from pegel.store.row_codec import decoded

INSTANT = pa.timestamp("us", tz="UTC")
Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSource:
    """Where the rows of a table come from. `what`: one of them in words, for what cannot be read."""

    what: str
    statement: sa.Select[Any]
    place: tuple[sa.ColumnElement[Any], ...]
    """Columns of the statement by which its rows are ordered, unique together."""
    columns: Mapping[str, pa.DataType]
    rows: Callable[[RowMapping], Iterable[Values]]
    """Return the rows that one stored row becomes, each with a value per column."""
    at_once: int
    """Stored rows that are in memory at the same time."""


class PastTable:
    """A table of one model in one interval, read when it is asked for: `batches`, `to_arrow`, `to_pandas`, `to_polars`.

    All times are in UTC.
    """

    def __init__(self, name: str, url: str, source: TableSource, unread: list[str]) -> None:
        """Read `source` from the database at `url`; what cannot be read is named in `unread`."""
        self.name = name
        self._url, self._source, self._unread = url, source, unread

    @property
    def schema(self) -> Any:
        """Return the columns and their types, as Arrow's schema."""
        return pa.schema(list(self._source.columns.items()))

    def batches(self) -> Iterator[Any]:
        """Yield the rows as Arrow's record batches, in order: only one of them is in memory."""
        source, unread = self._source, list[str]()
        pages = stored_pages(
            self._url, source.statement, source.place, at_once=source.at_once, what=source.what, damaged=unread
        )
        for page in pages:
            yield self._batch([values for row in page for values in self._rows(row, unread)], unread)
        self._unread += [line for line in unread if line not in self._unread]

    def to_arrow(self) -> Any:
        """Return all rows as a `pyarrow.Table`."""
        return pa.Table.from_batches(self.batches(), self.schema)

    def to_pandas(self) -> Any:
        """Return all rows as a `pandas.DataFrame`. Raises SetupError where pandas is missing."""
        _library("pandas")
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """Return all rows as a `polars.DataFrame`. Raises SetupError where polars is missing."""
        return _library("polars").from_arrow(self.to_arrow())

    def write(self, path: str | Path) -> None:
        """Write all rows to a file, Parquet if it is named so, else CSV with a header line; batch by batch.

        Raises PermanentError where that is not possible, InvalidSpec for the database that is read.
        """
        path = Path(path)
        refuse_overwriting(path, filter(None, [database_file(self._url)]), "path")
        with written_whole(path) as place, self._writer(path.suffix.lower(), place) as writer:
            for batch in self.batches():
                writer.write_batch(batch)

    def _writer(self, suffix: str, place: Path) -> Any:
        return (pq.ParquetWriter if suffix == ".parquet" else csv.CSVWriter)(place, self.schema)

    def __repr__(self) -> str:
        """Return the name and the columns; nothing is read."""
        return f"{self.name}: {', '.join(self._source.columns)}; to_arrow(), to_pandas(), to_polars() or batches()"

    def _rows(self, row: RowMapping, unread: list[str]) -> Iterable[Values]:
        try:
            return decoded(lambda columns: list(self._source.rows(columns)), row, self._source.what)
        except DamagedRow as error:
            unread.append(str(error))
            return ()

    def _batch(self, rows: Sequence[Values], unread: list[str]) -> Any:
        """Return rows as a batch. Where one holds another type than its column, it alone is left out."""
        try:
            return self._typed(rows)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return self._typed([row for row in rows if self._fits(row, unread)])

    def _fits(self, row: Values, unread: list[str]) -> bool:
        try:
            self._typed([row])
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            unread.append(f"{self._source.what} cannot be read: {error}. It is left out; everything else is read.")
            return False
        return True

    def _typed(self, rows: Sequence[Values]) -> Any:
        types = self._source.columns.values()
        columns = zip(*rows, strict=True) if rows else ([] for _ in types)
        arrays = [pa.array(list(column), kind) for column, kind in zip(columns, types, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise SetupError(
            f"expected {name} to be installed, given a Python without it ({error}): nothing was converted. Install it, "
            f"or take to_arrow() or batches()."
        ) from error
