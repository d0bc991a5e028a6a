"""What was seen to be wrong with the watching, kept from one look to the next, and what became of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.alerts.health import HealthAlert
from pegel.alerts.health_event import HealthEvent, HealthEventKind
from pegel.alerts.health_kind import HealthKind
from pegel.alerts.severity import Severity
from pegel.data.spans import Span
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.row_codec import decoded, fetched, readable, typed
from pegel.store.rows_by_key import keyed_rows
from pegel.store.statements import upsert

KEPT = timedelta(days=90)
"""For how long the history is kept."""
MOST_EVENTS = 200
"""The newest events that are read."""


class HealthAlerts:
    """One row for each of them, and a history in lines that are only ever added."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def all(self, *, damaged: dict[tuple[str, str], str]) -> dict[tuple[HealthKind, str], HealthAlert]:
        """Return them by what they are known by. What cannot be read is left out, its reason put into `damaged`."""
        what = "what is known of {about}, {kind},"
        return {row.key: row for row in keyed_rows(self._engine, tables.health_alerts, _alert, what, damaged)}

    def keep(self, alert: HealthAlert, now: datetime) -> None:
        """Keep what is known in place of what was; what is new, or concerns further models, goes into the history."""
        row = {name: getattr(alert, name) for name in alert.__dataclass_fields__}
        row |= {"kind": alert.kind.value, "severity": alert.severity.value}
        row |= {name: list(row[name]) for name in ("models", "told", "known_to", "missed")}
        with writing(self._engine) as connection:
            before = self._before(connection, alert.kind, alert.about)
            upsert(connection, tables.health_alerts, [row])
            if before is None:
                _record(connection, alert, HealthEventKind.OPENED, now)
            elif not set(alert.models) <= set(before.models):
                _record(connection, alert, HealthEventKind.GROWN, now)

    def forget(self, kind: HealthKind, about: str, now: datetime) -> None:
        """Keep nothing of it but that it is over; events of months ago go."""
        c, e = tables.health_alerts.c, tables.health_events.c
        with writing(self._engine) as connection:
            before = self._before(connection, kind, about)
            connection.execute(sa.delete(tables.health_alerts).where(c.kind == kind, c.about == about))
            if before is not None:
                _record(connection, before, HealthEventKind.OVER, now)
                connection.execute(sa.delete(tables.health_events).where(e.at < now - KEPT))

    def begin_anew(self, kind: str, about: str) -> None:
        """Forget what cannot be read."""
        c = tables.health_alerts.c
        with writing(self._engine) as connection:
            connection.execute(sa.delete(tables.health_alerts).where(c.kind == kind, c.about == about))

    def events(
        self, *, span: Span | None = None, limit: int = MOST_EVENTS, damaged: list[str] | None = None
    ) -> list[HealthEvent]:
        """Return the newest events, of a time with its end if one is given, the oldest first.

        Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its reason put there.
        """
        c, what = tables.health_events.c, "an event of the watching"
        of_span = () if span is None else (c.at > span.start, c.at <= span.end)
        newest = sa.select(tables.health_events).where(*of_span).order_by(c.seq.desc()).limit(limit)
        with reading(self._engine) as connection:
            rows = fetched(connection, newest, what)
        return readable(partial(decoded, _event, what=what), reversed(rows), damaged)

    @staticmethod
    def _before(connection: Connection, kind: str, about: str) -> HealthAlert | None:
        c = tables.health_alerts.c
        found = connection.execute(sa.select(tables.health_alerts).where(c.kind == kind, c.about == about))
        row = found.mappings().first()
        return None if row is None else _alert(row)


def _record(connection: Connection, alert: HealthAlert, event: HealthEventKind, now: datetime) -> None:
    row: dict[str, object] = {"kind": alert.kind.value, "about": alert.about, "event": event.value}
    row |= {"models": list(alert.models), "at": now, "since": alert.since}
    row |= {"severity": alert.severity.value, "reason": alert.reason}
    connection.execute(sa.insert(tables.health_events).values(row))


def _event(row: sa.RowMapping) -> HealthEvent:
    columns = {name: value for name, value in row.items() if name != "seq"}
    kinds = {"kind": HealthKind(row["kind"]), "event": HealthEventKind(row["event"])}
    kinds |= {"severity": Severity(row["severity"])}
    return typed(HealthEvent, columns | kinds | {"models": tuple(row["models"])})


def _alert(row: sa.RowMapping) -> HealthAlert:
    listed = {name: tuple(row[name]) for name in ("models", "told", "known_to", "missed")}
    of_values = {"kind": HealthKind(row["kind"]), "severity": Severity(row["severity"])}
    return typed(HealthAlert, dict(row) | listed | of_values)
