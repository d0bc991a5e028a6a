"""What was seen to be wrong with the watching, kept from one look to the next."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.alerts.health import HealthAlert
from pegel.alerts.health_kind import HealthKind
from pegel.store import tables
from pegel.store.database import writing
from pegel.store.row_codec import typed
from pegel.store.rows_by_key import keyed_rows
from pegel.store.statements import upsert


class HealthAlerts:
    """One row for each of them."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def all(self, *, damaged: dict[tuple[str, str], str]) -> dict[tuple[HealthKind, str], HealthAlert]:
        """Return them by what they are known by. What cannot be read is left out, its reason put into `damaged`."""
        what = "what is known of {about}, {kind},"
        return {row.key: row for row in keyed_rows(self._engine, tables.health_alerts, _alert, what, damaged)}

    def keep(self, alert: HealthAlert) -> None:
        """Keep what is known in place of what was."""
        row = {name: getattr(alert, name) for name in alert.__dataclass_fields__}
        row |= {"kind": alert.kind.value, "models": list(alert.models), "told": list(alert.told)}
        row |= {"known_to": list(alert.known_to), "missed": list(alert.missed)}
        with writing(self._engine) as connection:
            upsert(connection, tables.health_alerts, [row])

    def forget(self, kind: str, about: str) -> None:
        """Keep nothing of it."""
        c = tables.health_alerts.c
        with writing(self._engine) as connection:
            connection.execute(sa.delete(tables.health_alerts).where(c.kind == kind, c.about == about))


def _alert(row: sa.RowMapping) -> HealthAlert:
    listed = {name: tuple(row[name]) for name in ("models", "told", "known_to", "missed")}
    return typed(HealthAlert, dict(row) | listed | {"kind": HealthKind(row["kind"])})
