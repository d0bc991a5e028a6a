"""How a model did, span by span, and the charts over its labelled events, in the results database.

Labels come late and are corrected, so a span is written again: what differs is a new revision, what does not changes
nothing. Of two runs that go on from the same revision, or from the same state of a chart, the later one is refused: no
older figures take the place of newer ones, and no event enters a chart twice. Of earlier revisions those stay that
findings are about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping

from pegel.data.spans import Span
from pegel.errors import Conflict
from pegel.judge.findings import Finding, Verdict
from pegel.judge.performance.performance_rows import ConceptChartRow, PerformanceRow
from pegel.stats.performance_counts import PerformanceCounts
from pegel.store import tables
from pegel.store.database import reading, writing
from pegel.store.inboxes import lock_inboxes, note_newest
from pegel.store.plain_rows import figures
from pegel.store.row_codec import decoded, fetched, flat_finding, readable
from pegel.store.statements import insert_into, of_monitor, upsert


class PerformanceStore:
    """Keeps how models did."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def write(
        self,
        rows: Sequence[PerformanceRow],
        findings: Iterable[Finding] = (),
        charts: Sequence[ConceptChartRow] = (),
        *,
        gone_on_from: Sequence[ConceptChartRow] = (),
    ) -> None:
        """Keep spans of one monitor, the findings on them and the charts that took them in, in one transaction.

        Written again it changes nothing. `gone_on_from`: the charts as they were read before these spans.
        Raises Conflict, and keeps nothing, if one of the spans or charts is not as it was read: another run was first.
        """
        monitors = sorted(
            {(row.model, row.version) for row in rows} | {(chart.model, chart.version) for chart in charts}
        )
        found = [flat_finding(finding) for finding in findings]
        with writing(self._engine) as connection:
            lock_inboxes(connection, monitors)
            _check(connection, charts, gone_on_from)
            news = [row for row in rows if not _is_kept(connection, row)]
            if news:
                connection.execute(sa.insert(tables.performance), [_flat_row(row) for row in news])
            upsert(connection, tables.concept_charts, [_flat(row) for row in charts])
            if found:
                insert = insert_into(connection.dialect, tables.findings)
                connection.execute(insert.on_conflict_do_nothing(index_elements=["id"]), found)
                note_newest(connection, monitors)
            for row in news:
                connection.execute(_without_findings_before(row))

    def rows(
        self,
        model: str,
        version: int,
        since: datetime | None = None,
        until: datetime | None = None,
        *,
        segment: str | None = "",
        damaged: list[str] | None = None,
    ) -> list[PerformanceRow]:
        """Return the newest revision of each span that ends after `since` and not after `until`, in order of time.

        `segment`: None for all of them. Raises DamagedRow; with a list `damaged`, what cannot be read is left out and
        its reason added there.
        """
        c = tables.performance.c
        conditions = [*of_monitor(tables.performance, model, version)]
        if segment is not None:
            conditions.append(c.segment == segment)
        if since is not None:
            conditions.append(c.span_end > since)
        if until is not None:
            conditions.append(c.span_end <= until)
        later = tables.performance.alias("later")
        same = [later.c[name] == c[name] for name in ("model", "version", "segment", "span_start", "span_end")]
        conditions.append(~sa.exists().where(*same, later.c.revision > c.revision))
        statement = sa.select(tables.performance).where(*conditions).order_by(c.span_end, c.span_start, c.segment)
        what = f"how {model}/{version} did"
        with reading(self._engine) as connection:
            found = fetched(connection, statement, what)
        return readable(lambda columns: decoded(_row, columns, what), found, damaged)

    def oldest_unsettled(self, model: str, version: int) -> datetime | None:
        """Return when the oldest span begins of which the newest revision is not settled; None where there is none."""
        c, later = tables.performance.c, tables.performance.alias("later")
        same = [later.c[name] == c[name] for name in ("model", "version", "segment", "span_start", "span_end")]
        newest = ~sa.exists().where(*same, later.c.revision > c.revision)
        own = (*of_monitor(tables.performance, model, version), c.settled == sa.false())
        statement = sa.select(c.span_start).where(*own, newest).order_by(c.span_start).limit(1)
        with reading(self._engine) as connection:
            found: datetime | None = connection.execute(statement).scalar()
        return found

    def row(
        self, model: str, version: int, span: Span, revision: int | None = None, *, segment: str = ""
    ) -> PerformanceRow | None:
        """Return one span, of one revision if it is named, else of the newest; None if there is none."""
        c = tables.performance.c
        conditions = [*of_monitor(tables.performance, model, version), c.segment == segment]
        conditions += [c.span_start == span.start, c.span_end == span.end]
        if revision is not None:
            conditions.append(c.revision == revision)
        statement = sa.select(tables.performance).where(*conditions).order_by(c.revision.desc()).limit(1)
        what = f"how {model}/{version} did"
        with reading(self._engine) as connection:
            found = fetched(connection, statement, what)
        rows = readable(lambda columns: decoded(_row, columns, what), found, None)
        return rows[0] if rows else None


