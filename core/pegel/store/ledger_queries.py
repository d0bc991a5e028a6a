"""The ledger read back: minutes of a model, and whether a group's minutes account for everything that arrived."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pegel.store import tables
from pegel.store.row_codec import decoded, fetched, readable, typed
from pegel.store.statements import of_monitor
from pegel.stream.commit import Gap, SetAside
from pegel.stream.outcomes import COUNTERS, PLACES
from pegel.stream.result_rows import InvalidRow, LedgerRow, MinuteBalance

Value = TypeVar("Value")

_ACCOUNTED = tuple(name for name in PLACES if name != "dropped")
"""The counts of records that arrived; `dropped` did not."""


Damaged = list[str] | None
"""Where what cannot be read is named; None: it is raised as DamagedRow."""


def ledger_minutes(
    connection: Connection, model: str, version: int, since: datetime | None, damaged: Damaged
) -> list[LedgerRow]:
    """Return the ledger's minutes from `since` on, in order of time; what several groups counted is added up."""
    c = tables.ledger.c
    statement = (
        sa.select(c.model, c.version, c.minute, *_sums())
        .where(*of_monitor(tables.ledger, model, version), *_since(c.minute, since))
        .group_by(c.model, c.version, c.minute)
        .order_by(c.minute)
    )
    what = f"a minute of the ledger of {model}/{version}"
    return _rows(connection, statement, lambda row: typed(LedgerRow, _plain(row)), what, damaged)


def ledger_total(
    connection: Connection, model: str, version: int, since: datetime, group: str | None = None
) -> LedgerRow:
    """Return the minutes from `since` on, added up in the database; `minute` is `since`. `group`: its own alone."""
    where = [*of_monitor(tables.ledger, model, version), tables.ledger.c.minute >= since]
    where += [] if group is None else [tables.ledger.c.group == group]
    row = connection.execute(sa.select(*_sums()).where(*where)).mappings().one()
    return LedgerRow(model=model, version=version, minute=since, **{name: int(row[name] or 0) for name in COUNTERS})


def invalid_minutes(
    connection: Connection, model: str, version: int, since: datetime | None, damaged: Damaged
) -> list[InvalidRow]:
    """Return invalid input by minute and kind from `since` on, in order of time."""
    c = tables.invalid.c
    where = (*of_monitor(tables.invalid, model, version), *_since(c.minute, since))
    statement = sa.select(tables.invalid).where(*where).order_by(c.minute, c.kind)
    what = f"a count of invalid input of {model}/{version}"
    return _rows(connection, statement, lambda row: typed(InvalidRow, row), what, damaged)


def balance(connection: Connection, group: str, since: datetime | None, damaged: Damaged) -> list[MinuteBalance]:
    """Return per minute what arrived on a group's topics and what its ledger accounts for, in order of time."""
    a, b = tables.arrivals.c, tables.ledger.c
    came = sa.select(a.minute, sa.func.sum(a.records).label("records")).where(a.group == group)
    sums = [sa.func.sum(b[name]) for name in _ACCOUNTED]  # each alone, see `_whole`
    accounted = sum(sums[1:], start=sums[0])
    went = sa.select(b.minute, accounted.label("records")).where(b.group == group)
    by_arrival = came.where(*_since(a.minute, since)).group_by(a.minute)
    by_ledger = went.where(*_since(b.minute, since)).group_by(b.minute)
    arrived = dict(_rows(connection, by_arrival, _minute, f"a minute of what arrived for group {group}", damaged))
    explained = dict(_rows(connection, by_ledger, _minute, f"a minute of the ledger of group {group}", damaged))
    return [
        MinuteBalance(group=group, minute=minute, arrived=arrived.get(minute, 0), accounted=explained.get(minute, 0))
        for minute in sorted(arrived.keys() | explained.keys())
    ]


def gaps(connection: Connection, group: str, since: datetime | None, limit: int, damaged: Damaged) -> list[Gap]:
    """Return the newest gaps of a group, newest first."""
    statement = _newest(tables.gaps, group, since, limit)
    return _rows(connection, statement, lambda row: typed(Gap, row), f"a gap of group {group}", damaged)


def records_set_aside(
    connection: Connection, group: str, since: datetime | None, limit: int, damaged: Damaged
) -> list[SetAside]:
    """Return the newest records of a group that were set aside, newest first."""
    statement, what = _newest(tables.set_aside, group, since, limit), f"a record that group {group} set aside"
    return _rows(connection, statement, lambda row: typed(SetAside, row), what, damaged)


def _rows(
    connection: Connection,
    statement: sa.Select[Any],
    read: Callable[[sa.RowMapping], Value],
    what: str,
    damaged: Damaged,
) -> list[Value]:
    rows = fetched(connection, statement, what)
    return readable(lambda row: decoded(read, row, what), rows, damaged)


def _newest(table: sa.Table, group: str, since: datetime | None, limit: int) -> sa.Select[Any]:
    columns = [column for column in table.columns if column.name != "group"]
    where = (table.c.group == group, *_since(table.c.at, since))
    return sa.select(*columns).where(*where).order_by(table.c.at.desc()).limit(limit)


def _sums() -> list[sa.Label[Any]]:
    return [sa.func.sum(tables.ledger.c[name]).label(name) for name in COUNTERS]


def _plain(row: sa.RowMapping) -> dict[str, Any]:
    return dict(row) | {name: _whole(row[name]) for name in COUNTERS}


def _minute(row: sa.RowMapping) -> tuple[datetime, int]:
    return row["minute"], _whole(row["records"])


def _whole(total: Any) -> int:
    """Return a sum as a whole number: PostgreSQL adds up to decimals. Raises TypeError on what is no sum of counts.

    SQLite adds text up as zero, but then the sum is a float, and NULL where a count is missing.
    """
    if not isinstance(total, (int, Decimal)):
        raise TypeError(f"expected a sum of counts, given {total!r}: one of them is no whole number")
    return int(total)


def _since(column: sa.ColumnElement[datetime], since: datetime | None) -> list[sa.ColumnElement[bool]]:
    return [] if since is None else [column >= since]
