"""What the results database holds of a subject: found, taken out, and that it was, written down."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.archive.erased import Erased, Erasure
from pegel.archive.subject import ERASED, Subject
from pegel.data.instants import to_us
from pegel.data.keyed_hash import KeyedHash
from pegel.errors import LayoutMismatch
from pegel.judge.recent_crowds import SENDERS
from pegel.judge.single_event import SEGMENT
from pegel.stats.fingerprints.kept_rows import KeptRows
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.erased_evidence import without_events, without_rows

MOST_ERASURES = 100_000
"""Newest erasures by which the archive leaves out rows, some 30 MB. Of older ones the broker holds nothing any more."""
Key = dict[str, Any]


@dataclass(slots=True)
class FoundResults:
    """Rows of results that tell of a subject, by their keys; with what is left of those that tell of others as well."""

    outliers: list[Key] = field(default_factory=list)
    findings: list[tuple[int, dict[str, Any] | None]] = field(default_factory=list)
    """What is left is None where nothing is: those about a single event."""
    alerts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    invalid: list[tuple[Key, str]] = field(default_factory=list)
    row_quality: list[tuple[Key, list[Any]]] = field(default_factory=list)
    remembered_rows: list[tuple[Key, bytes]] = field(default_factory=list)
    """Senders of the rows of the windows before, in which crowds are looked for."""

    @property
    def counts(self) -> dict[str, int]:
        """Return how many rows of each table these are."""
        names = ("outliers", "findings", "alerts", "invalid", "row_quality", "remembered_rows")
        return {name: len(getattr(self, name)) for name in names}


class ErasureStore:
    """Takes a subject out of the results database. Windows stay: they count rows, and tell of none."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def find(self, subject: Subject, event_ids: Collection[str]) -> FoundResults:
        """Look for what tells of a subject, or of one of its events."""
        with reading(self._engine) as connection:
            return FoundResults(
                outliers=list(_outliers(connection, subject, event_ids)),
                findings=list(_findings(connection, subject, event_ids)),
                alerts=list(_alerts(connection, subject, event_ids)),
                invalid=list(_invalid(connection, subject)),
                row_quality=list(_row_quality(connection, subject, event_ids)),
                remembered_rows=list(_remembered(connection, event_ids)),
            )

    def erase(self, found: FoundResults) -> None:
        """Take out what was found; where a row tells of others as well, only what it tells of the subject."""
        with writing(self._engine) as connection:
            if self._is_file:
                # What went is overwritten, wherever it stood.
                connection.exec_driver_sql("PRAGMA secure_delete = ON")
            for key in found.outliers:
                connection.execute(sa.delete(tables.outliers).where(*_is(tables.outliers, key)))
            for seq, finding in found.findings:
                own = tables.findings.c.seq == seq
                gone, changed = sa.delete(tables.findings), sa.update(tables.findings)
                connection.execute((gone if finding is None else changed.values(finding=finding)).where(own))
            for alert, left in found.alerts:
                connection.execute(sa.update(tables.alerts).where(tables.alerts.c.id == alert).values(alert=left))
            for key, sample in found.invalid:
                connection.execute(sa.update(tables.invalid).where(*_is(tables.invalid, key)).values(sample=sample))
            for key, outcomes in found.row_quality:
                changed = sa.update(tables.row_quality).where(*_is(tables.row_quality, key))
                connection.execute(changed.values(outcomes=outcomes))
            for key, data in found.remembered_rows:
                changed = sa.update(tables.remembered_rows).where(*_is(tables.remembered_rows, key))
                connection.execute(changed.values(data=data))
            if self._is_file:
                connection.exec_driver_sql("PRAGMA secure_delete = FAST")

    def leave_nothing_behind(self) -> bool:
        """Empty the log of SQLite, in which stands what was written before; say whether nobody held it open."""
        if not self._is_file:
            return True
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            is_busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            cursor.close()
        finally:
            connection.close()
        return not is_busy

    @property
    def _is_file(self) -> bool:
        return self._engine.dialect.name == "sqlite"

    def note(self, subject: Subject, by: str, at: datetime, removed: dict[str, int]) -> None:
        """Write down that a subject was erased, without saying who it is."""
        known_by: dict[str, Any] | None = {"hashes": subject.hashes} if subject.hashes else None
        if subject.event_id:
            known_by = {"event_id": subject.event_id}
        row = {"subject": subject.told, "by": by, "at": at, "removed": removed, "known_by": known_by}
        with writing(self._engine) as connection:
            connection.execute(sa.insert(tables.erasures).values(row))

    def erased(self, hashed: KeyedHash) -> Erased:
        """Return who was erased, as far as it is known by what; the newest `MOST_ERASURES`."""
        c = tables.erasures.c
        own = sa.select(c.at, c.known_by).where(c.known_by.is_not(None)).order_by(c.seq.desc()).limit(MOST_ERASURES)
        with reading(self._engine) as connection:
            rows = connection.execute(own).all()
        return Erased.of((_erasure(row.at, row.known_by) for row in rows if isinstance(row.known_by, dict)), hashed)


def _erasure(at: datetime, known_by: dict[str, Any]) -> Erasure:
    hashes = {name: tuple(each) for name, each in known_by.get("hashes", {}).items()}
    return Erasure(to_us(at), hashes, known_by.get("event_id", ""))


