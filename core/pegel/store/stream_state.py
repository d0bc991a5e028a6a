"""Open panes, states and failures of a group's monitors, as rows; what the last commits changed is in the journal."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pegel.errors import DamagedRow
from pegel.store import tables, window_journal
from pegel.store.row_codec import decoded, fetched, readable, typed
from pegel.store.statements import of_monitor, upsert
from pegel.store.window_journal import WindowChanges
from pegel.stream import packing
from pegel.stream.commit import Commit, DamagedState, MonitorFailure, MonitorState, PanePart

Value = TypeVar("Value")


def restored_panes(
    connection: Connection, group: str, changes: WindowChanges, damaged: list[DamagedState]
) -> list[PanePart]:
    """Return the parts of open panes, each pane's in the order in which they were written.

    What is `damaged` is added there.
    """
    c = tables.pane_parts.c
    own = c.group == group
    owners = sa.select(c.model, c.version, c.seq.label("part")).where(own).order_by(c.seq)
    rows = sa.select(c.model, c.version, c.pane, c.data).where(own).order_by(c.seq)
    stored = [
        replace(row, data=data)
        for row in _restored(connection, owners, rows, PanePart, damaged)
        if (row.model, row.version) not in changes.gone and _pane(row) not in changes.replaced
        for data in _parts_in(row.data)
    ]
    return stored + [
        PanePart(model=model, version=version, pane=pane, data=data)
        for (model, version, pane), parts in changes.parts.items()
        for data in parts
    ]


def restored_states(connection: Connection, group: str, changes: WindowChanges) -> list[MonitorState]:
    """Return the states of a group's monitors, ordered by model and version."""
    c = tables.monitor_states.c
    statement = sa.select(c.model, c.version, c.windows, c.charts).where(c.group == group)
    stored = _remembered(connection, group)
    rows = [
        MonitorState(**row, remembered=stored.get((row["model"], row["version"]), {}))
        for row in connection.execute(statement).mappings()
    ]
    states = {(row.model, row.version): row for row in rows if (row.model, row.version) not in changes.gone}
    for owner, state in changes.states.items():
        known = states.get(owner, MonitorState(model=owner[0], version=owner[1], windows={}))
        kept = {name: data for name, data in known.remembered.items() if name not in state.forgotten}
        charts = known.charts if state.charts is None else state.charts
        states[owner] = replace(state, charts=charts, remembered=kept | state.remembered, forgotten=())
    return [states[owner] for owner in sorted(states)]


def damaged_changes(
    connection: Connection, group: str, changes: WindowChanges, states: list[MonitorState]
) -> list[DamagedState]:
    """Return whose changes nobody can read: where even that is not known, they may be anybody's of the group.

    Those are also a model's that has no state elsewhere: its first one may have been there.
    """
    if not changes.damaged:
        return []
    c = tables.monitors.c
    registered = connection.execute(sa.select(c.model, c.version).where(c.group == group)).all()
    everybody = sorted({(state.model, state.version) for state in states}.union((*row,) for row in registered))
    return [
        DamagedState(model=model, version=version, reason=f"a change of open windows: {each.reason}", change=each.seq)
        for each in changes.damaged
        for model, version in ([each.owner] if each.owner else everybody)
    ]


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
    """Write panes, states and failures of one commit."""
    window_journal.append(connection, group, commit)
    if commit.damaged_parts:
        c = tables.pane_parts.c
        connection.execute(sa.delete(tables.pane_parts).where(c.group == group, c.seq.in_(commit.damaged_parts)))
    if commit.damaged_changes or window_journal.is_long(connection, group):
        move_on(connection, group, known=commit.damaged_changes)
    _write_failures(connection, group, commit, now)


def move_on(connection: Connection, group: str, *, known: Collection[int] = ()) -> None:
    """Move what the journal holds to rows of each monitor.

    What nobody can read stays in it, apart from rows that are `known` to somebody who has told of them.
    """
    changes = window_journal.read(connection, group)
    for model, version in changes.gone:
        for table in (tables.pane_parts, tables.monitor_states, tables.remembered_rows):
            connection.execute(sa.delete(table).where(table.c.group == group, *of_monitor(table, model, version)))
    _delete_panes(connection, group, changes.replaced)
    rows = [
        {"group": group, "model": model, "version": version, "pane": pane, "data": packing.pack(None, parts)}
        for (model, version, pane), parts in changes.parts.items()
    ]
    if rows:
        connection.execute(sa.insert(tables.pane_parts), rows)
    _write_states(connection, group, changes.states.values())
    unknown = [section for section in changes.damaged if section.seq not in known]
    stays = {section.seq for section in unknown if section.owner is None}
    c = tables.journal.c
    connection.execute(sa.delete(tables.journal).where(c.seq.in_([seq for seq in changes.rows if seq not in stays])))
    window_journal.keep(connection, group, unknown)


def _pane(part: PanePart) -> tuple[str, int, datetime]:
    return part.model, part.version, part.pane


def _parts_in(data: bytes) -> list[bytes]:
    """Return the parts in a row; what cannot be taken apart is handed on, to be that pane's failure."""
    try:
        return packing.unpack(data)[1]
    except (KeyError, TypeError, ValueError):
        return [data]


def _delete_panes(connection: Connection, group: str, panes: Collection[tuple[str, int, datetime]]) -> None:
    if not panes:
        return
    c = tables.pane_parts.c
    statement = sa.delete(tables.pane_parts).where(
        c.group == group,
        c.model == sa.bindparam("of_model"),
        c.version == sa.bindparam("of_version"),
        c.pane == sa.bindparam("of_pane"),
    )
    rows = [{"of_model": model, "of_version": version, "of_pane": pane} for model, version, pane in sorted(panes)]
    connection.execute(statement, rows)


def _remembered(connection: Connection, group: str) -> dict[tuple[str, int], dict[str, bytes]]:
    """Return the rows of the windows before by monitor and name."""
    c, found = tables.remembered_rows.c, dict[tuple[str, int], dict[str, bytes]]()
    for row in connection.execute(sa.select(c.model, c.version, c.name, c.data).where(c.group == group)):
        found.setdefault((row.model, row.version), {})[row.name] = row.data
    return found


def _write_remembered(connection: Connection, group: str, states: Collection[MonitorState]) -> None:
    """Write the rows of each window once, and delete those that are needed no more."""
    c = tables.remembered_rows.c
    for state in states:
        if state.forgotten:
            own = (c.group == group, *of_monitor(tables.remembered_rows, state.model, state.version))
            connection.execute(sa.delete(tables.remembered_rows).where(*own, c.name.in_(state.forgotten)))
    rows = [
        {"group": group, "model": state.model, "version": state.version, "name": name, "data": data}
        for state in states
        for name, data in state.remembered.items()
    ]
    upsert(connection, tables.remembered_rows, rows)


def _write_states(connection: Connection, group: str, states: Collection[MonitorState]) -> None:
    rows = [
        {"group": group, "model": state.model, "version": state.version, "windows": state.windows}
        | ({} if state.charts is None else {"charts": state.charts})
        for state in states
    ]
    _write_remembered(connection, group, states)
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
