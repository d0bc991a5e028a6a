"""The ledger read back: minutes of a model, and whether a group's minutes account for everything that arrived."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pegel.store import tables
from pegel.store.statements import of_monitor
from pegel.stream.commit import Gap, SetAside
from pegel.stream.result_rows import InvalidRow, LedgerRow, MinuteBalance

_COUNTS = [field.name for field in fields(LedgerRow) if field.name not in {"model", "version", "minute"}]
_ACCOUNTED = ("judged", "late", "invalid", "duplicate", "set_aside", "probe", "elsewhere", "notice")
"""The counts of records that arrived; `dropped` did not."""


def ledger_minutes(connection: Connection, model: str, version: int, since: datetime | None) -> list[LedgerRow]:
    """Return the ledger's minutes from `since` on, in order of time; what several groups counted is added up."""
    c = tables.ledger.c
    statement = (
        sa.select(c.model, c.version, c.minute, *_sums())
        .where(*of_monitor(tables.ledger, model, version), *_since(c.minute, since))
        .group_by(c.model, c.version, c.minute)
        .order_by(c.minute)
    )
    return [LedgerRow(**_plain(row)) for row in connection.execute(statement).mappings()]


def ledger_total(connection: Connection, model: str, version: int, since: datetime) -> LedgerRow:
    """Return the minutes from `since` on, added up in the database; `minute` is `since`."""
    where = (*of_monitor(tables.ledger, model, version), tables.ledger.c.minute >= since)
    row = connection.execute(sa.select(*_sums()).where(*where)).mappings().one()
    return LedgerRow(model=model, version=version, minute=since, **{name: int(row[name] or 0) for name in _COUNTS})


def invalid_minutes(connection: Connection, model: str, version: int, since: datetime | None) -> list[InvalidRow]:
    """Return invalid input by minute and kind from `since` on, in order of time."""
    c = tables.invalid.c
    where = (*of_monitor(tables.invalid, model, version), *_since(c.minute, since))
    rows = connection.execute(sa.select(tables.invalid).where(*where).order_by(c.minute, c.kind)).mappings()
    return [InvalidRow(**row) for row in rows]


def balance(connection: Connection, group: str, since: datetime | None) -> list[MinuteBalance]:
    """Return per minute what arrived on a group's topics and what its ledger accounts for, in order of time."""
    a, b = tables.arrivals.c, tables.ledger.c
    came = sa.select(a.minute, sa.func.sum(a.records).label("records")).where(a.group == group)
    accounted = sum((b[name] for name in _ACCOUNTED[1:]), start=b[_ACCOUNTED[0]])
    went = sa.select(b.minute, sa.func.sum(accounted).label("records")).where(b.group == group)
    arrived = {row.minute: int(row.records) for row in _by_minute(connection, came, a.minute, since)}
    explained = {row.minute: int(row.records) for row in _by_minute(connection, went, b.minute, since)}
    return [
        MinuteBalance(group=group, minute=minute, arrived=arrived.get(minute, 0), accounted=explained.get(minute, 0))
        for minute in sorted(arrived.keys() | explained.keys())
    ]


def gaps(connection: Connection, group: str, since: datetime | None, limit: int) -> list[Gap]:
    """Return the newest gaps of a group, newest first."""
    return [Gap(**row) for row in _newest(connection, tables.gaps, group, since, limit)]


def records_set_aside(connection: Connection, group: str, since: datetime | None, limit: int) -> list[SetAside]:
    """Return the newest records of a group that were set aside, newest first."""
    return [SetAside(**row) for row in _newest(connection, tables.set_aside, group, since, limit)]


def _newest(
    connection: Connection, table: sa.Table, group: str, since: datetime | None, limit: int
) -> list[sa.RowMapping]:
    columns = [column for column in table.columns if column.name != "group"]
    where = (table.c.group == group, *_since(table.c.at, since))
    statement = sa.select(*columns).where(*where).order_by(table.c.at.desc()).limit(limit)
    return list(connection.execute(statement).mappings())


def _by_minute(
    connection: Connection, statement: sa.Select[Any], minute: sa.ColumnElement[datetime], since: datetime | None
) -> list[Any]:
    return list(connection.execute(statement.where(*_since(minute, since)).group_by(minute)))


def _sums() -> list[sa.Label[Any]]:
    return [sa.func.sum(tables.ledger.c[name]).label(name) for name in _COUNTS]


def _plain(row: sa.RowMapping) -> dict[str, Any]:
    """Return the columns of a sum as whole numbers: PostgreSQL adds up to decimals."""
    return dict(row) | {name: int(row[name]) for name in _COUNTS}


def _since(column: sa.ColumnElement[datetime], since: datetime | None) -> list[sa.ColumnElement[bool]]:
    return [] if since is None else [column >= since]
