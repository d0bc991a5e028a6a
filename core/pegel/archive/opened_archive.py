"""The archived rows of a model, read by Arrow: files outside of a time are not opened, columns not asked for not read.

Where there is much, Spark reads the same files: `pegel_spark.archived_rows`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pegel.archive.archive_address import ArchiveAddress
from pegel.archive.folders import (
    HOUR,
    LONGEST_ANSWER,
    HourFiles,
    Kept,
    day_folders,
    hours_that_hold,
    visible_hours,
)
from pegel.archive.row_columns import ANSWERED_AT, EVENT_TIME, OF_EVERY_ROW, together
from pegel.data.arrow_columns import categories

if TYPE_CHECKING:
    from pyarrow import dataset

Filter = Any
"""An expression of `pyarrow.compute`, as in `pc.field("f_distance") > 500`; Arrow ships no types."""


@dataclass(frozen=True)
class OpenedArchive:
    """Rows of one model version with a time in `[start, end)`. A column of numbers and of text is text: categories.

    `time`: `EVENT_TIME`, when requests came, or `ANSWERED_AT`, when answers ended; rows without that time are left out.
    `is_spread`: batches come hour after hour in an order of which each beginning is spread over the whole time.
    """

    address: ArchiveAddress
    model: str
    version: int
    start: datetime
    end: datetime
    time: str = EVENT_TIME
    kept: Kept = Kept.ROWS
    is_spread: bool = False

    def by_answers(self) -> OpenedArchive:
        """Return the rows whose answers ended in that time, instead of those whose requests came in it."""
        return replace(self, time=ANSWERED_AT)

    def spread(self) -> OpenedArchive:
        """Return the same rows in an order for whoever stops early: what was read by then is of the whole time."""
        return replace(self, is_spread=True)

    @cached_property
    def hours(self) -> list[HourFiles]:
        """Return the hours that may hold such rows, with their files, the oldest first unless they are spread."""
        reach = LONGEST_ANSWER if self.time == ANSWERED_AT else 0 * HOUR
        first, last = hours_that_hold(self.start, self.end, reach)
        paths = [
            path
            for model in self._folders
            for day in day_folders(model, first, last, self._folders_in)
            for path in self.address.files_below(day)
        ]
        found = [hour for hour in visible_hours(paths) if first <= hour.start < last]
        return [found[at] for at in spread_over(len(found))] if self.is_spread else found

    @property
    def empty_hours(self) -> list[datetime]:
        """Return the hours that overlap the time and have no file: without requests, not archived yet, or any more."""
        first, last = hours_that_hold(self.start, self.end, 0 * HOUR)
        there = {hour.start for hour in self.hours}
        hours = [first + at * HOUR for at in range(-((first - last) // HOUR))]
        return [hour for hour in hours if hour not in there]

    @property
    def files(self) -> list[str]:
        """Return the files of these hours."""
        return [path for hour in self.hours for path in hour.files]

    @property
    def schema(self) -> pa.Schema:
        """Return every column that one of these files has; without a file those of every row."""
        return self._columns[0]

    @cached_property
    def _columns(self) -> tuple[pa.Schema, dict[str, frozenset[str]]]:
        """Return the columns of all files, and by file which of its own are numbers and are read as text."""
        schemas = {path: pq.read_schema(path, filesystem=self.address.files) for path in self.files}
        whole = together([*([OF_EVERY_ROW] if self.kept is Kept.ROWS else []), *schemas.values()])
        texts = {column.name for column in whole if pa.types.is_string(column.type)}
        told = {
            path: frozenset(one.name for one in schema if one.name in texts and pa.types.is_floating(one.type))
            for path, schema in schemas.items()
        }
        return whole, {path: names for path, names in told.items() if names}

    def batches(self, columns: Sequence[str] | None = None, where: Filter = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows in the order of `hours`, in batches, with memory for a few of them.

        `columns`: which, by the names of `pegel.archive.row_columns`; None: all. One that no file has is null. `where`:
        further rows are left out for which it is not true.
        """
        names = self.schema.names if columns is None else list(columns)
        for hour in self.hours:
            whole = hour.start >= self.start and hour.start + HOUR <= self.end and self.time == EVENT_TIME
            # Within an hour that lies in the time as a whole only rows without one are left out.
            in_time = pc.field(self.time).is_valid() if whole else self._in_time
            chosen = in_time if where is None else in_time & where
            plain = [path for path in hour.files if path not in self._columns[1]]
            if plain:
                scanned = self._dataset(plain, names)
                yield from scanned.to_batches(columns=names, filter=chosen, batch_readahead=2)
            for path in hour.files:
                if path not in plain:
                    yield from self._retold(path, names, chosen)

    def rows(self, columns: Sequence[str] | None = None, where: Filter = None) -> pa.Table:
        """Return the rows of `batches` as one table."""
        names = self.schema.names if columns is None else list(columns)
        schema = pa.schema([self._asked(name) for name in names])
        return pa.Table.from_batches(list(self.batches(columns, where)), schema)

    def count(self, where: Filter = None) -> int:
        """Return how many rows there are."""
        return sum(batch.num_rows for batch in self.batches([self.time], where))

    @property
    def _in_time(self) -> Filter:
        instant = pc.field(self.time)
        start, end = (pa.scalar(at, OF_EVERY_ROW.field(self.time).type) for at in (self.start, self.end))
        return (instant >= start) & (instant < end)

    @cached_property
    def _folders(self) -> list[str]:
        """Return the model's folder, in whichever namespace it is, or was."""
        root = f"{self.address.root}/{self.kept}"
        spaces = self.address.files_below(root, recursive=False)
        return [f"{space}/model={self.model}/version={self.version}" for space in spaces]

    def _folders_in(self, folder: str) -> list[str]:
        return self.address.files_below(folder, recursive=False)

    def _asked(self, name: str) -> pa.Field:
        place = self.schema.get_field_index(name)
        return self.schema.field(place) if place >= 0 else pa.field(name, pa.null())

    def _retold(self, path: str, names: Sequence[str], chosen: Filter) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a file with numbers that are read as text: they are told as everywhere, not as by Arrow."""
        numbers = self._columns[1][path]
        for batch in self._dataset([path], names, numbers).to_batches(batch_readahead=2):
            columns = {
                name: pa.array(categories(column)[0], pa.string()) if name in numbers else column
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            }
            yield from pa.table(columns).filter(chosen).select(names).to_batches()

    def _dataset(self, files: Sequence[str], names: Sequence[str], numbers: Collection[str] = ()) -> dataset.Dataset:
        """Return what files hold. `numbers`: columns that are read as numbers although others have text there."""
        from pyarrow import dataset  # noqa: PLC0415  a quarter of a second, as pandas comes with it

        known = [*self.schema, *(self._asked(name) for name in names if name not in self.schema.names)]
        types = [pa.field(each.name, pa.float64()) if each.name in numbers else each for each in known]
        return dataset.dataset(list(files), schema=pa.schema(types), format="parquet", filesystem=self.address.files)


def open_archive(
    root: str, model: str, version: int, *, start: datetime, end: datetime, kept: Kept = Kept.ROWS
) -> OpenedArchive:
    """Open the archive of a model version for `[start, end)`, instants with a zone. Nothing is read before it is asked.

    `root`: the folder or address in `pegel.spec.settings.Settings.archive_root`. Raises SetupError for an address that
    Arrow does not know; what is not there has no rows.
    """
    return OpenedArchive(ArchiveAddress.of(root), model, version, start, end, kept=kept)


def spread_over(count: int) -> list[int]:
    """Return the places from 0 on in an order of which each beginning is spread evenly over them.

    Source: J. G. van der Corput, "Verteilungsfunktionen", Proceedings of the KNAW 38 (1935): bits in reverse.

    >>> spread_over(6)
    [0, 4, 2, 1, 5, 3]
    """
    bits = max(0, count - 1).bit_length()
    reversed_bits = (int(f"{place:0{bits}b}"[::-1], 2) if bits else 0 for place in range(1 << bits))
    return [place for place in reversed_bits if place < count]
