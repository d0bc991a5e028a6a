"""The registry: which model versions are to be watched, and how. The one place that says what should run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.baseline.replay_reference import ReplayReference
from pegel.errors import InvalidSpec, PermanentError
from pegel.spec.clock import Clock, SystemClock
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store import tables
from pegel.store.archived_ranges import begin_watching
from pegel.store.database import reading, writing
from pegel.store.offsets import inherit_offsets
from pegel.store.row_codec import decoded
from pegel.store.statements import add, counter, of_monitor, upsert
from pegel.store.stream_state import move_on

_VERSION = "registry"


@dataclass(frozen=True, slots=True)
class Entry:
    """One registered model version of a group. `problem` says why its spec cannot be read; then `spec` is None."""

    model: str
    version: int
    group: str
    spec: MonitorSpec | None
    problem: str


class Registry:
    """The specs in force, one per model version."""

    def __init__(self, engine: Engine, clock: Clock | None = None) -> None:
        """Use the migrated database behind `engine`. `clock` tells when a spec changed; None: this machine's."""
        self._engine = engine
        self._clock = clock or SystemClock()

    def put(self, spec: MonitorSpec) -> bool:
        """Store `spec` in place of an earlier one of the same model version; say whether anything changed."""
        with writing(self._engine) as connection:
            return put_spec(connection, spec, self._clock.now())

    def remove(self, model: str, version: int) -> bool:
        """Forget the spec of a model version, keeping its results; say whether there was one."""
        with writing(self._engine) as connection:
            gone = connection.execute(sa.delete(tables.monitors).where(*of_monitor(tables.monitors, model, version)))
            if gone.rowcount == 0:
                return False
            note_change(connection)
        return True

    def get(self, model: str, version: int) -> MonitorSpec | None:
        """Return the spec of a model version, or None. Raises InvalidSpec or DamagedRow if it cannot be read."""
        statement = sa.select(tables.monitors.c.spec).where(*of_monitor(tables.monitors, model, version))
        with reading(self._engine) as connection:
            found = connection.execute(statement).scalar()
        return None if found is None else decoded(MonitorSpec.parse, found, "the stored spec")

    def answers(self) -> dict[tuple[str, int, str], ReplayReference]:
        """Return what came of looking at answers at onboarding, by model, version and `attribution.identity`."""
        c = tables.identities.c
        statement = sa.select(c.model, c.version, c.identity, c.differing, c.replayed, c.fewest)
        with reading(self._engine) as connection:
            rows = connection.execute(statement).all()
        return {(row.model, row.version, row.identity): ReplayReference(*row[3:]) for row in rows}

    def version(self) -> int:
        """Return a number that grows with each change of a spec or a current baseline: polling it costs one row."""
        with reading(self._engine) as connection:
            return counter(connection, _VERSION)

    def entries(self) -> list[Entry]:
        """Return every registered model version, ordered by model and version, with its spec or why it has none."""
        c = tables.monitors.c
        statement = sa.select(c.model, c.version, c.group, c.spec).order_by(c.model, c.version)
        with reading(self._engine) as connection:
            return [_entry(row.model, row.version, row.group, row.spec) for row in connection.execute(statement)]

    def entry(self, model: str, version: int) -> Entry | None:
        """Return one model version, with its spec or why it has none; None if it is not registered."""
        c = tables.monitors.c
        statement = sa.select(c.model, c.version, c.group, c.spec).where(*of_monitor(tables.monitors, model, version))
        with reading(self._engine) as connection:
            row = connection.execute(statement).first()
        return None if row is None else _entry(row.model, row.version, row.group, row.spec)

    def is_empty(self) -> bool:
        """Say whether no model version is registered, readable or not."""
        with reading(self._engine) as connection:
            return connection.execute(sa.select(tables.monitors.c.model).limit(1)).first() is None

    def newest(self, count: int) -> list[Entry]:
        """Return the `count` model versions whose specs changed last, the last change first."""
        c = tables.monitors.c
        statement = sa.select(c.model, c.version, c.group, c.spec).order_by(c.changed_at.desc(), c.model, c.version)
        with reading(self._engine) as connection:
            rows = connection.execute(statement.limit(count)).all()
        return [_entry(row.model, row.version, row.group, row.spec) for row in rows]

    def list(self) -> list[MonitorSpec]:
        """Return every valid spec, ordered by model and version. Those that are not valid are in `entries`."""
        return [entry.spec for entry in self.entries() if entry.spec is not None]


def _entry(model: str, version: int, group: str, data: Any) -> Entry:
    try:
        spec = decoded(MonitorSpec.parse, data, "the stored spec")
        if (spec.model.name, spec.model.version) != (model, version):
            raise InvalidSpec(f"the stored spec is that of {spec.key}.")
    except PermanentError as error:
        return Entry(model, version, group, None, f"spec: {'; '.join(str(error).splitlines())}")
    return Entry(model, version, group, spec, "")


def put_spec(connection: Connection, spec: MonitorSpec, now: datetime) -> bool:
    """Store `spec`, changed at `now`, within a transaction of the caller; say whether anything changed."""
    name, version = spec.model.name, spec.model.version
    c = tables.monitors.c
    known = connection.execute(
        sa.select(c.fingerprint, c.group).where(*of_monitor(tables.monitors, name, version))
    ).first()
    if known is not None and known.fingerprint == spec.fingerprint():
        return False
    if known is None or known.group != spec.group:
        _move_in(connection, spec, None if known is None else known.group)
    row = {
        "model": name,
        "version": version,
        "group": spec.group,
        "fingerprint": spec.fingerprint(),
        "spec": spec.to_json(),
        "changed_at": now,
    }
    upsert(connection, tables.monitors, [row])
    if known is None:
        begin_watching(connection, spec, now)
    note_change(connection)
    return True


def _move_in(connection: Connection, spec: MonitorSpec, former: str | None) -> None:
    """Hand a monitor over to its group, with its open windows if another group watched it."""
    inherit_offsets(connection, spec.group, spec.inference_topic, former)
    if former is None:
        return
    name, version = spec.model.name, spec.model.version
    move_on(connection, former)
    for table in (tables.monitor_states, tables.pane_parts, tables.remembered_rows):
        mine = (*of_monitor(table, name, version), table.c.group == former)
        connection.execute(sa.update(table).where(*mine).values(group=spec.group))


def note_change(connection: Connection) -> None:
    """Let whoever polls `Registry.version` know that a spec, a current baseline or what is known of answers changed."""
    add(connection, tables.counters, [{"name": _VERSION, "value": 1}])
