"""What the watching found: windows, findings, outliers, ledger, invalid input, heartbeats.

Every result says its `origin`. Of one span of one segment a reader sees the row of the highest revision; of two with
the same revision, that of the batch job. The other rows stay as history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, RowMapping

from pegel.data.spans import Span
from pegel.errors import DamagedRow, NotFound
from pegel.judge.event_counts import KINDS
from pegel.judge.findings import ALARMING, Finding, Verdict
from pegel.spec.names import ATTRIBUTIONS
from pegel.spec.outside_text import quoted
from pegel.store import ledger_queries, tables
from pegel.store.column_types import Document
from pegel.store.database import reading, writing
from pegel.store.newest_windows import newest_rows
from pegel.store.row_codec import decoded, fetched, finding_from_json, flat, outlier, readable, typed, window
from pegel.store.rows_by_key import keyed_rows
from pegel.store.seen_windows import READ, is_seen
from pegel.store.statements import of_monitor, starts_with, upsert
from pegel.store.stream_state import open_failures
from pegel.store.window_writes import write_windows
from pegel.stream.commit import Gap, MonitorFailure, SetAside
from pegel.stream.result_rows import (
    NOBODY,
    Heartbeat,
    InvalidRow,
    LedgerRow,
    MinuteBalance,
    Origin,
    OutlierRow,
    Tally,
    WindowRow,
)


class Details(StrEnum):
    """How much of a window is read: summary and judgement are nearly all of a row's bytes."""

    FULL = "full"
    ALARMING = "alarming"
    """The summaries of windows with an alarming verdict, and no judgements."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest final window of a monitor, None before the first; requests of the newest ones, oldest first."""

    window: WindowRow | DamagedRow | None
    requests: list[tuple[Span, int]]
    problems: list[str]
    """Which of these counts cannot be read, and why."""


LISTED = 100
"""Rows of a list that grows without end, unless another limit is asked for."""


_WHERE = "expected the id of one, as a mail, the page or `pegel history --table findings` shows it"


