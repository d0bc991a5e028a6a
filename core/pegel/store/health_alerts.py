"""What was seen to be wrong with the watching, kept from one look to the next."""

from __future__ import annotations

from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.alerts.health import HealthAlert, HealthKind
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.row_codec import decoded, fetched, readable, typed
from pegel.store.statements import upsert


class HealthAlerts:
    """One row for each of them."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def all(self, *, damaged: dict[tuple[str, str], str]) -> dict[tuple[HealthKind, str], HealthAlert]:
        """Return them by what they are known by. What cannot be read is left out, its reason put into `damaged`."""
        c, alerts = tables.health_alerts.c, dict[tuple[HealthKind, str], HealthAlert]()
        with reading(self._engine) as connection:
            # One by one, so that a row that cannot be read at all is known by its key.
            for kind, about in connection.execute(sa.select(c.kind, c.about).order_by(c.kind, c.about)).all():
                what, problems = f"what is known of {about}, {kind},", list[str]()
                own = sa.select(*c).where(c.kind == kind, c.about == about)
                rows = fetched(connection, own, what)
                alerts |= {row.key: row for row in readable(partial(_alert, what), rows, problems)}
                damaged |= dict.fromkeys([(kind, about)] if problems else [], "; ".join(problems))
        return alerts

    def keep(self, alert: HealthAlert) -> None:
        """Keep what is known in place of what was."""
        row = {name: getattr(alert, name) for name in alert.__dataclass_fields__}
        row |= {"kind": alert.kind.value, "models": list(alert.models), "told": list(alert.told)}
        with writing(self._engine) as connection:
            upsert(connection, tables.health_alerts, [row])

    def forget(self, kind: str, about: str) -> None:
        """Keep nothing of it."""
        c = tables.health_alerts.c
        with writing(self._engine) as connection:
            connection.execute(sa.delete(tables.health_alerts).where(c.kind == kind, c.about == about))


def _alert(what: str, row: sa.RowMapping) -> HealthAlert:
    def made(columns: sa.RowMapping) -> HealthAlert:
        listed = {name: tuple(columns[name]) for name in ("models", "told")}
        return typed(HealthAlert, dict(columns) | listed | {"kind": HealthKind(columns["kind"])})

    return decoded(made, row, what)
