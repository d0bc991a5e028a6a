"""What the results database holds of a subject: found, taken out, and that it was, written down."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.archive.subject import ERASED, Subject
from pegel.judge.single_event import SEGMENT
from pegel.store import tables
from pegel.store.database import reading, writing

AT_ONCE = 500
"""Rows that are changed with one statement."""
Key = dict[str, Any]


@dataclass(slots=True)
class FoundResults:
    """Rows of results that tell of a subject, by their keys. `invalid`, `row_quality`: with what is left of them."""

    outliers: list[Key] = field(default_factory=list)
    findings: list[int] = field(default_factory=list)
    invalid: list[tuple[Key, str]] = field(default_factory=list)
    row_quality: list[tuple[Key, list[Any]]] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many rows of each table these are."""
        return {name: len(getattr(self, name)) for name in ("outliers", "findings", "invalid", "row_quality")}


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
                findings=list(_findings(connection, event_ids)),
                invalid=list(_invalid(connection, subject)),
                row_quality=list(_row_quality(connection, subject)),
            )

    def erase(self, found: FoundResults) -> None:
        """Take out what was found; where a row tells of others as well, only what it tells of the subject."""
        with writing(self._engine) as connection:
            for key in found.outliers:
                connection.execute(sa.delete(tables.outliers).where(*_is(tables.outliers, key)))
            if found.findings:
                connection.execute(sa.delete(tables.findings).where(tables.findings.c.seq.in_(found.findings)))
            for key, sample in found.invalid:
                connection.execute(sa.update(tables.invalid).where(*_is(tables.invalid, key)).values(sample=sample))
            for key, outcomes in found.row_quality:
                changed = sa.update(tables.row_quality).where(*_is(tables.row_quality, key))
                connection.execute(changed.values(outcomes=outcomes))

    def note(self, subject: Subject, by: str, at: datetime, removed: dict[str, int]) -> None:
        """Write down that a subject was erased, without saying who it is."""
        row = {"subject": subject.told, "by": by, "at": at, "removed": removed}
        with writing(self._engine) as connection:
            connection.execute(sa.insert(tables.erasures).values(row))


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


def _findings(connection: Connection, event_ids: Collection[str]) -> Iterator[int]:
    c = tables.findings.c
    for row in connection.execute(sa.select(c.seq, c.finding).where(c.segment == SEGMENT)):
        evidence = row.finding.get("evidence", {}) if isinstance(row.finding, dict) else {}
        if evidence.get("event_id") in event_ids:
            yield int(row.seq)


def _invalid(connection: Connection, subject: Subject) -> Iterator[tuple[Key, str]]:
    c = tables.invalid.c
    rows = connection.execute(sa.select(c.model, c.version, c.minute, c.kind, c.sample))
    for row in rows.mappings():
        if subject.is_in(row["sample"].encode(errors="surrogatepass")):
            yield {name: row[name] for name in ("model", "version", "minute", "kind")}, ERASED


def _row_quality(connection: Connection, subject: Subject) -> Iterator[tuple[Key, list[Any]]]:
    table = tables.row_quality
    keys = [column.name for column in table.primary_key]
    for row in connection.execute(sa.select(table)).mappings():
        outcomes = row["outcomes"] if isinstance(row["outcomes"], list) else []
        left = [_without(one, subject) for one in outcomes]
        if left != outcomes:
            yield {name: row[name] for name in keys}, left


def _without(outcome: Any, subject: Subject) -> Any:
    """Return an outcome whose words do not name the subject."""
    there = outcome.get("there") if isinstance(outcome, dict) else None
    return outcome | {"there": subject.without(there)} if isinstance(there, str) else outcome


def _is(table: sa.Table, key: Key) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]