class Results:
    """Reads results, and writes those of jobs; what a stream leaves is written by `StreamStore.commit`."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def write(
        self,
        windows: Sequence[WindowRow] = (),
        findings: Iterable[Finding] = (),
        outliers: Sequence[OutlierRow] = (),
        ledger: Sequence[LedgerRow] = (),
        invalid: Sequence[InvalidRow] = (),
    ) -> None:
        """Write everything in one transaction, by key: written again it changes nothing.

        A finding travels with its final window, else ValueError.
        """
        with writing(self._engine) as connection:
            write_windows(connection, windows, findings)
            upsert(connection, tables.outliers, [flat(row) for row in outliers])
            upsert(connection, tables.ledger, [{"group": "default"} | flat(row) for row in ledger])
            upsert(connection, tables.invalid, [flat(row) for row in invalid])

    def window(
        self, model: str, version: int, span: Span, revision: int | None = None, *, segment: str = ""
    ) -> WindowRow | None:
        """Return the row of one span, of one revision if it is named; None if there is none. One look-up by key."""
        c = tables.windows.c
        key = (*of_monitor(tables.windows, model, version), c.segment == segment)
        conditions = [*key, c.span_start == span.start, c.span_end == span.end]
        if revision is not None:
            conditions.append(c.revision == revision)
        # "batch" comes before "stream".
        statement = sa.select(*READ).where(*conditions).order_by(c.revision.desc(), c.origin).limit(1)
        rows = self._rows(statement)
        return window(rows[0]) if rows else None

    def windows(
        self,
        model: str,
        version: int,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        segment: str = "",
        final_only: bool = False,
        latest_revision: bool = True,
        limit: int | None = None,
        details: Details = Details.FULL,
        damaged: list[str] | None = None,
    ) -> list[WindowRow]:
        """Return windows in order of time, of those that end after `since` and not after `until` the newest `limit`.

        What `details` leaves out is empty. Raises DamagedRow; with a list `damaged`, what cannot be read is left out
        and its reason added there.
        """
        c = tables.windows.c
        conditions = [*of_monitor(tables.windows, model, version), c.segment == segment]
        if since is not None:
            conditions.append(c.span_end > since)
        if until is not None:
            conditions.append(c.span_end <= until)
        if final_only:
            conditions.append(c.final)
        if latest_revision:
            conditions.append(is_seen(final_only=final_only))
        columns = [_LEFT_OUT[details].get(column.name, column) for column in READ]
        first = [c.span_start.desc(), c.span_end.desc()]
        # As the index that finds the ends has them: else a database sorts each whole window of a long time.
        spans = first if since is None and until is None else first[::-1]
        newest = (*spans, c.revision.desc(), c.origin)
        statement = sa.select(*columns).where(*conditions).order_by(*newest).limit(limit)
        rows = self._fetched(statement, f"a window of {model}/{version}")
        return readable(window, reversed(rows), damaged)

    def busy_spans(self, model: str, version: int, *, limit: int) -> list[Span]:
        """Return the newest windows in which anything came, final or not, in order of time; at most so many rows."""
        c = tables.windows.c
        own = (*of_monitor(tables.windows, model, version), c.segment == "", c.requests + c.responses + c.rows > 0)
        statement = sa.select(c.span_start, c.span_end).where(*own).order_by(c.span_start.desc(), c.span_end.desc())
        rows = self._fetched(statement.limit(limit), f"a window of {model}/{version}")
        spans = readable(lambda row: Span(row["span_start"], row["span_end"]), reversed(rows), [])
        return list(dict.fromkeys(spans))

    def newest(self, monitors: Iterable[tuple[str, int]], *, limit: int) -> dict[tuple[str, int], Newest]:
        """Return what a list of monitors tells of each: its newest final window, and the requests of the newest ones.

        A window that cannot be read stands there as its DamagedRow; the others are read all the same. Several monitors
        are read at once, one by one only where something is damaged.
        """
        keys = list(monitors)
        with reading(self._engine) as connection:
            if len(keys) > 1:
                last, counts = newest_rows(connection, _SHORT, 1), newest_rows(connection, _COUNTED, limit)
                if last is not None and counts is not None:
                    return {key: _newest(last.get(key, []), counts.get(key, [])) for key in keys}
            newest = {}
            for model, version in keys:
                asked, what = {"model": model, "version": version, "newest": 1}, f"a window of {model}/{version}"
                rows = fetched(connection, _NEWEST, what, asked)
                newest[model, version] = _newest(rows, fetched(connection, _REQUESTS, what, asked | {"newest": limit}))
        return newest

    def newest_of_segments(
        self, model: str, version: int, within: timedelta, *, damaged: list[str] | None = None
    ) -> list[WindowRow]:
        """Return the newest final row of each segment, by its text, without their summaries; none of the whole.

        `within`: how long before the end of the newest final window a row may have ended; a year of rows is not read.
        Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its reason added there.
        """
        c = tables.windows.c
        monitor = of_monitor(tables.windows, model, version)
        with reading(self._engine) as connection:
            statement = sa.select(sa.func.max(c.span_end)).where(*monitor, c.segment == "", c.final)
            newest = connection.execute(statement).scalar()
        if newest is None:
            return []
        own = (*monitor, c.segment != "", c.final, c.span_end > newest - within)
        ends = sa.select(c.segment, sa.func.max(c.span_end).label("end")).where(*own).group_by(c.segment).subquery()
        columns = [_NO_SUMMARY.label("summary") if column.name == "summary" else column for column in READ]
        newest_rows = (
            sa.select(*columns)
            .join(ends, sa.and_(c.segment == ends.c.segment, c.span_end == ends.c.end))
            .where(*own, is_seen(final_only=True))
            .order_by(c.segment, c.span_start)
        )
        return readable(window, self._fetched(newest_rows, f"a segment of {model}/{version}"), damaged)

    def tally(self, model: str, version: int, since: datetime, until: datetime, features: Sequence[str]) -> Tally:
        """Count the final windows that end after `since` and not after `until`, and those found to be about `features`.

        `features` as findings are `about`: a feature, or a feature in a segment, whose rows may span several windows.
        A window that a chart still calls drifting counts as one about each of its fields, although it has no finding.
        """
        c, f = tables.windows.c, tables.findings.c
        same = (f.model == c.model, f.version == c.version, f.span_start <= c.span_start, f.span_end >= c.span_end)
        this = (f.span_start == c.span_start, f.span_end == c.span_end)
        of_whole = sa.and_(f.segment == "", *this, f.feature.in_(features))
        # Rows of a segment may be of several windows; what a batch job says may be of a day.
        streamed = (f.segment != "", f.origin == Origin.STREAM.value)
        of_segment = sa.and_(*streamed, (f.feature + " in " + f.segment).in_(features))
        about = sa.exists().where(*same, sa.or_(of_whole, of_segment))
        of_events = {kind.feature for kind in KINDS}
        alarming = about if of_events.issuperset(features) else about | (c.verdict == Verdict.DRIFTING.value)
        drifted = sa.func.sum(sa.case((alarming, 1), else_=0))
        statement = sa.select(drifted, sa.func.count(), sa.func.sum(c.rows)).where(
            *of_monitor(tables.windows, model, version),
            c.segment == "",
            c.final,
            c.span_end > since,
            c.span_end <= until,
            is_seen(final_only=True),
        )
        with reading(self._engine) as connection:
            drifting, windows, rows = connection.execute(statement).one()
        return Tally(drifting=int(drifting or 0), windows=windows, rows=int(rows or 0))

    def alarms(self, model: str, version: int, since: datetime, until: datetime) -> tuple[int, int]:
        """Count the final windows that end after `since` and not after `until`, and those with an alarming verdict.

        In the database: a year of windows is no more in memory than a day of them.
        """
        c = tables.windows.c
        alarming = sa.func.sum(sa.case((c.verdict.in_([verdict.value for verdict in ALARMING]), 1), else_=0))
        statement = sa.select(sa.func.count(), alarming).where(
            *of_monitor(tables.windows, model, version),
            c.segment == "",
            c.final,
            c.span_end > since,
            c.span_end <= until,
            is_seen(final_only=True),
        )
        with reading(self._engine) as connection:
            windows, found = connection.execute(statement).one()
        return windows, int(found or 0)

    def findings(
        self,
        model: str,
        version: int,
        after_seq: int = 0,
        *,
        limit: int | None = None,
        damaged: list[tuple[int, str]] | None = None,
    ) -> list[tuple[int, Finding]]:
        """Return a monitor's findings beyond `after_seq` with their `seq`, in that order, at most the first `limit`.

        Whoever keeps a cursor misses none: within one monitor they become visible in this order. Raises DamagedRow;
        with a list `damaged`, what cannot be read is left out and its `seq` and reason added there.
        """
        c = tables.findings.c
        conditions = [*of_monitor(tables.findings, model, version), c.seq > after_seq]
        statement = sa.select(c.seq, c.id, c.finding).where(*conditions).order_by(c.seq).limit(limit)
        found = []
        for row in self._rows(statement):
            try:
                found.append((row["seq"], finding_from_json(row["finding"])))
            except DamagedRow as error:
                if damaged is None:
                    raise
                damaged.append((row["seq"], f"finding {row['id'][:8]}: {error}"))
        return found

    def recent_findings(
        self,
        model: str,
        version: int,
        *,
        within: Span | None = None,
        feature: str | None = None,
        limit: int = LISTED,
        damaged: list[str] | None = None,
    ) -> list[Finding]:
        """Return a monitor's newest findings, newest first; about one `feature`, of any segment, where one is named.

        `within`: only those that end after its start and not after its end. Raises DamagedRow; with a list `damaged`,
        what cannot be read is left out and its reason added there.
        """
        c = tables.findings.c
        conditions = of_monitor(tables.findings, model, version)
        if within is not None:
            conditions += [c.span_end > within.start, c.span_end <= within.end]
        if feature is not None:
            conditions.append(c.feature == feature)
        statement = sa.select(c.finding).where(*conditions)
        rows = self._rows(statement.order_by(c.span_end.desc(), c.seq.desc()).limit(limit))
        return readable(finding_from_json, [row["finding"] for row in rows], damaged)

    def finding(self, id_prefix: str) -> Finding:
        """Return the one finding whose id starts so. Raises NotFound when none or several do."""
        c = tables.findings.c
        rows = self._rows(sa.select(c.finding).where(*starts_with(c.id, id_prefix)).limit(2))
        if len(rows) != 1:
            count, then = ("several findings start", "give more of the id") if rows else ("no finding starts", _WHERE)
            raise NotFound(f"{count} with {quoted(id_prefix)}; {then}.")
        return finding_from_json(rows[0]["finding"])

    def outliers(
        self,
        model: str,
        version: int,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        limit: int | None = LISTED,
        damaged: list[str] | None = None,
    ) -> list[OutlierRow]:
        """Return the newest outliers at or after `since` and before `until`, newest first.

        Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its reason added there.
        """
        c = tables.outliers.c
        conditions = of_monitor(tables.outliers, model, version)
        conditions += [] if since is None else [c.event_time >= since]
        conditions += [] if until is None else [c.event_time < until]
        order = (c.event_time.desc(), c.event_id, c.row)
        statement = sa.select(tables.outliers).where(*conditions).order_by(*order).limit(limit)
        rows = self._fetched(statement, f"an outlier of {model}/{version}")
        return readable(outlier, rows, damaged)

    # The following leave out what cannot be read and add its reason to `damaged`; without that they raise DamagedRow.

    def ledger(
        self, model: str, version: int, since: datetime | None = None, *, damaged: list[str] | None = None
    ) -> list[LedgerRow]:
        """Return the ledger's minutes from `since` on, in order of time."""
        with reading(self._engine) as connection:
            return ledger_queries.ledger_minutes(connection, model, version, since, damaged)

    def ledger_total(self, model: str, version: int, since: datetime) -> LedgerRow:
        """Return the ledger's minutes from `since` on, added up; `minute` is `since`."""
        with reading(self._engine) as connection:
            return ledger_queries.ledger_total(connection, model, version, since)

    def of_no_model(self, group: str, since: datetime) -> LedgerRow:
        """Return what a group's minutes from `since` on account to no model, added up; `minute` is `since`."""
        with reading(self._engine) as connection:
            return ledger_queries.ledger_total(connection, *NOBODY, since, group)

    def ledger_balance(
        self, group: str, since: datetime | None = None, *, damaged: list[str] | None = None
    ) -> list[MinuteBalance]:
        """Return per minute from `since` on what arrived on a group's topics and what is accounted for."""
        with reading(self._engine) as connection:
            return ledger_queries.balance(connection, group, since, damaged)

    def invalid(
        self, model: str, version: int, since: datetime | None = None, *, damaged: list[str] | None = None
    ) -> list[InvalidRow]:
        """Return invalid input by minute and kind from `since` on, in order of time."""
        with reading(self._engine) as connection:
            return ledger_queries.invalid_minutes(connection, model, version, since, damaged)

    def gaps(
        self, group: str, since: datetime | None = None, *, limit: int = LISTED, damaged: list[str] | None = None
    ) -> list[Gap]:
        """Return the newest gaps in what a group read, noticed at or after `since`, newest first."""
        with reading(self._engine) as connection:
            return ledger_queries.gaps(connection, group, since, limit, damaged)

    def set_aside(
        self, group: str, since: datetime | None = None, *, limit: int = LISTED, damaged: list[str] | None = None
    ) -> list[SetAside]:
        """Return the newest records that a group set aside, newest first."""
        with reading(self._engine) as connection:
            return ledger_queries.records_set_aside(connection, group, since, limit, damaged)

    def failures(
        self, model: str | None = None, version: int | None = None, *, damaged: list[str] | None = None
    ) -> list[MonitorFailure]:
        """Return the failures that are not over, of one monitor or of all."""
        with reading(self._engine) as connection:
            return open_failures(connection, model, version, damaged)

    def heartbeats(self, *, damaged: dict[str, str] | None = None) -> list[Heartbeat]:
        """Return the last heartbeat of each group, ordered by group.

        Raises DamagedRow; with a mapping `damaged`, what cannot be read is left out and its reason put there by group.
        """
        read = partial(typed, Heartbeat)
        return keyed_rows(self._engine, tables.heartbeats, read, "the heartbeat of group {group}", damaged)

    def forget(self, model: str, version: int) -> None:
        """Delete every result, alert and silence of a model version. Its spec is the registry's affair.

        A silence that is about other models, too, or about other versions, stays.
        """
        results = (
            tables.windows,
            tables.long_spans,
            tables.row_quality,
            tables.skew,
            tables.attributions,
            tables.learned_rows,
            tables.identities,
            tables.findings,
            tables.inboxes,
            tables.outliers,
            tables.ledger,
        )
        with writing(self._engine) as connection:
            for table in (
                *results,
                tables.invalid,
                tables.failures,
                tables.alerts,
                tables.alert_events,
                tables.silences,
                tables.dispatch_failures,
                tables.table_reads,
            ):
                for name in (model, model + ATTRIBUTIONS):
                    connection.execute(sa.delete(table).where(*of_monitor(table, name, version)))

    def _rows(self, statement: sa.Select[Any]) -> Sequence[Any]:
        with reading(self._engine) as connection:
            return connection.execute(statement).mappings().all()

    def _fetched(self, statement: sa.Select[Any], what: str) -> list[RowMapping | DamagedRow]:
        with reading(self._engine) as connection:
            return fetched(connection, statement, what)


