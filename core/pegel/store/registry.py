"""The registry: which model versions are to be watched, and how. The one place that says what should run."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.spec.monitor_spec import MonitorSpec
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.statements import add, of_monitor, position, upsert

_VERSION = "registry"


class Registry:
    """The specs in force, one per model version."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def put(self, spec: MonitorSpec) -> bool:
        """Store `spec` in place of an earlier one of the same model version; say whether anything changed."""
        name, version = spec.model.name, spec.model.version
        statement = sa.select(tables.monitors.c.fingerprint).where(*of_monitor(tables.monitors, name, version))
        with writing(self._engine) as connection:
            if connection.execute(statement).scalar() == spec.fingerprint():
                return False
            row = {
                "model": name,
                "version": version,
                "fingerprint": spec.fingerprint(),
                "spec": spec.to_json(),
                "changed_at": datetime.now(UTC),
            }
            upsert(connection, tables.monitors, [row])
            note_change(connection)
        return True

    def remove(self, model: str, version: int) -> bool:
        """Forget the spec of a model version, keeping its results; say whether there was one."""
        with writing(self._engine) as connection:
            gone = connection.execute(sa.delete(tables.monitors).where(*of_monitor(tables.monitors, model, version)))
            if gone.rowcount == 0:
                return False
            note_change(connection)
        return True

    def get(self, model: str, version: int) -> MonitorSpec | None:
        """Return the spec of a model version, or None."""
        statement = sa.select(tables.monitors.c.spec).where(*of_monitor(tables.monitors, model, version))
        with reading(self._engine) as connection:
            found = connection.execute(statement).scalar()
        return None if found is None else MonitorSpec.parse(found)

    def version(self) -> int:
        """Return a number that grows with each change of a spec or a current baseline: polling it costs one row."""
        with reading(self._engine) as connection:
            return position(connection, _VERSION)

    def list(self) -> list[MonitorSpec]:
        """Return every spec, ordered by model and version."""
        order = (tables.monitors.c.model, tables.monitors.c.version)
        with reading(self._engine) as connection:
            found = connection.execute(sa.select(tables.monitors.c.spec).order_by(*order)).scalars().all()
        return [MonitorSpec.parse(data) for data in found]


def note_change(connection: Connection) -> None:
    """Let whoever polls `Registry.version` know that a spec or a current baseline changed."""
    add(connection, tables.positions, [{"name": _VERSION, "value": 1}])