def _outliers(connection: Connection, subject: Subject, event_ids: Collection[str]) -> Iterator[Key]:
    c = tables.outliers.c
    rows = connection.execute(sa.select(c.model, c.version, c.event_id, c.row, c.reasons))
    for row in rows.mappings():
        reasons = row["reasons"] if isinstance(row["reasons"], list) else []
        if row["event_id"] in event_ids or _is_named(subject, reasons):
            yield {name: row[name] for name in ("model", "version", "event_id", "row")}


def _is_named(subject: Subject, reasons: Iterable[dict[str, Any]]) -> bool:
    """Say whether the reasons of an outlier give all values of a subject; few give more than one."""
    told = {str(reason.get("feature")): str(reason.get("value")) for reason in reasons}
    if subject.event_id or not subject.values:
        return False
    return all(_same(told.get(name), name, value, subject) for name, value in subject.values)


def _same(told: str | None, name: str, value: str, subject: Subject) -> bool:
    if told is None:
        return False
    try:
        is_number = float(told) == float(value)
    except ValueError:
        is_number = False
    return is_number or told in {value, subject.hashed.of(name, value)}


def _findings(
    connection: Connection, subject: Subject, event_ids: Collection[str]
) -> Iterator[tuple[int, dict[str, Any] | None]]:
    c = tables.findings.c
    for row in connection.execute(sa.select(c.seq, c.finding)):
        if not isinstance(row.finding, dict):
            continue
        if _is_event_of(row.finding, subject, event_ids):
            yield int(row.seq), None
            continue
        if (left := without_events(row.finding.get("evidence"), event_ids)) != row.finding.get("evidence"):
            yield int(row.seq), row.finding | {"evidence": left}


def _is_event_of(finding: dict[str, Any], subject: Subject, event_ids: Collection[str]) -> bool:
    """Say whether a finding is about a single event of a subject: by the event's id, or by the values it tells."""
    if finding.get("segment") != SEGMENT:
        return False
    evidence, what = finding.get("evidence"), str(finding.get("what"))
    if isinstance(evidence, dict) and evidence.get("event_id") in event_ids:
        return True
    told = [(f"{name} {value}", f"{name} {subject.hashed.of(name, value)}") for name, value in subject.values]
    return bool(told) and all(plain in what or hashed in what for plain, hashed in told)


def _alerts(
    connection: Connection, subject: Subject, event_ids: Collection[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield alerts whose findings tell of events of a subject, with these without what they tell of it."""
    c = tables.alerts.c
    for row in connection.execute(sa.select(c.id, c.alert)):
        features = row.alert.get("features") if isinstance(row.alert, dict) else None
        if isinstance(features, list):
            left = [_without_event(one, subject, event_ids) for one in features]
            if left != features:
                yield str(row.id), row.alert | {"features": left}


def _without_event(feature: Any, subject: Subject, event_ids: Collection[str]) -> Any:
    finding = feature.get("finding") if isinstance(feature, dict) else None
    if not isinstance(finding, dict):
        return feature
    evidence = finding.get("evidence")
    if not _is_event_of(finding, subject, event_ids):
        left = without_events(evidence, event_ids)
        return feature if left == evidence else feature | {"finding": finding | {"evidence": left}}
    kept = evidence | {"event_id": ERASED} if isinstance(evidence, dict) else evidence
    erased = finding | {"what": f"event {ERASED}", "evidence": kept}
    return feature | {"finding": erased}


def _invalid(connection: Connection, subject: Subject) -> Iterator[tuple[Key, str]]:
    c = tables.invalid.c
    rows = connection.execute(sa.select(c.model, c.version, c.minute, c.kind, c.sample))
    for row in rows.mappings():
        if subject.is_in(row["sample"].encode(errors="surrogatepass")):
            yield {name: row[name] for name in ("model", "version", "minute", "kind")}, ERASED


def _row_quality(
    connection: Connection, subject: Subject, event_ids: Collection[str]
) -> Iterator[tuple[Key, list[Any]]]:
    table = tables.row_quality
    keys = [column.name for column in table.primary_key]
    for row in connection.execute(sa.select(table)).mappings():
        outcomes = row["outcomes"] if isinstance(row["outcomes"], list) else []
        left = [_without(one, subject, event_ids) for one in outcomes]
        if left != outcomes:
            yield {name: row[name] for name in keys}, left


def _without(outcome: Any, subject: Subject, event_ids: Collection[str]) -> Any:
    """Return an outcome whose words do not name the subject, and whose rows are those of others."""
    if not isinstance(outcome, dict):
        return outcome
    there, rows = outcome.get("there"), outcome.get("rows")
    words = {"there": subject.without(there)} if isinstance(there, str) else {}
    return outcome | words | ({"rows": without_rows(rows, event_ids)} if isinstance(rows, list) else {})


def _remembered(connection: Connection, event_ids: Collection[str]) -> Iterator[tuple[Key, bytes]]:
    """Yield the senders of rows of windows before, without these events; what cannot be read a driver throws away."""
    table = tables.remembered_rows
    keys = [column.name for column in table.primary_key]
    of_senders = sa.select(table).where(table.c.name.startswith(SENDERS, autoescape=True))
    for row in connection.execute(of_senders).mappings() if event_ids else ():
        try:
            rows = KeptRows.from_bytes(row["data"])
        except LayoutMismatch:
            continue
        left = rows.without_senders(event_ids)
        if left is not rows:
            yield {name: row[name] for name in keys}, left.to_bytes()


def _is(table: sa.Table, key: Key) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]