def _newest(rows: Sequence[RowMapping | DamagedRow], counts: Sequence[RowMapping | DamagedRow]) -> Newest:
    """Return what the newest rows of a monitor tell, given newest first."""
    problems = list[str]()
    requests = readable(_span_and_requests, reversed(counts), problems)
    return Newest(_window_or_damage(rows[0]) if rows else None, requests, problems)


def _window_or_damage(row: RowMapping | DamagedRow) -> WindowRow | DamagedRow:
    try:
        return row if isinstance(row, DamagedRow) else window(row)
    except DamagedRow as error:
        return error


def _span_and_requests(row: RowMapping) -> tuple[Span, int]:
    try:
        return _span_and_count(row)
    except (TypeError, ValueError):
        pass  # its name is made where it is told alone: a list of a thousand models has 24,000 of them
    start = f"{row['span_start']:%Y-%m-%d %H:%M:%S}"
    return decoded(_span_and_count, row, f"the window of {row['model']}/{row['version']} that starts at {start}")


def _span_and_count(row: RowMapping) -> tuple[Span, int]:
    if not isinstance(row["requests"], int):
        raise TypeError(f"requests: expected int, given {row['requests']!r}")
    return Span(row["span_start"], row["span_end"]), row["requests"]


_NO_SUMMARY: sa.ColumnElement[Any] = sa.literal(b"", sa.LargeBinary)
_NO_JUDGEMENT = {"judgement": sa.literal({}, Document).label("judgement")}
_ALARMING = tables.windows.c.verdict.in_(sorted(verdict.value for verdict in ALARMING))
_LEFT_OUT: dict[Details, dict[str, sa.ColumnElement[Any]]] = {
    Details.FULL: {},
    Details.ALARMING: _NO_JUDGEMENT
    | {"summary": sa.case((_ALARMING, tables.windows.c.summary), else_=_NO_SUMMARY).label("summary")},
    Details.NONE: _NO_JUDGEMENT | {"summary": _NO_SUMMARY.label("summary")},
}


def _newest_of(*columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Return the question for the newest final windows of one monitor; made once, asked for each monitor of a list."""
    c = tables.windows.c
    own = (c.model == sa.bindparam("model"), c.version == sa.bindparam("version"), c.segment == "", c.final)
    ordered = sa.select(*columns).where(*own, is_seen(final_only=True))
    return ordered.order_by(c.span_start.desc(), c.span_end.desc()).limit(sa.bindparam("newest"))


_SHORT = tuple(_LEFT_OUT[Details.NONE].get(column.name, column) for column in READ)
_COUNTED = tuple(tables.windows.c[name] for name in ("model", "version", "span_start", "span_end", "requests"))
_NEWEST, _REQUESTS = _newest_of(*_SHORT), _newest_of(*_COUNTED)
