"""Alerts as people see them: what is open, who said to be quiet, and what the dispatcher still has to read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.alerts.alert import Alert, Change, Silence
from pegel.errors import NotFound
from pegel.judge.findings import Finding
from pegel.spec.names import monitor_key
from pegel.store import tables
from pegel.store.alert_codec import alert_from_json, alert_to_json
from pegel.store.database import reading, writing
from pegel.store.results import Results
from pegel.store.statements import advance, of_monitor, position, upsert
from pegel.stream.result_rows import WindowRow

RECENT_WINDOWS = 500
"""Windows per monitor that a pass looks back on; enough for sixteen clean ones and for a mail's words."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """What one pass of the dispatcher works on: the arguments of `pegel.alerts.update`."""

    alerts: list[Alert]
    findings: list[tuple[int, Finding]]
    windows: list[WindowRow]
    silences: list[Silence]


class AlertStore:
    """Keeps alerts, acknowledgements, silences, and the dispatcher's place among the findings of each monitor."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def open_alerts(self) -> list[Alert]:
        """Return every open alert, oldest first."""
        return self._alerts(tables.alerts.c.over_at.is_(None), order=tables.alerts.c.opened_at)

    def alerts(self, model: str | None = None, version: int | None = None, *, limit: int = 50) -> list[Alert]:
        """Return the newest alerts, open or over, newest first."""
        conditions = of_monitor(tables.alerts, model, version)
        return self._alerts(*conditions, order=tables.alerts.c.opened_at.desc(), limit=limit)

    def alert(self, id_prefix: str) -> Alert:
        """Return the one alert whose id starts so. Raises NotFound when none or several do."""
        with reading(self._engine) as connection:
            return _one(connection, id_prefix)

    def acknowledge(self, id_prefix: str, until: datetime, why: str) -> Alert:
        """Hold back mails about one alert before `until`. Raises NotFound."""
        return self._edit(id_prefix, acknowledged_until=until, acknowledged_why=why)

    def resolve(self, id_prefix: str, now: datetime) -> Alert:
        """Close one alert by hand; a new finding opens another. Raises NotFound."""
        return self._edit(id_prefix, over_at=now)

    def silence(self, model: str, version: int, until: datetime, why: str, now: datetime) -> Silence:
        """Hold back mails about a model version before `until`; a past `until` ends the silence at once."""
        said = Silence(model=model, version=version, until=until, why=why, said_at=now)
        columns = {name: getattr(said, name) for name in said.__dataclass_fields__}
        with writing(self._engine) as connection:
            # The last word counts: an earlier, longer silence would otherwise outlive its own end.
            connection.execute(sa.delete(tables.silences).where(*of_monitor(tables.silences, model, version)))
            connection.execute(sa.insert(tables.silences).values(columns))
        return said

    def silences(self, now: datetime) -> list[Silence]:
        """Return the silences in force."""
        c = tables.silences.c
        statement = sa.select(c.model, c.version, c.until, c.why, c.said_at).where(c.until > now).order_by(c.seq)
        with reading(self._engine) as connection:
            return [Silence(**row) for row in connection.execute(statement).mappings()]

    def cursor(self, model: str, version: int) -> int:
        """Return the place of the newest finding of a monitor that was taken in; 0 before the first."""
        with reading(self._engine) as connection:
            return position(connection, _cursor(monitor_key(model, version)))

    def unread(self) -> bool:
        """Say whether a final finding waits to be taken in: what a doorbell asks each second."""
        with reading(self._engine) as connection:
            return any(newest > place for _, _, newest, place in _places(connection))

    def inbox(self, now: datetime) -> Inbox:
        """Read what one pass works on."""
        with reading(self._engine) as connection:
            places = _places(connection)
        results = Results(self._engine)
        findings = [
            pair
            for model, version, newest, place in places
            if newest > place
            for pair in results.findings(model, version, place, final_only=True)
        ]
        current = self.open_alerts()
        monitors = {(one.model, one.version) for one in current} | {(one.model, one.version) for _, one in findings}
        over = [alert for monitor in sorted(monitors) for alert in self._last_over(*monitor)]
        windows = _windows(results, current, [finding for _, finding in findings])
        return Inbox([*current, *over], findings, windows, self.silences(now))

    def save(self, change: Change) -> None:
        """Save an alert and the dispatcher's place in one transaction, after its mail was accepted.

        What a person said meanwhile (acknowledged, resolved) is kept.
        """
        with writing(self._engine) as connection:
            if change.alert is not None:
                _store(connection, _with_the_latest_word(connection, change.alert))
            if change.cursor is not None:
                advance(connection, _cursor(change.key), change.cursor)

    def _last_over(self, model: str, version: int) -> list[Alert]:
        conditions = [*of_monitor(tables.alerts, model, version), tables.alerts.c.over_at.is_not(None)]
        return self._alerts(*conditions, order=tables.alerts.c.opened_at.desc(), limit=1)

    def _edit(self, id_prefix: str, **values: datetime | str) -> Alert:
        with writing(self._engine) as connection:
            edited = replace(_one(connection, id_prefix), **values)  # type: ignore[arg-type]  # names are ours, above
            _store(connection, edited)
        return edited

    def _alerts(
        self, *conditions: sa.ColumnElement[bool], order: sa.ColumnElement[object], limit: int | None = None
    ) -> list[Alert]:
        statement = sa.select(tables.alerts.c.alert).where(*conditions).order_by(order, tables.alerts.c.id)
        with reading(self._engine) as connection:
            return [alert_from_json(data) for data in connection.execute(statement.limit(limit)).scalars()]


def _cursor(key: str) -> str:
    return f"alerts:{key}"


def _places(connection: Connection) -> list[tuple[str, int, int, int]]:
    """Return per monitor its newest final finding's place and the dispatcher's place."""
    c = tables.findings.c
    newest = sa.select(c.model, c.version, sa.func.max(c.seq)).where(c.final).group_by(c.model, c.version)
    positions = sa.select(tables.positions.c.name, tables.positions.c.value)
    read: dict[str, int] = {row.name: row.value for row in connection.execute(positions)}
    rows = connection.execute(newest.order_by(c.model, c.version)).all()
    return [(model, version, seq, read.get(_cursor(monitor_key(model, version)), 0)) for model, version, seq in rows]


def _windows(results: Results, current: Iterable[Alert], findings: Sequence[Finding]) -> list[WindowRow]:
    """Return the recent final windows of every monitor that has an open alert or a new finding."""
    since: dict[tuple[str, int], datetime] = {}
    starts = [(one.model, one.version, one.since) for one in current]
    starts += [(one.model, one.version, one.span.start) for one in findings]
    for model, version, start in starts:
        since[model, version] = min(start, since.get((model, version), start))
    return [
        row
        for (model, version), start in sorted(since.items())
        for row in results.windows(model, version, start, final_only=True, limit=RECENT_WINDOWS)
    ]


def _one(connection: Connection, id_prefix: str) -> Alert:
    c = tables.alerts.c
    found = connection.execute(sa.select(c.alert).where(c.id.startswith(id_prefix, autoescape=True)).limit(2))
    documents = found.scalars().all()
    if len(documents) != 1:
        count = "several alerts start" if documents else "no alert starts"
        raise NotFound(f"{count} with {id_prefix!r}; give more of the id that the mail or the page shows.")
    return alert_from_json(documents[0])


def _store(connection: Connection, alert: Alert) -> None:
    row = {
        "id": alert.id,
        "model": alert.model,
        "version": alert.version,
        "opened_at": alert.opened_at,
        "over_at": alert.over_at,
        "alert": alert_to_json(alert),
    }
    upsert(connection, tables.alerts, [row])


def _with_the_latest_word(connection: Connection, alert: Alert) -> Alert:
    """Return `alert` with what a person said since it was read."""
    found = connection.execute(sa.select(tables.alerts.c.alert).where(tables.alerts.c.id == alert.id)).scalar()
    if found is None:
        return alert
    kept = alert_from_json(found)
    return replace(
        alert,
        acknowledged_until=kept.acknowledged_until,
        acknowledged_why=kept.acknowledged_why,
        over_at=kept.over_at or alert.over_at,
    )
