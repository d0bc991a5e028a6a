"""Hours, days and weeks: written once for each revision, read by whoever shows or recomputes them.

Of one span of one segment a reader sees the rows of the highest revision; of two with the same, those of the batch job.
Rows of earlier revisions stay as history: findings of theirs can be recomputed as long as they do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine, RowMapping

from pegel.data.spans import Span
from pegel.judge.findings import ALARMING, Finding, Verdict
from pegel.longspans.long_span_row import LongSpanRow
from pegel.spec.rhythms import Rhythm
from pegel.store import tables
from pegel.store.column_types import Document
from pegel.store.database import reading, writing
from pegel.store.inboxes import lock_inboxes
from pegel.store.results import Details
from pegel.store.row_codec import decoded, fetched, flat, readable, window
from pegel.store.statements import insert_into, of_monitor
from pegel.store.window_writes import replace_findings

_OWN = ("rhythm", "part_start", "part_end", "inputs", "windows", "recounted", "late_known", "late_missing", "notes")
_SPAN = ("model", "version", "segment", "rhythm", "span_start", "span_end")
_REVISION = (*_SPAN, "revision", "origin")


@dataclass(frozen=True, slots=True)
class KnownSpan:
    """What is stored of one span: its newest revision, and when and of what that was made.

    `looked_at`: the rows of the revisions that were judged, in their order, each number once: so often the span was
    looked at, because the same rows judged again say the same.
    """

    revision: int
    inputs: str
    late_known: int
    late_missing: int
    made_at: datetime
    looked_at: tuple[int, ...] = ()

    def looks_before(self, rows: int) -> int:
        """Return how many other looks there were before that at so many rows."""
        return self.looked_at.index(rows) if rows in self.looked_at else len(self.looked_at)


class LongSpanStore:
    """Keeps hours, days and weeks, each with its findings in one transaction."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def write(self, rows: Sequence[LongSpanRow], findings: Iterable[Finding] = ()) -> bool:
        """Write all parts of one revision of one span; say whether it was news.

        A revision that is stored already stays as it is: of two who make the same, the first one is heard.
        Raises ValueError for rows of several revisions, and for a finding that is about none of the parts.
        """
        flat_rows = [_flat(row) for row in rows]
        keys = {tuple(row[name] for name in _REVISION) for row in flat_rows}
        if len(keys) != 1:
            raise ValueError(f"expected the parts of one revision of one span, given {len(keys)}: nothing was written")
        of_part = {row.part: list[Finding]() for row in rows}
        for finding in findings:
            if finding.span not in of_part or finding.revision != rows[0].revision:
                raise ValueError(
                    f"expected findings about {sorted(of_part, key=lambda part: part.start)}, given one about "
                    f"{finding.span} revision {finding.revision}: nothing was written"
                )
            of_part[finding.span].append(finding)
        first = flat_rows[0]
        with writing(self._engine) as connection:
            lock_inboxes(connection, [(first["model"], first["version"])])
            table = tables.long_spans
            here = [table.c[name] == first[name] for name in _REVISION]
            if connection.execute(sa.select(table.c.revision).where(*here).limit(1)).first() is not None:
                return False
            connection.execute(insert_into(connection.dialect, table), flat_rows)
            parts = [row | {"span_start": row["part_start"], "span_end": row["part_end"]} for row in flat_rows]
            replace_findings(connection, parts, list(of_part.values()))
        return True

    def spans(
        self,
        model: str,
        version: int,
        rhythm: Rhythm,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        segment: str = "",
        latest_revision: bool = True,
        limit: int | None = None,
        details: Details = Details.FULL,
        summaries: bool = True,
        damaged: list[str] | None = None,
    ) -> list[LongSpanRow]:
        """Return the spans of a rhythm in order of time, of those that end after `since` and not after `until`.

        Of these the newest `limit` rows. What `details` leaves out is empty, without `summaries` these are, which are
        nearly all of a row's bytes. Raises DamagedRow; with a list `damaged`, what cannot be read is left out and its
        reason added there.
        """
        c = tables.long_spans.c
        conditions = [
            *of_monitor(tables.long_spans, model, version),
            c.segment == segment,
            c.rhythm == rhythm.value,
        ]
        if since is not None:
            conditions.append(c.span_end > since)
        if until is not None:
            conditions.append(c.span_end <= until)
        if latest_revision:
            conditions.append(is_seen_span())
        without = dict(_LEFT_OUT) if details is not Details.FULL else {}
        if not summaries:
            without["summary"] = _LEFT_OUT["summary"]
        columns = [without.get(column.name, column) for column in tables.long_spans.columns]
        newest = (c.span_start.desc(), c.revision.desc(), c.part_start.desc())
        statement = sa.select(*columns).where(*conditions).order_by(*newest).limit(limit)
        with reading(self._engine) as connection:
            rows = fetched(connection, statement, f"a {rhythm.value} of {model}/{version}")
        return readable(_long_span, reversed(rows), damaged)

    def known(
        self, model: str, version: int, rhythm: Rhythm, since: datetime, until: datetime, *, segment: str = ""
    ) -> dict[Span, KnownSpan]:
        """Return what is stored of the spans that end after `since` and not after `until`."""
        c = tables.long_spans.c
        columns = (
            c.span_start,
            c.span_end,
            c.verdict,
            c.rows,
            c.revision,
            c.inputs,
            c.late_known,
            c.late_missing,
            c.emitted_at,
        )
        statement = (
            sa.select(*columns)
            .where(
                *of_monitor(tables.long_spans, model, version),
                c.segment == segment,
                c.rhythm == rhythm.value,
                c.span_end > since,
                c.span_end <= until,
            )
            .order_by(c.span_start, c.revision)
        )
        newest: dict[Span, KnownSpan] = {}
        rows_of: dict[Span, dict[int, int]] = {}
        judged: set[tuple[Span, int]] = set()
        with reading(self._engine) as connection:
            for start, end, verdict, rows, revision, *made in connection.execute(statement):
                span = Span(start, end)
                newest[span] = KnownSpan(revision, *made)
                of_revision = rows_of.setdefault(span, {})
                of_revision[revision] = of_revision.get(revision, 0) + rows
                if verdict in _JUDGED:
                    judged.add((span, revision))
        return {
            span: replace(
                one,
                looked_at=tuple(
                    dict.fromkeys(rows for revision, rows in rows_of[span].items() if (span, revision) in judged)
                ),
            )
            for span, one in newest.items()
        }

    def requests_of_hours(self, starts: Collection[datetime]) -> dict[tuple[str, int], dict[datetime, int]]:
        """Return the requests of the hours that begin at these instants, as far as they are known, by model version."""
        c = tables.long_spans.c
        here = c.rhythm == Rhythm.HOUR.value, c.segment == "", c.span_start.in_(sorted(starts)), is_seen_span()
        statement = sa.select(c.model, c.version, c.span_start, sa.func.sum(c.requests))
        statement = statement.where(*here).group_by(c.model, c.version, c.span_start)
        found: dict[tuple[str, int], dict[datetime, int]] = {}
        with reading(self._engine) as connection:
            for model, version, start, requests in connection.execute(statement):
                found.setdefault((model, version), {})[start] = int(requests)
        return found

    def row_of(self, finding: Finding) -> LongSpanRow | None:
        """Return the row that a finding of a long span was made of; None where it is gone, or is no long span's."""
        rhythm = finding.evidence.get("rhythm")
        if rhythm is None:
            return None
        c = tables.long_spans.c
        conditions = [
            *of_monitor(tables.long_spans, finding.model, finding.version),
            c.segment == finding.segment,
            c.rhythm == rhythm,
            c.part_start == finding.span.start,
            c.part_end == finding.span.end,
            c.baseline_id == finding.baseline_id,
            c.revision == finding.revision,
            c.origin == finding.origin,
        ]
        with reading(self._engine) as connection:
            rows = fetched(connection, sa.select(tables.long_spans).where(*conditions).limit(1), "a long span")
        return readable(_long_span, rows, None)[0] if rows else None


