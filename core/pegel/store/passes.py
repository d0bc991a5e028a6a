"""When each workflow last came to its end: for whoever looks from outside, and lives when Airflow does not."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.statements import upsert

RECONCILE, DISPATCH = "monitoring_reconcile", "alert_dispatch"
"""The workflows that run each minute, by their ids."""


class Passes:
    """Keeps the end of each workflow's last pass."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def note(self, name: str, at: datetime) -> None:
        """Note that the workflow `name` came to its end."""
        with writing(self._engine) as connection:
            upsert(connection, tables.passes, [{"name": name, "at": at}])

    def ends(self) -> dict[str, datetime]:
        """Return when each workflow last came to its end, by name; one that never did is not there."""
        c = tables.passes.c
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(c.name, c.at).order_by(c.name)).all()
        return {row.name: row.at for row in rows}
