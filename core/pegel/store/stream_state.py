"""Open panes, states and failures of a group's monitors, as rows."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pegel.errors import DamagedRow
from pegel.store import tables
from pegel.store.row_codec import decoded, fetched, readable, typed
from pegel.store.statements import of_monitor, upsert
from pegel.stream.commit import Commit, DamagedState, MonitorFailure, MonitorState, PanePart

Value = TypeVar("Value")


def restored_panes(connection: Connection, group: str, damaged: list[DamagedState]) -> list[PanePart]:
    """Return the parts of open panes in the order in which they were written; what is `damaged` is added there."""
    c = tables.pane_parts.c
    own = c.group == group
    owners = sa.select(c.model, c.version, c.seq.label("part")).where(own).order_by(c.seq)
    parts = sa.select(c.model, c.version, c.pane, c.data).where(own).order_by(c.seq)
    return _restored(connection, owners, parts, PanePart, damaged)


def restored_states(connection: Connection, group: str) -> list[MonitorState]:
    """Return the states of a group's monitors, ordered by model and version."""
    c = tables.monitor_states.c
    statement = sa.select(c.model, c.version, c.windows, c.charts).where(c.group == group)
    return [MonitorState(**row) for row in connection.execute(statement.order_by(c.model, c.version)).mappings()]


def restored_failures(connection: Connection, group: str, damaged: list[DamagedState]) -> list[MonitorFailure]:
    """Return the failures of a group that are not over; what is `damaged` is added there."""
    c = tables.failures.c
    own = (c.group == group, c.ended_at.is_(None))
    owners = sa.select(c.model, c.version).where(*own).order_by(c.model, c.version, c.since)
    failures = sa.select(c.model, c.version, c.since, c.reason, c.windows_lost).where(*own)
    failures = failures.order_by(c.model, c.version, c.since)
    return _restored(connection, owners, failures, MonitorFailure, damaged)


def _restored(
    connection: Connection,
    owners: sa.Select[Any],
    statement: sa.Select[Any],
    kind: type[Value],
    damaged: list[DamagedState],
) -> list[Value]:
    """Return the rows of a statement; of those that cannot be read, whose they are, by `owners` in the same order."""
    values = []
    rows = fetched(connection, statement, f"a {kind.__name__}")
    for owner, row in zip(connection.execute(owners).mappings().all(), rows, strict=True):
        try:
            if isinstance(row, DamagedRow):
                raise row
            values.append(decoded(partial(typed, kind), row, f"a {kind.__name__}"))
        except DamagedRow as error:
            damaged.append(DamagedState(**owner, reason=str(error)))
    return values


def open_failures(
    connection: Connection, model: str | None, version: int | None, damaged: list[str] | None
) -> list[MonitorFailure]:
    """Return the failures that are not over, of one monitor or of all, the oldest first.

    Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its reason added there.
    """
    c = tables.failures.c
    columns = (c.model, c.version, c.since, c.reason, c.windows_lost)
    where = [*of_monitor(tables.failures, model, version), c.ended_at.is_(None)]
    statement = sa.select(*columns).where(*where).order_by(c.since, c.model, c.version)
    return readable(_failure, fetched(connection, statement, "a failure of a monitor"), damaged)


def _failure(row: sa.RowMapping) -> MonitorFailure:
    what = f"a failure of {row['model']}/{row['version']}"
    return decoded(lambda columns: typed(MonitorFailure, columns), row, what)


def write_state(connection: Connection, group: str, commit: Commit, now: datetime) -> None:
    """Write panes, states and failures of one commit. What it closes or lets go of is removed last."""
    _append_parts(connection, group, commit.pane_parts)
    _write_states(connection, group, commit.states)
    _delete_panes(connection, group, commit.closed_panes)
    if commit.damaged_parts:
        c = tables.pane_parts.c
        connection.execute(sa.delete(tables.pane_parts).where(c.group == group, c.seq.in_(commit.damaged_parts)))
    _write_failures(connection, group, commit, now)
    for model, version in commit.gone:
        for table in (tables.pane_parts, tables.monitor_states):
            connection.execute(sa.delete(table).where(table.c.group == group, *of_monitor(table, model, version)))


def _append_parts(connection: Connection, group: str, parts: list[PanePart]) -> None:
    _delete_panes(connection, group, [(part.model, part.version, part.pane) for part in parts if part.whole])
    rows = [
        {"group": group, "model": part.model, "version": part.version, "pane": part.pane, "data": part.data}
        for part in parts
    ]
    if rows:
        connection.execute(sa.insert(tables.pane_parts), rows)


def _delete_panes(connection: Connection, group: str, panes: list[tuple[str, int, datetime]]) -> None:
    if not panes:
        return
    c = tables.pane_parts.c
    statement = sa.delete(tables.pane_parts).where(
        c.group == group,
        c.model == sa.bindparam("of_model"),
        c.version == sa.bindparam("of_version"),
        c.pane == sa.bindparam("of_pane"),
    )
    rows = [{"of_model": model, "of_version": version, "of_pane": pane} for model, version, pane in panes]
    connection.execute(statement, rows)


def _write_states(connection: Connection, group: str, states: list[MonitorState]) -> None:
    rows = [
        {"group": group, "model": state.model, "version": state.version, "windows": state.windows}
        | ({} if state.charts is None else {"charts": state.charts})
        for state in states
    ]
    # Two statements, because a row without charts leaves those that are stored.
    upsert(connection, tables.monitor_states, [row for row in rows if "charts" in row])
    upsert(connection, tables.monitor_states, [row for row in rows if "charts" not in row])


def _write_failures(connection: Connection, group: str, commit: Commit, now: datetime) -> None:
    rows: list[dict[str, Any]] = [
        {"group": group, "ended_at": None}
        | {name: getattr(failure, name) for name in MonitorFailure.__dataclass_fields__}
        for failure in commit.failures
    ]
    upsert(connection, tables.failures, rows)
    c = tables.failures.c
    for model, version in (*commit.recovered, *commit.gone):
        over = (c.group == group, *of_monitor(tables.failures, model, version), c.ended_at.is_(None))
        connection.execute(sa.update(tables.failures).where(*over).values(ended_at=now))