_JUDGED = {verdict.value for verdict in (Verdict.OK, Verdict.BELOW_MARGIN, *ALARMING)}
_LEFT_OUT: dict[str, sa.ColumnElement[Any]] = {
    "judgement": sa.literal({}, Document).label("judgement"),
    "summary": sa.literal(b"", sa.LargeBinary).label("summary"),
}


def _flat(row: LongSpanRow) -> dict[str, Any]:
    columns = flat(row.row)
    columns["baseline_id"] = columns["baseline_id"] or ""
    del columns["feature_verdicts"]
    return columns | {
        "rhythm": row.rhythm.value,
        "part_start": row.part.start,
        "part_end": row.part.end,
        "inputs": row.inputs,
        "windows": row.windows,
        "recounted": row.recounted,
        "late_known": row.late_known,
        "late_missing": row.late_missing,
        "notes": row.notes,
    }


def _long_span(columns: RowMapping) -> LongSpanRow:
    start = f"{columns['span_start']:%Y-%m-%d %H:%M}"
    what = f"the {columns['rhythm']} of {columns['model']}/{columns['version']} that starts at {start}"
    return decoded(_read, columns, what)


def _read(columns: RowMapping) -> LongSpanRow:
    values = dict(columns)
    own = {name: values.pop(name) for name in _OWN}
    values["baseline_id"] = values["baseline_id"] or None
    row = window(values)
    return LongSpanRow(
        rhythm=Rhythm(own["rhythm"]),
        row=row,
        part=Span(own["part_start"], own["part_end"]),
        windows=own["windows"],
        inputs=own["inputs"],
        recounted=own["recounted"],
        late_known=own["late_known"],
        late_missing=own["late_missing"],
        notes=own["notes"],
    )


@cache
def is_seen_span() -> sa.ColumnElement[bool]:
    """Return the rule of the module's first lines: no other revision of the same span stands above this one."""
    other, outer = tables.long_spans.alias(), tables.long_spans
    same = [other.c[name] == outer.c[name] for name in _SPAN]
    same_revision = sa.and_(other.c.revision == outer.c.revision, other.c.origin < outer.c.origin)
    above = sa.or_(other.c.revision > outer.c.revision, same_revision)
    return ~sa.exists().where(*same, above).correlate(outer)
