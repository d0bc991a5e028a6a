"""Statements that the stores share: upserts by key, and numbers that only grow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from pegel.store import tables


def upsert(connection: Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert `rows`, or replace the values of those whose primary key exists. No rows: nothing happens."""
    if not rows:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(table)
    key = [column.name for column in table.primary_key]
    values = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=values), list(rows))


def position(connection: Connection, name: str) -> int:
    """Return the number kept under `name`; 0 when there is none yet."""
    statement = sa.select(tables.positions.c.value).where(tables.positions.c.name == name)
    return int(connection.execute(statement).scalar() or 0)


def advance(connection: Connection, name: str, value: int) -> None:
    """Raise the number kept under `name` to `value`; a smaller value changes nothing."""
    if value > position(connection, name):
        upsert(connection, tables.positions, [{"name": name, "value": value}])


def of_monitor(table: sa.Table, model: str | None, version: int | None) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that choose one monitor's rows; None chooses all."""
    conditions: list[sa.ColumnElement[bool]] = []
    if model is not None:
        conditions.append(table.c.model == model)
    if version is not None:
        conditions.append(table.c.version == version)
    return conditions