def _check(connection: Connection, charts: Sequence[ConceptChartRow], gone_on_from: Sequence[ConceptChartRow]) -> None:
    """Raises Conflict unless each chart stands where its new state went on from."""
    read = {_key(chart): (chart.up_to, chart.baseline_id) for chart in gone_on_from}
    c = tables.concept_charts.c
    for chart in charts:
        own = [*of_monitor(tables.concept_charts, chart.model, chart.version)]
        own += [c.segment == chart.segment, c.chart == chart.chart]
        stands = connection.execute(sa.select(c.up_to, c.baseline_id).where(*own)).first()
        if (None if stands is None else tuple(stands)) != read.get(_key(chart)):
            raise Conflict(
                f"expected the chart {chart.chart!r} of {chart.model}/{chart.version} as it was read, found one that "
                "another run has moved: nothing was kept; the next run goes on from there."
            )


def _is_kept(connection: Connection, row: PerformanceRow) -> bool:
    """Say whether a revision is kept already, whenever it was made. Raises Conflict if another one stands there."""
    c, damaged = tables.performance.c, list[str]()
    from_it_on = [*_of_span(row), c.revision >= row.revision]
    statement = sa.select(tables.performance).where(*from_it_on).order_by(c.revision)
    what = f"how {row.model}/{row.version} did"
    there = readable(lambda columns: decoded(_row, columns, what), fetched(connection, statement, what), damaged)
    if damaged and not there:
        # Whoever read it could not either, and has counted anew.
        connection.execute(sa.delete(tables.performance).where(*from_it_on))
    if there and (there[0].revision, *_said(there[0])) != (row.revision, *_said(row)):
        span = f"{row.span.start:%Y-%m-%d %H:%M} to {row.span.end:%H:%M}"
        raise Conflict(
            f"expected revision {row.revision} of how {row.model}/{row.version} did, {span}, to be the next one, found "
            "one that another run has kept: nothing was kept; the next run goes on from there."
        )
    return bool(there)


def _said(row: PerformanceRow) -> tuple[Any, ...]:
    return row.counts, row.settled, row.coverage, row.verdict


def _without_findings_before(row: PerformanceRow) -> sa.Delete:
    """Return what removes the earlier revisions of a span that no finding is about: nobody asks for them again."""
    c, f = tables.performance.c, tables.findings.c
    same = [f[name] == c[name] for name in ("model", "version", "segment", "span_start", "span_end", "revision")]
    is_told = sa.exists().where(*same)
    return sa.delete(tables.performance).where(*_of_span(row), c.revision < row.revision, ~is_told)


def _of_span(row: PerformanceRow) -> list[sa.ColumnElement[bool]]:
    c = tables.performance.c
    of_span = [c.segment == row.segment, c.span_start == row.span.start, c.span_end == row.span.end]
    return [*of_monitor(tables.performance, row.model, row.version), *of_span]


def _key(chart: ConceptChartRow) -> tuple[str, int, str, str]:
    return chart.model, chart.version, chart.segment, chart.chart


def _flat_row(row: PerformanceRow) -> dict[str, Any]:
    columns = _flat(row)
    span: Span = columns.pop("span")
    return columns | {
        "span_start": span.start,
        "span_end": span.end,
        "counts": row.counts.to_json(),
        "verdict": row.verdict.value,
        "answered": row.counts.answered,
        "labelled": row.counts.labelled,
        "figures": figures(row.judgement),
    }


def _flat(row: PerformanceRow | ConceptChartRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


def _row(columns: RowMapping) -> PerformanceRow:
    values = {name: value for name, value in columns.items() if name not in {"answered", "labelled", "figures"}}
    values["span"] = Span(values.pop("span_start"), values.pop("span_end"))
    values["counts"] = PerformanceCounts.from_json(values["counts"])
    values["verdict"] = Verdict(values["verdict"])
    if not isinstance(values["judgement"], dict):
        raise TypeError(f"judgement: expected a mapping, given {values['judgement']!r}")
    return PerformanceRow(**values)
