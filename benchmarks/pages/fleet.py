"""A results database of many models over a month, filled directly: 200 models, windows of an hour.

Only the newest windows of a model carry a judgement of full size, because pages read no further back; the ledger is of
the newest day.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from benchmarks.store.month import JUDGEMENT_BYTES, SUMMARY_BYTES, insert
from sqlalchemy.engine import Engine

from pegel.alerts.alert import Alert, AlertFeature, Change
from pegel.data.spans import Span
from pegel.store.alert_store import AlertStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, migrate
from pegel.store.registry import Registry
from pegel.store.row_codec import flat
from pegel.store.tables import metadata
from pegel.testing.samples import (
    sample_baseline,
    sample_finding,
    sample_heartbeat,
    sample_ledger,
    sample_spec,
    sample_window,
)

DAYS = 30
STEP = timedelta(hours=1)
PER_DAY = timedelta(days=1) // STEP
DETAILED = 12
FIELDS = 20
LEDGER_MINUTES = 120
ALERTING_EVERY = 9
START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
END = START + timedelta(days=DAYS)


def name(number: int) -> str:
    """Return the name of a model."""
    return f"model-{number:03d}"


def fill(path: Path, models: int, days: int = DAYS) -> None:
    """Make and fill a file: `models` models in four namespaces, some with an open alert."""
    engine = connect(f"sqlite:///{path}")
    _register(engine, models)
    engine.dispose()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for table, rows in _rows(models, days):
            insert(connection, table, rows)
        connection.execute("COMMIT")
        connection.execute("PRAGMA optimize")


def fill_server(engine: Engine, models: int, days: int = DAYS) -> None:
    """Make and fill an empty database of PostgreSQL alike."""
    _register(engine, models)
    with engine.begin() as connection:
        for table, rows in _rows(models, days):
            connection.execute(sa.insert(metadata.tables[table]), list(rows))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # As its own housekeeping does some time after so many rows.
        connection.exec_driver_sql("VACUUM ANALYZE")


def _register(engine: Engine, models: int) -> None:
    migrate(engine)
    baselines = BaselineStore(engine)
    for number in range(models):
        own = {"emails": [f"team-{number % 4}@example.org"]}
        Registry(engine).put(sample_spec(name(number), alerts=own, windowing={"length": 3600}))
        made = sample_baseline(fields=FIELDS, model=name(number), version=1)
        baselines.put(made)
        baselines.promote(name(number), 1, made.id, None, by="benchmark", now=START)
        if number % ALERTING_EVERY == 0:
            _alert(AlertStore(engine), name(number))


def _rows(models: int, days: int) -> Iterator[tuple[str, Iterable[dict[str, Any]]]]:
    """Yield rows of tables, a step of time at once."""
    yield "heartbeats", [flat(sample_heartbeat(END))]
    for number in range(days * PER_DAY):
        yield "windows", _windows(END - (number + 1) * STEP, models, detailed=number < DETAILED)
    for number in range(LEDGER_MINUTES):
        yield "ledger", _ledger(END - (number + 1) * timedelta(minutes=1), models)


def _alert(store: AlertStore, model: str) -> None:
    begin = END - STEP
    finding = sample_finding(model=model, span=Span(begin, END))
    about = AlertFeature(feature=finding.feature, since=begin, unbroken_since=begin, finding=finding)
    own: dict[str, Any] = {"model": model, "version": 1, "opened_at": END, "since": begin, "last_end": END}
    alert = Alert(id=finding.id, features=(about,), **own)
    store.save(Change(key=f"{model}/1", alert=alert, mail=None, cursor=None, at=END))


def _windows(begin: datetime, models: int, *, detailed: bool) -> Iterator[dict[str, Any]]:
    text = "x" * (JUDGEMENT_BYTES // 60)
    judgement = {"features": [{"feature": f"f{at}", "p": 1e-3, "text": text} for at in range(50)]} if detailed else {}
    summary = bytes(SUMMARY_BYTES if detailed else 64)
    row = flat(sample_window(span=Span(begin, begin + STEP), summary=summary)) | {"judgement": judgement}
    for number in range(models):
        yield row | {"model": name(number)}


def _ledger(minute: datetime, models: int) -> Iterator[dict[str, Any]]:
    row = {"group": "default"} | flat(replace(sample_ledger(), minute=minute))
    for number in range(models):
        yield row | {"model": name(number)}
