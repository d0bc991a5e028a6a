"""Alerts as people see them: what is open, who said to be quiet, and what the dispatcher still has to read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.alerts.alert import Alert, Change
from pegel.alerts.alert_event import AlertEventKind
from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.alert_life import ended, grown, happened
from pegel.alerts.silencing import Silence
from pegel.alerts.update import Look
from pegel.data.instants import DAY
from pegel.data.spans import Span
from pegel.errors import DamagedRow, NotFound
from pegel.judge.findings import Finding, Verdict
from pegel.spec.names import monitor_key, monitor_of
from pegel.spec.outside_text import quoted
from pegel.store import tables
from pegel.store.alert_codec import alert_from_json, alert_to_json
from pegel.store.alert_history import record
from pegel.store.attribution_store import AttributionStore
from pegel.store.database import reading, writing
from pegel.store.inboxes import cursor, move_cursor, waiting
from pegel.store.long_span_store import LongSpanStore
from pegel.store.performance_store import PerformanceStore
from pegel.store.results import Details, Results
from pegel.store.row_codec import fetched
from pegel.store.row_quality_store import RowQualityStore
from pegel.store.silence_store import SilenceStore
from pegel.store.skew_store import SkewStore
from pegel.store.statements import of_monitor, starts_with, upsert
from pegel.stream.result_rows import WindowRow

RECENT_WINDOWS = 500
"""Windows that a pass looks back on; enough for sixteen clean ones and for a mail's words."""
NAMED_AT_ONCE = 500
"""Alerts that one statement names: databases bound the arguments of one."""
FINDINGS_AT_ONCE = 1_000
"""Findings of one monitor that a pass takes in: a few megabytes, however many an outage let pile up."""
NEAR = 25
"""Newest alerts of a model among which the one is looked for that a finding belongs to."""
_AS_IN_TRAINING = (Verdict.OK, Verdict.BELOW_MARGIN)

