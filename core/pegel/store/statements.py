"""Statements that the stores share: upserts by key, sums by key, conditions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from pegel.store import tables


def insert_into(dialect: sa.Dialect, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT that knows ON CONFLICT, in the words of the database at hand."""
    return postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)


def upsert(connection: Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert `rows`, or replace the values of those whose primary key exists. No rows: nothing happens."""
    if not rows:
        return
    statement = insert_into(connection.dialect, table)
    key = [column.name for column in table.primary_key]
    values = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=values), list(rows))


def add(connection: Connection, table: sa.Table, rows: Sequence[dict[str, Any]], keep: Collection[str] = ()) -> None:
    """Insert `rows`, or add their counts to those whose primary key exists; `keep` names columns that stay as first."""
    if not rows:
        return
    statement = insert_into(connection.dialect, table)
    key = [column.name for column in table.primary_key]
    sums = {name: table.c[name] + statement.excluded[name] for name in rows[0] if name not in {*key, *keep}}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=sums), list(rows))


def counter(connection: Connection, name: str) -> int:
    """Return the number kept under `name`; 0 when there is none yet."""
    statement = sa.select(tables.counters.c.value).where(tables.counters.c.name == name)
    return int(connection.execute(statement).scalar() or 0)


def starts_with(column: sa.ColumnElement[str], prefix: str) -> list[sa.ColumnElement[bool]]:
    """Return conditions for text that starts with `prefix`, as a range that an index answers; LIKE would read all.

    Ids are hexadecimal digits, so nothing sorts between `prefix` and its end but what starts with it.
    """
    if not prefix or not prefix.isascii() or not prefix.isalnum():
        return [column.startswith(prefix, autoescape=True)]
    return [column >= prefix, column < prefix[:-1] + chr(ord(prefix[-1]) + 1)]


def of_monitor(table: sa.Table, model: str | None, version: int | None) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that choose one monitor's rows; None chooses all."""
    conditions: list[sa.ColumnElement[bool]] = []
    if model is not None:
        conditions.append(table.c.model == model)
    if version is not None:
        conditions.append(table.c.version == version)
    return conditions


def newest_spans(
    table: sa.Table,
    model: str,
    version: int,
    *further: sa.ColumnElement[bool],
    since: datetime | None,
    limit: int,
    then: str = "span_start",
) -> sa.Select[Any]:
    """Return a SELECT of a monitor's spans, those that end last first.

    `further`: conditions beside it; `since`: spans that end after it; None for all. `then`: the column by which spans
    that end together are ordered, the largest first.
    """
    c = table.c
    after = () if since is None else (c.span_end > since,)
    chosen = sa.select(table).where(*of_monitor(table, model, version), *further, *after)
    return chosen.order_by(c.span_end.desc(), c[then].desc()).limit(limit)
