"""The life of each alert, in lines that are only ever added: opened, grown, mailed, acknowledged, over."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.alerts.alert import Alert
from pegel.alerts.alert_event import AlertEvent, AlertEventKind
from pegel.data.spans import Span
from pegel.store import tables
from pegel.store.database import reading
from pegel.store.row_codec import decoded, fetched, readable, typed

MOST_EVENTS, LEAST_EVENTS = 500, 20
"""The newest that are read of one alert: one that is repeated each hour for weeks has as many; and of each of many."""
_NAMES = ("features", "recipients", "silences")


def record(connection: Connection, *events: AlertEvent) -> None:
    """Add events in the transaction of `connection`, in their order."""
    if events:
        connection.execute(sa.insert(tables.alert_events), [_row(event) for event in events])


class AlertHistory:
    """Reads what happened to alerts."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def of(self, *alerts: str, damaged: list[str] | None = None) -> list[AlertEvent]:
        """Return the newest events of these alerts, by their ids, in the order in which they were written.

        Of one alert 500 are read, of each of several an equal part of them, 20 at least. Clocks of several machines
        differ, so that an instant may be before that of the line above it. Raises DamagedRow; with a list `damaged`,
        lines that cannot be read are left out and named there.
        """
        c, most = tables.alert_events.c, max(LEAST_EVENTS, MOST_EVENTS // max(len(alerts), 1))
        age = sa.func.row_number().over(partition_by=c.alert, order_by=c.seq.desc())
        own = sa.select(c.seq, age.label("age")).where(c.alert.in_(alerts)).subquery()
        newest = sa.select(tables.alert_events).join(own, own.c.seq == c.seq).where(own.c.age <= most).order_by(c.seq)
        with reading(self._engine) as connection:
            rows = fetched(connection, newest, "a line of the history of an alert")
        return readable(partial(decoded, _event, what="a line of the history of an alert"), rows, damaged)

    def of_each(self, alerts: Iterable[Alert], *, damaged: list[str]) -> dict[str, list[AlertEvent]]:
        """Return the same by the id of each alert."""
        events: dict[str, list[AlertEvent]] = {alert.id: [] for alert in alerts}
        for event in self.of(*events, damaged=damaged):
            events[event.alert].append(event)
        return events

    def within(self, span: Span, *, damaged: list[str]) -> list[AlertEvent]:
        """Return which alerts opened, grew or were over in a time, its end included, in the order of writing.

        What cannot be read is left out, its reason put into `damaged`.
        """
        c = tables.alert_events.c
        kinds = [kind.value for kind in (AlertEventKind.OPENED, AlertEventKind.GROWN, AlertEventKind.OVER)]
        statement = sa.select(tables.alert_events).where(c.kind.in_(kinds), c.at > span.start, c.at <= span.end)
        with reading(self._engine) as connection:
            rows = fetched(connection, statement.order_by(c.seq), "a line of the history of an alert")
        return readable(partial(decoded, _event, what="a line of the history of an alert"), rows, damaged)


def _row(event: AlertEvent) -> dict[str, object]:
    row = {name: getattr(event, name) for name in ("alert", "model", "version", "at", "by", "why", "until")}
    details = {name: list(getattr(event, name)) for name in _NAMES} | {"mail": event.mail}
    return row | {"kind": event.kind.value, "details": details}


def _event(row: sa.RowMapping) -> AlertEvent:
    columns = {name: value for name, value in row.items() if name not in {"seq", "details"}}
    names = {name: tuple(row["details"][name]) for name in _NAMES}
    kind = AlertEventKind(row["kind"])
    return typed(AlertEvent, columns | names | {"kind": kind, "mail": row["details"]["mail"]})