_TOLD = ("since", "last_end", "mailed_at", "acknowledged_until", "acknowledged_by", "acknowledged_why")
"""What views tell of an alert, each in a column of its own."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """What one pass of the dispatcher works on for one monitor: the arguments of `pegel.alerts.update`."""

    alerts: list[Alert]
    findings: list[tuple[int, Finding]]
    windows: list[WindowRow]
    long_spans: list[WindowRow]
    silences: list[Silence]
    looked_at: dict[tuple[str, Span], int]
    looks: list[Look]
    cursor: int | None
    """The `seq` of the newest finding read, also of one that cannot be told; None when there was none."""
    damaged: list[str]
    """What could not be read, in words."""
    damaged_alerts: list[str]
    """Ids of open alerts that cannot be read."""


class AlertStore:
    """Keeps alerts, acknowledgements, and the dispatcher's cursor among the findings of each monitor."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def open_alerts(
        self, model: str | None = None, version: int | None = None, *, damaged: list[str] | None = None
    ) -> list[Alert]:
        """Return every open alert, oldest first. Raises DamagedRow; `damaged` as in `alerts`."""
        conditions = (*of_monitor(tables.alerts, model, version), tables.alerts.c.over_at.is_(None))
        return self._alerts(*conditions, order=tables.alerts.c.opened_at, damaged=damaged)

    def alerts(
        self,
        model: str | None = None,
        version: int | None = None,
        *,
        limit: int = 50,
        damaged: list[str] | None = None,
    ) -> list[Alert]:
        """Return the newest alerts, open or over, newest first.

        Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its reason added there.
        """
        conditions = of_monitor(tables.alerts, model, version)
        return self._alerts(*conditions, order=tables.alerts.c.opened_at.desc(), limit=limit, damaged=damaged)

    def over_alerts(
        self, *, id_prefix: str = "", kind: str = "", severity: str = "", limit: int = 50, damaged: list[str]
    ) -> list[Alert]:
        """Return the newest alerts that are over, newest first; an empty text asks for every one.

        What cannot be read is left out and its reason put into `damaged`.
        """
        c = tables.alerts.c
        asked = [column == value for column, value in ((c.kind, kind), (c.severity, severity)) if value]
        asked += starts_with(c.id, id_prefix) if id_prefix else []
        return self._alerts(c.over_at.is_not(None), *asked, order=c.opened_at.desc(), limit=limit, damaged=damaged)

    def of_finding(self, finding: Finding, *, damaged: list[str]) -> Alert | None:
        """Return the alert that tells of a finding; None where none does, or `NEAR` newer ones are there."""
        known = self.alerts(finding.model, finding.version, limit=NEAR, damaged=damaged)
        told = (one for one in known if finding.about in one.names and AlertKind.of(finding) is one.kind)
        return next((one for one in told if one.since < finding.span.end and finding.span.start < one.last_end), None)

    def known(self, names: Iterable[str], *, damaged: list[str]) -> dict[str, Alert]:
        """Return alerts by their ids; what cannot be read is left out, its reason put into `damaged`."""
        c, found, wanted = tables.alerts.c, dict[str, Alert](), sorted(set(names))
        for first in range(0, len(wanted), NAMED_AT_ONCE):
            some = wanted[first : first + NAMED_AT_ONCE]
            read = self._alerts(c.id.in_(some), order=c.opened_at, damaged=damaged)
            found |= {alert.id: alert for alert in read}
        return found

    def open_by_monitor(self) -> dict[tuple[str, int], list[Alert | DamagedRow]]:
        """Return the open alerts of each monitor that has any, oldest first; why, for one that cannot be read."""
        c = tables.alerts.c
        statement = sa.select(c.model, c.version, c.id, c.alert).where(c.over_at.is_(None))
        alerts: dict[tuple[str, int], list[Alert | DamagedRow]] = {}
        with reading(self._engine) as connection:
            for model, version, alert_id, data in connection.execute(statement.order_by(c.opened_at, c.id)):
                known = alerts.setdefault((model, version), [])
                try:
                    known.append(alert_from_json(data))
                except DamagedRow as error:
                    known.append(DamagedRow(f"alert {alert_id[:8]}: {error}"))
        return alerts

    def opened_since(self, since: datetime) -> dict[tuple[str, int], list[datetime]]:
        """Return when alerts of each monitor were opened after `since`; what is no instant is left out."""
        c, opened = tables.alerts.c, dict[tuple[str, int], list[datetime]]()
        with reading(self._engine) as connection:
            statement = sa.select(c.model, c.version, c.opened_at).where(c.opened_at > since)
            for row in fetched(connection, statement, "an alert"):
                if not isinstance(row, DamagedRow):
                    opened.setdefault((row["model"], row["version"]), []).append(row["opened_at"])
        return opened

    def alert(self, id_prefix: str) -> Alert:
        """Return the one alert whose id starts so. Raises NotFound when none or several do."""
        with reading(self._engine) as connection:
            return _one(connection, id_prefix)

    def acknowledge(
        self, id_prefix: str, until: datetime, why: str, *, by: str, now: datetime, key: str | None = None
    ) -> Alert:
        """Hold back mails about what one open alert has by now, before `until`.

        Raises NotFound when no open alert, or several, are meant; with `key`, also when it is another monitor's.
        """
        with writing(self._engine) as connection:
            alert = _open_one(connection, id_prefix, key, "nothing was acknowledged")
            edited = replace(
                alert,
                acknowledged_until=until,
                acknowledged_why=why,
                acknowledged_by=by,
                acknowledged_features=alert.names,
            )
            _store(connection, edited)
            kind = AlertEventKind.ACKNOWLEDGED
            record(connection, happened(alert, kind, now, by=by, why=why, until=until, features=alert.names))
        return edited

    def end_acknowledgement(self, id_prefix: str, *, by: str, now: datetime, key: str | None = None) -> Alert:
        """Let mails about an open alert be sent again as ever; return it as it was before.

        One that is not acknowledged stays as it is. Raises NotFound as `acknowledge` does.
        """
        with writing(self._engine) as connection:
            alert = _open_one(connection, id_prefix, key, "nothing was changed")
            if alert.acknowledged_until is not None:
                edited = replace(
                    alert,
                    acknowledged_until=None,
                    acknowledged_why="",
                    acknowledged_by="",
                    acknowledged_features=(),
                )
                _store(connection, edited)
                record(connection, happened(alert, AlertEventKind.ACKNOWLEDGEMENT_ENDED, now, by=by))
        return alert

    def resolve(self, id_prefix: str, now: datetime, *, by: str, why: str = "") -> Alert:
        """Close one alert by hand; a new finding opens another. One that is over stays as it is. Raises NotFound."""
        with writing(self._engine) as connection:
            alert = _one(connection, id_prefix, for_update=True)
            if alert.over_at is not None:
                return alert
            edited = alert.closed(now, is_resolved=True)
            _store(connection, edited)
            record(connection, happened(alert, AlertEventKind.RESOLVED, now, by=by, why=why))
        return edited

    def to_end(self, now: datetime) -> list[Alert]:
        """Return alerts that were closed within a day and of whose end a pager is not told yet."""
        c = tables.alerts.c
        statement = sa.select(c.alert).where(c.over_at > now - DAY).order_by(c.opened_at, c.id)
        with reading(self._engine) as connection:
            documents = connection.execute(statement).scalars().all()
        # What cannot be read was closed unseen, which is told where its model is.
        return [alert_from_json(one) for one in documents if isinstance(one, dict) and one.get("to_end")]

    def told_end(self, alert_id: str, pagers: Iterable[str]) -> None:
        """Note that these pagers know that an alert is over."""
        with writing(self._engine) as connection:
            alert = _one(connection, alert_id, for_update=True)
            _store(connection, replace(alert, to_end=tuple(one for one in alert.to_end if one not in set(pagers))))

    def close_damaged(self, alert_id: str, now: datetime) -> None:
        """Close an alert that cannot be read, leaving its document as it is; a new finding opens another."""
        statement = sa.update(tables.alerts).where(tables.alerts.c.id == alert_id).values(over_at=now)
        with writing(self._engine) as connection:
            connection.execute(statement)

    def cursor(self, model: str, version: int) -> int:
        """Return the `seq` up to which a monitor's findings were taken in; 0 before the first."""
        with reading(self._engine) as connection:
            return cursor(connection, model, version)

    def unread(self) -> bool:
        """Say whether a final finding waits to be taken in: what a doorbell asks each second."""
        with reading(self._engine) as connection:
            return bool(waiting(connection))

    def monitors(self) -> list[tuple[str, int]]:
        """Return model and version of every monitor that a pass must look at: with an open alert or unread findings."""
        c = tables.alerts.c
        with reading(self._engine) as connection:
            unread = waiting(connection)
            opened = connection.execute(sa.select(c.model, c.version).where(c.over_at.is_(None))).all()
        return sorted({*unread, *((model, version) for model, version in opened)})

    def inbox(self, model: str, version: int, now: datetime, *, limit: int = FINDINGS_AT_ONCE) -> Inbox:
        """Read what one pass works on for one monitor. What cannot be read is left out and named.

        At most `limit` findings are read; the next pass goes on behind them. As long as there may be more, windows
        later than those findings are left out: whether they are clean is known only with their findings.
        """
        damaged: list[str] = []
        current, damaged_alerts = self._open_alerts(model, version, damaged)
        results = Results(self._engine)
        passed: list[tuple[int, str]] = []
        after = self.cursor(model, version)
        numbered = results.findings(model, version, after, limit=limit, damaged=passed)
        damaged += [reason for _, reason in passed]
        findings = [finding for _, finding in numbered]
        starts = [alert.since for alert in current] + [finding.span.start for finding in findings]
        ends = [alert.last_end for alert in current] + [finding.span.end for finding in findings]
        more = len(numbered) + len(passed) == limit
        windows = (
            results.windows(
                model,
                version,
                min(starts),
                max(ends) if more else None,
                final_only=True,
                limit=RECENT_WINDOWS,
                details=Details.ALARMING,
                damaged=damaged,
            )
            if starts
            else []
        )
        return Inbox(
            alerts=[*current, *self._last_over(model, version, damaged)],
            findings=numbered,
            windows=windows,
            long_spans=self._long_spans(model, version, [*current, *findings], damaged),
            silences=SilenceStore(self._engine).in_force(now, model, version, damaged=damaged),
            looked_at=self._looked_at(current, windows, damaged),
            looks=self._looks(current, damaged),
            cursor=max((seq for seq, _ in (*numbered, *passed)), default=None),
            damaged=damaged,
            damaged_alerts=damaged_alerts,
        )

    def save(self, *changes: Change) -> None:
        """Save what a pass made of a monitor, and the dispatcher's cursor, in one transaction after the mails.

        What a person said meanwhile (acknowledged, resolved) is kept. What happened goes into each alert's history.
        """
        with writing(self._engine) as connection:
            for change in changes:
                if change.alert is not None:
                    before, after = _with_the_latest_word(connection, change.alert)
                    _store(connection, after)
                    began, end = grown(before, after, change.at), ended(before, after, change.at)
                    record(connection, *began, *change.events, *end)
                if change.cursor is not None:
                    move_cursor(connection, *monitor_of(change.key), change.cursor)

    def _long_spans(
        self, model: str, version: int, about: Sequence[Alert | Finding], damaged: list[str]
    ) -> list[WindowRow]:
        """Return the long spans that end after the first one began that an alert or a new finding is about."""
        found = [
            one
            for each in about
            for one in ([each] if isinstance(each, Finding) else [feature.finding for feature in each.features])
            if one.rhythm is not None
        ]
        store, rows = LongSpanStore(self._engine), list[WindowRow]()
        for rhythm in sorted({one.rhythm for one in found if one.rhythm is not None}):
            since = min(one.span.start for one in found if one.rhythm is rhythm)
            spans = store.spans(
                model, version, rhythm, since, limit=RECENT_WINDOWS, details=Details.NONE, damaged=damaged
            )
            rows += [span.row for span in spans]
        return rows

    def _open_alerts(self, model: str, version: int, damaged: list[str]) -> tuple[list[Alert], list[str]]:
        """Return a monitor's open alerts, and the ids of those that cannot be read."""
        c = tables.alerts.c
        statement = sa.select(c.id, c.alert).where(*of_monitor(tables.alerts, model, version), c.over_at.is_(None))
        alerts, ids = [], []
        with reading(self._engine) as connection:
            for alert_id, data in connection.execute(statement.order_by(c.opened_at, c.id)):
                try:
                    alerts.append(alert_from_json(data))
                except DamagedRow as error:
                    ids.append(alert_id)
                    damaged.append(f"alert {alert_id[:8]}: {error}")
        return alerts, ids

    def _looked_at(
        self, current: list[Alert], windows: list[WindowRow], damaged: list[str]
    ) -> dict[tuple[str, Span], int]:
        """Return of which windows rows were asked, and how many were looked at, where an alert depends on it."""
        if not any(alert.kind is AlertKind.QUALITY for alert in current):
            return {}
        told = RowQualityStore(self._engine).of_windows(windows, damaged=damaged)
        return {(monitor_key(row.model, row.version), row.span): row.looked_at for row in told.values()}

    def _looks(self, current: list[Alert], damaged: list[str]) -> list[Look]:
        """Return the spans of which archived rows were looked at, where an alert depends on it."""
        skew, quality = SkewStore(self._engine), RowQualityStore(self._engine)
        performance = PerformanceStore(self._engine)
        looks: list[Look] = []
        for alert in current:
            monitor = alert.model, alert.version
            if alert.kind is AlertKind.SKEW:
                spans = [row.span for row in skew.list(*monitor, since=alert.last_end, damaged=damaged)]
            elif alert.kind is AlertKind.QUALITY:
                rows = quality.of_spans(*monitor, since=alert.last_end, damaged=damaged)
                spans = [row.span for row in rows if row.looked_at]
            elif alert.kind is AlertKind.PERFORMANCE:
                hours = performance.rows(*monitor, alert.last_end, damaged=damaged)
                spans = [row.span for row in hours if row.settled and row.verdict in _AS_IN_TRAINING]
            elif alert.kind is AlertKind.ATTRIBUTIONS:
                explained = AttributionStore(self._engine).list(*monitor, since=alert.last_end, damaged=damaged)
                spans = [row.span for row in explained if row.verdict in _AS_IN_TRAINING]
            elif alert.kind is AlertKind.MODEL:
                explained = AttributionStore(self._engine).list(*monitor, since=alert.last_end, damaged=damaged)
                spans = [row.span for row in explained if row.identity in _AS_IN_TRAINING]
            else:
                continue
            looks += [(alert.key, alert.kind, span) for span in spans]
        return looks

    def _last_over(self, model: str, version: int, damaged: list[str]) -> list[Alert]:
        """Return the last alert of each kind that is over."""
        c = tables.alerts.c
        age = sa.func.row_number().over(partition_by=c.kind, order_by=(c.opened_at.desc(), c.id))
        own = sa.select(c.id, age.label("age")).where(
            *of_monitor(tables.alerts, model, version), c.over_at.is_not(None)
        )
        aged = own.subquery()
        last = sa.select(aged.c.id).where(aged.c.age == 1)
        return self._alerts(c.id.in_(last), order=c.opened_at, damaged=damaged)

    def _alerts(
        self,
        *conditions: sa.ColumnElement[bool],
        order: sa.ColumnElement[object],
        limit: int | None = None,
        damaged: list[str] | None = None,
    ) -> list[Alert]:
        c = tables.alerts.c
        statement = sa.select(c.id, c.alert).where(*conditions).order_by(order, c.id).limit(limit)
        alerts = []
        with reading(self._engine) as connection:
            for alert_id, data in connection.execute(statement):
                try:
                    alerts.append(alert_from_json(data))
                except DamagedRow as error:
                    named = f"alert {alert_id[:8]}: {error}"
                    if damaged is None:
                        raise DamagedRow(named) from error
                    damaged.append(named)
        return alerts


