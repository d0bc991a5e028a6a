"""What is exported, read from the views: the role `pegel_reader` suffices, and nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, RowMapping

from pegel.store.database import reading
from pegel.store.result_views import GROUP, view_table

LOOK_BACK = timedelta(hours=1)
"""Of the ledger the minutes of the last hour are told, those begun in it."""
SETTLED_AFTER = timedelta(minutes=2)
"""A group's minute may still be open: whether it closes is asked of older ones."""
NEWEST_LABELS = timedelta(days=8)
Monitor = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Caps:
    """What metrics there may be: of so many models, the first by name; of so many features of a model, the worst."""

    models: int = 500
    features: int = 20


@dataclass(frozen=True, slots=True)
class ExportedFacts:
    """The rows of views at one instant, by model version or group; instants are in UTC."""

    at: datetime
    models: Sequence[RowMapping]
    windows: Mapping[Monitor, RowMapping]
    """The newest final window of each model, of all its rows."""
    features: Mapping[Monitor, Sequence[RowMapping]]
    """What that says of each feature."""
    alerts: Sequence[RowMapping]
    """Open ones by model, version, kind and severity: `count`."""
    watching: Sequence[RowMapping]
    """What is wrong with the watching itself: `kind`, `severity`, `since`."""
    ledger: Sequence[RowMapping]
    """Sums of the last hour by model and version."""
    balance: Sequence[RowMapping]
    """Minutes of the last hour that do not close, by group: `minutes`, `records`."""
    figures: Sequence[RowMapping]
    """Of the newest span of labelled answers of each model."""
    groups: Sequence[RowMapping]
    passes: Mapping[str, datetime]


def read_facts(engine: Engine, now: datetime) -> ExportedFacts:
    """Read it in one transaction. Raises Unavailable, SetupError where there are no views."""
    ask = _questions(engine.dialect.name)
    times = {"hour_ago": now - LOOK_BACK, "settled": now - SETTLED_AFTER, "days_ago": now - NEWEST_LABELS}
    with reading(engine) as connection:
        rows = {name: _rows(connection, question, times) for name, question in ask.items()}
    features: dict[Monitor, list[RowMapping]] = {}
    for row in rows["features"]:
        features.setdefault(_monitor(row), []).append(row)
    return ExportedFacts(
        at=now,
        models=rows["models"],
        windows={_monitor(row): row for row in rows["windows"]},
        features=features,
        alerts=rows["alerts"],
        watching=rows["watching"],
        ledger=rows["ledger"],
        balance=rows["balance"],
        figures=rows["figures"],
        groups=rows["groups"],
        passes={row["name"]: row["at"] for row in rows["passes"]},
    )


def _monitor(row: RowMapping) -> Monitor:
    return row["model"], row["version"]


def _rows(connection: Connection, question: sa.Select[Any], times: Mapping[str, datetime]) -> Sequence[RowMapping]:
    asked = {name: times[name] for name in question.compile().params if name in times}
    return connection.execute(question, asked).mappings().all()


@cache
def _questions(dialect: str) -> dict[str, sa.Select[Any]]:
    def view(name: str) -> sa.TableClause:
        return view_table(name, dialect)

    model, window, feature = view("v_model"), view("v_window"), view("v_feature_window")
    return {
        "models": sa.select(model).order_by(model.c.model, model.c.version),
        "windows": sa.select(window).select_from(model.join(window, _is_newest(window, model))).where(window.c.final),
        "features": sa.select(feature).select_from(model.join(feature, _is_newest(feature, model))),
        "alerts": _open_alerts(view("v_alert")),
        "watching": _wrong_now(view("v_health_alert")),
        "ledger": _last_hour(view("v_ledger")),
        "balance": _not_closing(view("v_balance")),
        "figures": _newest_figures(view("v_performance")),
        "groups": sa.select(view("v_group")),
        "passes": sa.select(view("v_pass")),
    }


def _is_newest(of: sa.TableClause, model: sa.TableClause) -> sa.ColumnElement[bool]:
    c, m = of.c, model.c
    spans = (c.span_start == m.last_span_start, c.span_end == m.last_span_end)
    return sa.and_(c.model == m.model, c.version == m.version, c.segment == "", *spans)


def _open_alerts(alert: sa.TableClause) -> sa.Select[Any]:
    by = (alert.c.model, alert.c.version, alert.c.kind, alert.c.severity)
    return sa.select(*by, sa.func.count().label("count")).where(alert.c.is_open).group_by(*by)


def _wrong_now(health: sa.TableClause) -> sa.Select[Any]:
    return sa.select(health.c.kind, health.c.severity, health.c.since).where(health.c.is_open)


def _last_hour(ledger: sa.TableClause) -> sa.Select[Any]:
    c = ledger.c
    counts = [column for column in c if column.name not in {"model", "version", "minute"}]
    sums = [sa.cast(sa.func.sum(count), sa.BigInteger).label(count.name) for count in counts]
    return sa.select(c.model, c.version, *sums).where(c.minute >= sa.bindparam("hour_ago")).group_by(c.model, c.version)


def _not_closing(balance: sa.TableClause) -> sa.Select[Any]:
    c = balance.c
    is_open = sa.func.sum(sa.case((c.difference != 0, 1), else_=0))
    records = sa.cast(sa.func.sum(sa.func.abs(c.difference)), sa.BigInteger)
    within = (c.minute >= sa.bindparam("hour_ago"), c.minute < sa.bindparam("settled"))
    group = c[GROUP]
    return sa.select(group, is_open.label("minutes"), records.label("records")).where(*within).group_by(group)


def _newest_figures(performance: sa.TableClause) -> sa.Select[Any]:
    c = performance.c
    own = (c.segment == "", c.figure.is_not(None), c.span_end > sa.bindparam("days_ago"))
    newest = sa.select(c.model, c.version, sa.func.max(c.span_end).label("span_end")).where(*own)
    ends = newest.group_by(c.model, c.version).subquery("ends")
    same = sa.and_(ends.c.model == c.model, ends.c.version == c.version, ends.c.span_end == c.span_end)
    # Hours and days may end together: the longer span has more labels.
    return sa.select(performance).join(ends, same).where(*own).order_by(c.span_start.desc())
