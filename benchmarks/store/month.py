"""A results database of a month: 50 models, one-minute windows, filled directly.

Rows come in the order of time, as a stream writes them. Only the newest `DETAILED` windows of a model carry a summary
and a judgement of full size, because the queries reach no further back; the others are short, to stay below 3 GB.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pegel.spec.names import inference_topic
from pegel.store.database import connect, migrate
from pegel.store.registry import Registry
from pegel.store.row_codec import flat, flat_finding
from pegel.testing.samples import (
    sample_finding,
    sample_heartbeat,
    sample_invalid,
    sample_ledger,
    sample_outlier,
    sample_spec,
    sample_window,
)

MODELS, DAYS = 50, 30
MINUTES = DAYS * 24 * 60
DETAILED = 600
DRIFTING_EVERY, OUTLIER_EVERY, INVALID_EVERY, ALERT_EVERY = 72, 14, 100, 1_440
MINUTE = timedelta(minutes=1)
START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
END = START + MINUTES * MINUTE
SUMMARY_BYTES, JUDGEMENT_BYTES = 12_000, 9_000
"""Of a window of 50 fields, as `benchmarks.store.writes` has them."""


def fill(path: Path, models: int = MODELS, minutes: int = MINUTES) -> None:
    """Make and fill the database."""
    engine = connect(f"sqlite:///{path}")
    migrate(engine)
    for number in range(models):
        Registry(engine).put(sample_spec(name(number)))
    engine.dispose()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -400000")
        connection.execute("BEGIN")
        insert(connection, "heartbeats", [flat(sample_heartbeat(END))])
        for first in range(0, minutes, 60):
            block = range(first, min(first + 60, minutes))
            insert(connection, "windows", _windows(block, models, minutes))
            insert(connection, "ledger", _ledger(block, models))
            insert(connection, "arrivals", _arrivals(block, models))
            insert(connection, "findings", _findings(block, models))
            insert(connection, "outliers", _outliers(block, models))
            insert(connection, "invalid", _invalid(block, models))
        connection.execute(
            "INSERT INTO inboxes SELECT model, version, max(seq), max(seq) FROM findings GROUP BY model, version"
        )
        connection.execute("COMMIT")
        connection.execute("PRAGMA optimize")


def name(number: int) -> str:
    """Return the name of a model."""
    return f"model-{number:02d}"


def _windows(block: range, models: int, minutes: int) -> Iterator[dict[str, Any]]:
    short = {"summary": bytes(64), "judgement": {}}
    text = "x" * (JUDGEMENT_BYTES // 60)
    full = {
        "summary": bytes(SUMMARY_BYTES),
        "judgement": {"features": [{"feature": f"f{at}", "p": 1e-3, "text": text} for at in range(50)]},
    }
    for minute in block:
        drifting = minute % DRIFTING_EVERY == 0
        row = flat(sample_window(minute)) | (full if minute >= minutes - DETAILED else short)
        for number in range(models):
            yield row | {"model": name(number), "verdict": "drift" if drifting else "ok"}


def _ledger(block: range, models: int) -> Iterator[dict[str, Any]]:
    for minute in block:
        row = {"group": "default"} | flat(sample_ledger(minute))
        for number in range(models):
            yield row | {"model": name(number)}


def _arrivals(block: range, models: int) -> Iterator[dict[str, Any]]:
    for minute in block:
        ledger = sample_ledger(minute)
        for partition in range(4):
            yield {
                "group": "default",
                "topic": inference_topic("default"),
                "partition": partition,
                "minute": ledger.minute,
                "records": ledger.arrived * models // 4,
            }


def _findings(block: range, models: int) -> Iterator[dict[str, Any]]:
    for minute in block:
        if minute % DRIFTING_EVERY == 0:
            finding = sample_finding(minute, "f0")
            for number in range(models):
                yield flat_finding(replace(finding, model=name(number)))


def _outliers(block: range, models: int) -> Iterator[dict[str, Any]]:
    for minute in block:
        if minute % OUTLIER_EVERY == 0:
            row = flat(sample_outlier(f"event-{minute}", minute))
            for number in range(models):
                yield row | {"model": name(number)}


def _invalid(block: range, models: int) -> Iterator[dict[str, Any]]:
    for minute in block:
        if minute % INVALID_EVERY == 0:
            row = flat(sample_invalid(minute))
            for number in range(models):
                yield row | {"model": name(number)}


def insert(connection: sqlite3.Connection, table: str, rows: Any) -> None:
    """Insert rows as they lie in the database."""
    plain = [{key: _plain(value) for key, value in row.items()} for row in rows]
    if plain:
        columns = ", ".join(f'"{key}"' for key in plain[0])
        places = ", ".join(f":{key}" for key in plain[0])
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", plain)  # noqa: S608  names are ours


def _plain(value: Any) -> Any:
    """Return a value as the column types store it on SQLite."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ", "microseconds")
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    return value
