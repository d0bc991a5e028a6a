"""Rows that may go: which they are by kind, how many, and how they go, a few at a time.

Each batch is a transaction of its own, after which others have at least as long as it took: a driver that commits waits
for one batch at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from pegel.retention.keeping import ResultKind
from pegel.spec.rhythms import Rhythm
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.statements import of_monitor

AT_ONCE = {
    ResultKind.WINDOWS: 100,
    ResultKind.HOURS: 100,
    ResultKind.DAYS: 100,
    ResultKind.WEEKS: 100,
    ResultKind.FINDINGS: 500,
}
"""Rows with counts are some 20 kB each; of all others `MANY` go at once."""
MANY = 2_000
_RHYTHMS = {ResultKind.HOURS: Rhythm.HOUR, ResultKind.DAYS: Rhythm.DAY, ResultKind.WEEKS: Rhythm.WEEK}


@dataclass(frozen=True, slots=True)
class OldRows:
    """The rows of one kind and monitor that may go. `kept`: why older ones stay, in words; empty where none does."""

    kind: ResultKind
    table: sa.Table
    model: str
    version: int
    further: tuple[sa.ColumnElement[bool], ...]
    order: sa.ColumnElement[Any]
    kept: str = ""

    @property
    def conditions(self) -> tuple[sa.ColumnElement[bool], ...]:
        """Return which rows they are: of the monitor, and further."""
        return (*of_monitor(self.table, self.model, self.version), *self.further)

    def count(self, connection: Connection) -> int:
        """Return how many there are."""
        statement = sa.select(sa.func.count()).select_from(self.table).where(*self.conditions)
        return int(connection.execute(statement).scalar() or 0)

    def remove_some(self, connection: Connection) -> int:
        """Delete the oldest of them, as many as go at once; return how many those were."""
        # The place of a row: both databases find it without an index, and keep it for as long as a statement lasts.
        place: sa.ColumnElement[Any] = sa.literal_column("ctid" if connection.dialect.name == "postgresql" else "rowid")
        some = sa.select(place).select_from(self.table).where(*self.conditions).order_by(self.order)
        chosen = some.limit(AT_ONCE.get(self.kind, MANY))
        return connection.execute(sa.delete(self.table).where(place.in_(chosen))).rowcount


def old_rows(
    connection: Connection,
    kind: ResultKind,
    model: str,
    version: int,
    before: datetime,
    *,
    has_days: bool,
    going: OldRows | None = None,
) -> OldRows:
    """Return the rows of a kind that may go, of those from before an instant. Kinds of the archive have none.

    `has_days`: whether days are made of the windows of the monitor, so that these wait until theirs is. `going`:
    windows that are taken for gone, in a dry run.
    """
    if kind is ResultKind.WINDOWS:
        return _windows(connection, model, version, before, has_days=has_days)
    if kind in _RHYTHMS:
        return _long_spans(kind, model, version, before, has_days=has_days)
    if kind is ResultKind.ROW_QUALITY:
        return _row_quality(model, version, before, going)
    if kind is ResultKind.FINDINGS:
        return _findings(connection, model, version, before)
    if kind is ResultKind.ARCHIVED:
        return _archived(model, version, before)
    table, column = _TIMED[kind]
    return OldRows(kind, table, model, version, (table.c[column] < before,), table.c[column])


_TIMED = {
    ResultKind.OUTLIERS: (tables.outliers, "event_time"),
    ResultKind.LEDGER: (tables.ledger, "minute"),
    ResultKind.INVALID: (tables.invalid, "minute"),
    ResultKind.NOT_TOLD: (tables.dispatch_failures, "at"),
    ResultKind.PERFORMANCE: (tables.performance, "span_end"),
    ResultKind.LABEL_HOURS: (tables.label_hours, "start"),
    ResultKind.SKEW: (tables.skew, "span_end"),
    ResultKind.ATTRIBUTIONS: (tables.attributions, "span_end"),
}


def _windows(connection: Connection, model: str, version: int, before: datetime, *, has_days: bool) -> OldRows:
    """Return windows; where there are days, those of which the day that they begin in is made, up to the first else.

    The oldest go first: whoever makes long spans knows by the oldest window which spans it must not make again.
    """
    w, d = tables.windows.c, tables.long_spans.c
    own = (w.final, w.span_end <= before)
    same = [d[name] == w[name] for name in ("model", "version", "segment")]
    # Of windows that overlap one begins in a day and ends in the next: it is in neither, and goes with the first.
    day = sa.exists().where(
        *same, d.rhythm == Rhythm.DAY.value, d.span_start <= w.span_start, d.span_end > w.span_start
    )
    if not has_days:
        return OldRows(ResultKind.WINDOWS, tables.windows, model, version, own, w.span_start)
    of_model = (*of_monitor(tables.windows, model, version), *own)
    statement = sa.select(w.span_start).where(*of_model, ~day, w.rows > 0).order_by(w.span_start).limit(1)
    first = connection.execute(statement).scalar()
    until, kept = (before, "") if first is None else (first, f"the day of {first:%Y-%m-%d} is not made")
    further = (*own, w.span_start < until, w.span_end <= until)
    return OldRows(ResultKind.WINDOWS, tables.windows, model, version, further, w.span_start, kept)


def _long_spans(kind: ResultKind, model: str, version: int, before: datetime, *, has_days: bool) -> OldRows:
    """Return spans of a rhythm; where there are days, hours only whose day is made."""
    c, d = tables.long_spans.c, tables.long_spans.alias().c
    further = [c.rhythm == _RHYTHMS[kind].value, c.span_end <= before]
    if kind is ResultKind.HOURS and has_days:
        same = [d[name] == c[name] for name in ("model", "version", "segment")]
        day = (d.rhythm == Rhythm.DAY.value, d.span_start <= c.span_start, d.span_end >= c.span_end)
        further.append(sa.exists().where(*same, *day).correlate(tables.long_spans))
    return OldRows(kind, tables.long_spans, model, version, tuple(further), c.span_start)


def _row_quality(model: str, version: int, before: datetime, going: OldRows | None) -> OldRows:
    """Return what rows said of windows that are gone."""
    q, w = tables.row_quality.c, tables.windows.c
    same = [w[name] == q[name] for name in ("model", "version", "segment", "span_start", "span_end", "revision")]
    stay = [] if going is None else [~sa.and_(*going.conditions)]
    gone = ~sa.exists().where(*same, *stay)
    return OldRows(
        ResultKind.ROW_QUALITY, tables.row_quality, model, version, (q.span_end <= before, gone), q.span_start
    )


def _findings(connection: Connection, model: str, version: int, before: datetime) -> OldRows:
    """Return findings that the dispatcher has read."""
    c, i = tables.findings.c, tables.inboxes.c
    read = connection.execute(sa.select(i.cursor).where(*of_monitor(tables.inboxes, model, version))).scalar()
    further = (c.span_end <= before, c.seq <= (read or 0))
    return OldRows(ResultKind.FINDINGS, tables.findings, model, version, further, c.seq)


def _archived(model: str, version: int, before: datetime) -> OldRows:
    """Return ranges of records after which others are archived: up to where, the newest of each partition says."""
    c, later = tables.archived.c, tables.archived.alias().c
    same = [later[name] == c[name] for name in ("model", "version", "topic", "partition")]
    same.append(later.topic_id.is_not_distinct_from(c.topic_id))
    passed = sa.exists().where(*same, later.up_to_offset > c.up_to_offset).correlate(tables.archived)
    return OldRows(ResultKind.ARCHIVED, tables.archived, model, version, (c.at < before, passed), c.at)


def monitors_with_results(engine: Engine) -> list[tuple[str, int]]:
    """Return every model version that has results, watched or not, in order."""
    found: set[tuple[str, int]] = set()
    of = (*_WITH_RESULTS, *(table for table, _ in _TIMED.values()))
    with reading(engine) as connection:
        for table in of:
            rows = connection.execute(sa.select(table.c.model, table.c.version).distinct())
            found |= {(row.model, row.version) for row in rows}
    return sorted(found)


_WITH_RESULTS = (tables.windows, tables.long_spans, tables.findings, tables.row_quality, tables.archived)


def removed_in_batches(engine: Engine, rows: OldRows, pause: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """Delete rows batch by batch and yield how many each was; between batches others have as long as one took."""
    while True:
        began = time.monotonic()
        with writing(engine) as connection:
            removed = rows.remove_some(connection)
        yield removed
        if removed < AT_ONCE.get(rows.kind, MANY):
            return
        pause(time.monotonic() - began)


def unneeded_baselines(
    connection: Connection, before: datetime, going: Sequence[OldRows] = ()
) -> list[tuple[str, str, int]]:
    """Return baselines (id, model, version) from before an instant that nothing refers to any more.

    Not those that are current, nor those that windows, long spans, figures of performance, findings, refreshes or
    windows that are still open were judged by. `going`: rows that are taken for gone, in a dry run.
    """
    c = tables.baselines.c
    touched = {rows.table for rows in going}
    of_baselines = [table for table in tables.metadata.sorted_tables if "baseline_id" in table.c]
    # In documents an id stands as text: those of findings, and of windows that are still open.
    documents = ((tables.findings, "finding"), (tables.monitor_states, "charts"), (tables.monitor_states, "windows"))
    refers: list[tuple[sa.Table, _Refers]] = [
        *((table, _by_column(table)) for table in of_baselines if table is not tables.promotions),
        *((table, _by_text(table, name)) for table, name in documents),
    ]
    free = [~sa.exists().where(*how(c.id, c.model)) for table, how in refers if table not in touched]
    statement = sa.select(c.id, c.model, c.version).where(c.created_at < before, *free).order_by(c.id)
    found = [(row.id, row.model, row.version) for row in connection.execute(statement)]
    left = [(table, how) for table, how in refers if table in touched]
    return [
        one
        for one in found
        if not any(
            _is_left(connection, table, how(sa.literal(one[0]), sa.literal(one[1])), going) for table, how in left
        )
    ]


_Text = sa.ColumnElement[str]
_Refers = Callable[[_Text, _Text], list[sa.ColumnElement[bool]]]
"""When a row refers to a baseline, of which id and model are given."""


def _by_column(table: sa.Table) -> _Refers:
    return lambda baseline, model: [table.c.baseline_id == baseline]  # noqa: ARG005  an id is of one model


def _by_text(table: sa.Table, document: str) -> _Refers:
    return lambda baseline, model: [table.c.model == model, _mentions(table.c[document], baseline)]


def _is_left(
    connection: Connection, table: sa.Table, refers: Sequence[sa.ColumnElement[bool]], going: Sequence[OldRows]
) -> bool:
    """Say whether a row of a table refers to a baseline once those are gone that go."""
    owners = connection.execute(sa.select(table.c.model, table.c.version).where(*refers).distinct()).all()
    for model, version in owners:
        gone = [
            sa.and_(*rows.conditions)
            for rows in going
            if rows.table is table and (rows.model, rows.version) == (model, version)
        ]
        own = [*of_monitor(table, model, version), *refers, *(~each for each in gone)]
        if connection.execute(sa.select(sa.literal(1)).select_from(table).where(*own).limit(1)).first() is not None:
            return True
    return False


def _mentions(document: sa.ColumnElement[Any], text: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return sa.func.coalesce(sa.type_coerce(document, sa.Text), "").contains(text)
