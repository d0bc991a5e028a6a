"""What people query: one view for each thing that they ask about, in `docs/sql.md` column by column.

Here alone stands what the views say, for SQLite and PostgreSQL. They are no part of the history of the tables: whenever
they differ from what a database has, or its tables change, they are made anew, see `view_making`. A column that is
taken away, or means something else, raises `VERSION`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from pegel.judge.findings import ALARMING
from pegel.store import tables
from pegel.store.health_view import health_alerts
from pegel.store.plain_rows import EXPECTATION, FEATURE_VERDICT, FIGURE, Plain
from pegel.store.seen_windows import is_seen
from pegel.stream.outcomes import COUNTERS, PLACES

VERSION = 1
GROUP = "monitor_group"
"""What a group is called here: its own name would have to be quoted in every query."""
View = sa.Select[Any] | sa.CompoundSelect[Any]
Column = sa.ColumnElement[Any]

_TYPES: Mapping[Plain, Any] = {
    Plain.INTEGER: sa.BigInteger(),
    Plain.REAL: sa.Double(),
    Plain.BOOLEAN: sa.Boolean(),
    Plain.TEXT: sa.Text(),
}
_WINDOW = ("model", "version", "segment", "span_start", "span_end", "revision", "origin")
_RECEIVED = ("judged", "late", "invalid", "duplicate", "set_aside", "dropped")
_ACCOUNTED = tuple(name for name in PLACES if name != "dropped")


def views(dialect: str) -> dict[str, View]:
    """Return each view by its name, in the words of `sqlite` or `postgresql`."""
    return {
        "v_version": sa.select(sa.literal(VERSION).label("version")),
        "v_window": _windows(),
        "v_feature_window": _feature_windows(dialect),
        "v_finding": _findings(),
        "v_alert": _alerts(),
        "v_health_alert": health_alerts(),
        "v_ledger": _ledger(),
        "v_balance": _balance(),
        "v_quality": _quality(dialect),
        "v_performance": _performance(dialect),
        "v_model": _models(),
        "v_group": _groups(),
        "v_pass": sa.select(tables.passes.c.name, tables.passes.c.at),
    }


def view_table(name: str, dialect: str) -> sa.TableClause:
    """Return a view as whoever queries it from here sees it: instants are instants on both databases."""
    columns = views(dialect)[name].selected_columns
    return sa.table(name, *(sa.column(column.key, column.type) for column in columns if column.key is not None))


def _windows() -> View:
    c, o = tables.windows.c, tables.outliers.c
    within = (o.model == c.model, o.version == c.version, o.event_time >= c.span_start, o.event_time < c.span_end)
    outliers = sa.select(sa.func.count()).select_from(tables.outliers).where(*within).correlate(tables.windows)
    return sa.select(
        *(c[name] for name in _WINDOW),
        c.final,
        *(c[name] for name in ("requests", "responses", "joined", "rows")),
        *(c[name] for name in ("late", "duplicates", "invalid", "clamped", "orphans")),
        sa.case((c.segment == "", outliers.scalar_subquery())).label("outliers"),
        c.verdict,
        _is_alarming(c.verdict),
        *(c[name] for name in ("baseline_id", "spec_fingerprint", "code_version", "emitted_at")),
    ).where(is_seen(final_only=False))


def _is_alarming(verdict: Column) -> sa.Label[Any]:
    return verdict.in_(sorted(one.value for one in ALARMING)).label("alarming")


def _feature_windows(dialect: str) -> View:
    c = tables.windows.c
    each, fields = _unpacked(c.feature_verdicts, FEATURE_VERDICT, dialect)
    alarming = _is_alarming(fields["verdict"])
    return (
        sa.select(*(c[name] for name in _WINDOW), *(_named(fields)), alarming)
        .select_from(tables.windows.join(each, sa.true()))
        .where(c.final, is_seen(final_only=True))
    )


def _findings() -> View:
    c = tables.findings.c
    return sa.select(*(column for column in c if column.name != "finding"))


def _alerts() -> View:
    c = tables.alerts.c
    return sa.select(*(column for column in c if column.name != "alert"), c.over_at.is_(None).label("is_open"))


def _ledger() -> View:
    """What several groups counted of a model version, while it went from one to the other, is added up."""
    c = tables.ledger.c
    sums = {name: _whole(sa.func.sum(c[name])) for name in COUNTERS}
    by_name = [total.label(name) for name, total in sums.items()]
    received = _whole(_total([sa.func.sum(c[name]) for name in _RECEIVED])).label("received")
    return sa.select(c.model, c.version, c.minute, received, *by_name).group_by(c.model, c.version, c.minute)


def _balance() -> View:
    a, b, zero = tables.arrivals.c, tables.ledger.c, sa.literal(0, sa.BigInteger)
    came = sa.select(a.group, a.minute, a.records.label("arrived"), zero.label("accounted"))
    went = sa.select(b.group, b.minute, zero.label("arrived"), _total([b[name] for name in _ACCOUNTED]).label("went"))
    both = sa.union_all(came, went).subquery("both")
    arrived, accounted = (_whole(sa.func.sum(both.c[name])) for name in ("arrived", "accounted"))
    difference = (arrived - accounted).label("difference")
    columns = (
        both.c.group.label(GROUP),
        both.c.minute,
        arrived.label("arrived"),
        accounted.label("accounted"),
        difference,
    )
    return sa.select(*columns).group_by(both.c.group, both.c.minute)


def _quality(dialect: str) -> View:
    c = tables.row_quality.c
    each, fields = _unpacked(c.expectations, EXPECTATION, dialect)
    own = (*(c[name] for name in _WINDOW), c.looked_at, c.rows, c.at)
    later = _is_newest(tables.row_quality, ("model", "version", "segment", "span_start", "span_end", "origin"))
    return sa.select(*own, *_named(fields)).select_from(tables.row_quality.join(each, sa.true())).where(later)


def _performance(dialect: str) -> View:
    c = tables.performance.c
    each, fields = _unpacked(c.figures, FIGURE, dialect)
    own = [c[name] for name in _WINDOW if name != "origin"]
    own += [c[name] for name in ("answered", "labelled", "settled", "verdict", "baseline_id", "at")]
    newest = _is_newest(tables.performance, ("model", "version", "segment", "span_start", "span_end"))
    joined = tables.performance.outerjoin(each, sa.true())
    return sa.select(*own, *_named(fields)).select_from(joined).where(newest)


def _models() -> View:
    m, w = tables.monitors.c, tables.windows.c
    own = (w.model == m.model, w.version == m.version, w.segment == "", w.final)
    end = sa.select(sa.func.max(w.span_end)).where(*own).correlate(tables.monitors).scalar_subquery()
    # Apart, because a database that put the question into the join would ask it for each window.
    ends = sa.select(m.model, m.version, end.label("span_end")).cte("newest").prefix_with("MATERIALIZED")
    last = (
        w.model == ends.c.model,
        w.version == ends.c.version,
        w.segment == "",
        w.final,
        w.span_end == ends.c.span_end,
    )
    b, h, f, a = tables.current_baselines.c, tables.heartbeats.c, tables.failures.c, tables.alerts.c
    failed = (f.group == m.group, f.model == m.model, f.version == m.version, f.ended_at.is_(None))
    opened = (a.model == m.model, a.version == m.version, a.over_at.is_(None))
    learned = tables.baselines.c
    joined = (
        tables.monitors.join(ends, sa.and_(ends.c.model == m.model, ends.c.version == m.version))
        .outerjoin(tables.windows, sa.and_(*last, _is_last()))
        .outerjoin(tables.current_baselines, sa.and_(b.model == m.model, b.version == m.version))
        .outerjoin(tables.baselines, learned.id == b.baseline_id)
        .outerjoin(tables.heartbeats, h.group == m.group)
    )
    return sa.select(
        *(m.model, m.version, m.group.label(GROUP), m.fingerprint.label("spec_fingerprint"), m.changed_at),
        *(b.baseline_id, learned.created_at.label("baseline_created_at")),
        *(w[name].label(f"last_{name}") for name in ("span_start", "span_end", "verdict", "rows", "requests")),
        _count_of(tables.alerts, opened).label("open_alerts"),
        sa.select(sa.func.min(f.since))
        .where(*failed)
        .correlate(tables.monitors)
        .scalar_subquery()
        .label("failing_since"),
        *(h.state.label("driver_state"), h.at.label("driver_at"), h.progressed_at.label("driver_progressed_at")),
    ).select_from(joined)


def _is_last() -> Column:
    """Return the rule that no other final window of the whole ends at the same instant and stands above this one."""
    w, other = tables.windows.c, tables.windows.alias("above").c
    same = [other[name] == w[name] for name in ("model", "version", "segment", "span_end")]
    revised = sa.or_(other.revision > w.revision, sa.and_(other.revision == w.revision, other.origin < w.origin))
    above = sa.or_(other.span_start > w.span_start, sa.and_(other.span_start == w.span_start, revised))
    return ~sa.exists().where(*same, other.final, above).correlate(tables.windows)


def _groups() -> View:
    c = tables.heartbeats.c
    told = ("generation", "state", "at", "started_at", "progressed_at", "event_time_head")
    return sa.select(
        c.group.label(GROUP), *(c[name] for name in told), c.batch_id.label("batches"), c.lag, c.missing, c.error
    )


def _is_newest(table: sa.Table, same: tuple[str, ...]) -> Column:
    other = table.alias("later")
    key = [other.c[name] == table.c[name] for name in same]
    return ~sa.exists().where(*key, other.c.revision > table.c.revision).correlate(table)


def _count_of(table: sa.Table, conditions: tuple[Column, ...]) -> sa.ScalarSelect[Any]:
    return sa.select(sa.func.count()).select_from(table).where(*conditions).correlate(tables.monitors).scalar_subquery()


def _unpacked(
    column: sa.ColumnElement[Any], fields: Mapping[str, Plain], dialect: str
) -> tuple[sa.TableValuedAlias, dict[str, Column]]:
    """Return the rows in a column of `PlainRows`, and the fields of each by name."""
    if dialect == "postgresql":
        rows = sa.func.jsonb_array_elements(sa.cast(column, JSONB)).table_valued("value", name="each")
        each = rows.render_derived()
        cells: list[Column] = [each.c.value.op("->>")(sa.literal(place)) for place in range(len(fields))]
    else:
        # What is no JSON in one row, of a file that was damaged, is no row here, and ends nobody's whole question.
        sound = sa.case((sa.func.json_valid(column) == 1, column))
        each = sa.func.json_each(sound).table_valued("value", name="each")
        cells = [sa.func.json_extract(each.c.value, f"$[{place}]") for place in range(len(fields))]
    typed = zip(fields.items(), cells, strict=True)
    return each, {name: cell if kind is Plain.TEXT else sa.cast(cell, _TYPES[kind]) for (name, kind), cell in typed}


def _named(fields: Mapping[str, Column]) -> list[sa.Label[Any]]:
    return [field.label(name) for name, field in fields.items()]


def _total(columns: Sequence[Column]) -> Column:
    total = columns[0]
    for column in columns[1:]:
        total = total + column
    return total


def _whole(total: Column) -> Column:
    """Return a sum of counts as a whole number; PostgreSQL adds up to decimals."""
    return sa.cast(total, sa.BigInteger)
