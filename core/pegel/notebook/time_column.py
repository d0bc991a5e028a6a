"""The times of training rows as every engine reads them: microseconds in UTC, in years that calendars agree on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from pegel.data.instants import MICROSECOND, from_us, to_us
from pegel.errors import PermanentError
from pegel.featurestore import TimeRange
from pegel.notebook.naming import listed
from pegel.notebook.written_times import written_instant
from pegel.spec.outside_text import NAME_LIMIT, shown

Column: TypeAlias = Any
"""An Arrow array; Arrow ships no types."""
STORED = pa.timestamp("us", tz="UTC")
EARLIEST, LATEST = to_us(datetime(1900, 1, 1, tzinfo=UTC)), to_us(datetime(9999, 12, 31, tzinfo=UTC))
"""What lies outside, [EARLIEST, LATEST), stands for no time in most tables, and engines count such days differently."""
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DAY = 86_400
_MILLION = 1_000_000


@dataclass(slots=True)
class TimeColumn:
    """A column of times, and what was seen of it. `of_rows`: whether each is the time of its row.

    `without`: rows that have no time. `strange`: rows whose time is none, or none of these centuries; kept without one.
    `unzoned`: whether there were times without a zone. `first`, `last`: microseconds since 1970, None before any time.
    """

    name: str
    given: pa.DataType
    of_rows: bool = True
    without: int = 0
    strange: int = 0
    unzoned: bool = False
    first: int | None = None
    last: int | None = None

    def __post_init__(self) -> None:
        """Raise PermanentError for a column of anything but timestamps, dates or text."""
        kind = self.given
        if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_string(kind)):
            raise PermanentError(
                f"time: expected timestamps, dates, or text such as 2026-11-21T09:00Z, given {listed([self.name])}, "
                f"which holds {shown(str(kind))}: nothing was registered."
            )

    def stored(self, column: Column) -> Column:
        """Return the next times as they are stored; null where a row has none."""
        instants = self._parsed(column) if pa.types.is_string(column.type) else self._converted(column)
        self.without += column.null_count
        self.strange += instants.null_count - column.null_count
        ends = pc.min_max(instants).as_py()
        if ends["min"] is not None:
            self.first = ends["min"] if self.first is None else min(self.first, ends["min"])
            self.last = ends["max"] if self.last is None else max(self.last, ends["max"])
        return instants.cast(STORED)

    @property
    def is_finer(self) -> bool:
        """Say whether the times are given in nanoseconds: their last three digits are dropped."""
        return bool(pa.types.is_timestamp(self.given) and self.given.unit == "ns")

    @property
    def field(self) -> pa.Field:
        """Return the column as it is stored."""
        return pa.field(self.name, STORED)

    def warnings(self, now: datetime) -> Iterator[str]:
        """Yield what is to be known of the times, a sentence each; what they are taken for is one."""
        name = shown(self.name, NAME_LIMIT)
        finer = "nanoseconds are kept as microseconds; no engine here reads finer times"
        unzoned = "times without a zone are taken for UTC; give them one if they are of another clock"
        if taken_for := [words for words, said in ((finer, self.is_finer), (unzoned, self.unzoned)) if said]:
            yield f"{name}: {', and '.join(taken_for)}"
        if self.without and self.of_rows:
            yield f"{name}: {self.without:,} rows have no time; a baseline by times leaves them out"
        if self.strange:
            yield f"{name}: {self.strange:,} values are no times from 1900 to 9999; their rows are kept without one"
        if self.of_rows and self.last is not None and self.last > to_us(now):
            yield f"{name}: the last time, {from_us(self.last):%Y-%m-%d %H:%M} UTC, is yet to come"

    @property
    def covered(self) -> TimeRange | None:
        """Return from the first time to just after the last; None when no row has one."""
        if self.first is None or self.last is None:
            return None
        return TimeRange(from_us(self.first), from_us(self.last) + MICROSECOND)

    def _converted(self, column: Column) -> Column:
        """Return microseconds since 1970 of timestamps and dates."""
        if pa.types.is_null(column.type):
            return column.cast(pa.int64())
        if pa.types.is_date(column.type):
            column, per_second = column.cast(pa.date32()).cast(pa.int32()), 1 / _DAY
        else:
            per_second = _PER_SECOND[column.type.unit]
            self.unzoned |= column.type.tz is None
        return _within(column.cast(pa.int64()), per_second)

    def _parsed(self, column: Column) -> Column:
        """Return microseconds since 1970 of texts by ISO 8601."""
        values = [None if text is None else self._read(text) for text in column.to_pylist()]
        return _within(pa.array(values, pa.int64()), _MILLION)

    def _read(self, text: str) -> int | None:
        instant = written_instant(text)
        if instant is None:
            return None
        if instant.tzinfo is None:
            self.unzoned = True
            instant = instant.replace(tzinfo=UTC)
        return to_us(instant)


def _within(counts: Column, per_second: float) -> Column:
    """Return counts of some unit since 1970 as microseconds; null for those outside of `EARLIEST` and `LATEST`."""
    low, high = (min(int(end * per_second / _MILLION), 2**63 - 1) for end in (EARLIEST, LATEST))
    inside = pc.and_(pc.greater_equal(counts, low), pc.less(counts, high))
    counts = pc.if_else(inside, counts, None)
    if per_second > _MILLION:
        return pc.divide(counts, int(per_second) // _MILLION)
    return pc.multiply(counts, round(_MILLION / per_second))