def _one(connection: Connection, id_prefix: str, *, for_update: bool = False) -> Alert:
    c = tables.alerts.c
    statement = sa.select(c.alert).where(*starts_with(c.id, id_prefix)).limit(2)
    documents = connection.execute(statement.with_for_update() if for_update else statement).scalars().all()
    if not id_prefix:
        # A script whose variable is empty means no alert, also where there is only one.
        documents = []
    if len(documents) != 1:
        given = quoted(id_prefix)
        if documents:
            raise NotFound(f"several alerts start with {given}; give more of the id. Nothing was changed.")
        raise NotFound(f"no alert starts with {given}; `pegel alerts --all` lists their ids. Nothing was changed.")
    return alert_from_json(documents[0])


def _store(connection: Connection, alert: Alert) -> None:
    row = {
        "id": alert.id,
        "model": alert.model,
        "version": alert.version,
        "kind": alert.kind.value,
        "opened_at": alert.opened_at,
        "over_at": alert.over_at,
        **{name: getattr(alert, name) for name in _TOLD},
        "severity": alert.severity.value,
        "held_by": ", ".join(map(str, alert.held_by)),
        "features": ", ".join(alert.names),
        "feature_count": len(alert.names),
        "alert": alert_to_json(alert),
    }
    upsert(connection, tables.alerts, [row])


def _with_the_latest_word(connection: Connection, alert: Alert) -> tuple[Alert | None, Alert]:
    """Return an alert as it is stored, None if it is not, and `alert` with what a person said since it was read."""
    statement = sa.select(tables.alerts.c.alert).where(tables.alerts.c.id == alert.id)
    found = connection.execute(statement.with_for_update()).scalar()
    if found is None:
        return None, alert
    try:
        kept = alert_from_json(found)
    except DamagedRow:
        return None, alert
    return kept, replace(
        alert,
        acknowledged_until=kept.acknowledged_until,
        acknowledged_why=kept.acknowledged_why,
        acknowledged_by=kept.acknowledged_by,
        acknowledged_features=kept.acknowledged_features,
        over_at=kept.over_at or alert.over_at,
        is_resolved=kept.is_resolved,
        to_end=kept.to_end or alert.to_end,
    )


def _open_one(connection: Connection, id_prefix: str, key: str | None, otherwise: str) -> Alert:
    """Return the one open alert that is meant, locked. Raises NotFound, which ends with `otherwise`."""
    alert = _one(connection, id_prefix, for_update=True)
    if key not in {None, alert.key}:
        raise NotFound(f"no open alert of {key} starts with {quoted(id_prefix)}: {otherwise}.")
    if alert.over_at is not None:
        since = alert.over_at.astimezone(UTC)
        raise NotFound(f"{alert.key}: that alert is over since {since:%Y-%m-%d %H:%M} UTC; {otherwise}.")
    return alert
