"""A real results database and feature store with something in them, made by the code that makes them in service."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.database import writing
from pegel.store.offsets import advance_offsets
from pegel.stream.commit import ReadRange
from pegel.stream.result_rows import Heartbeat
from pegel_airflow import services


def spec(**changes: object) -> MonitorSpec:
    """Return the wish of these tests: `delays` version 1, windows of 10 s, mails to Ada."""
    data: dict[str, object] = {
        "model": {"name": "delays", "uri": "file:///models/delays"},
        "baseline": {"source": "local://delays"},
        "windowing": {"length": 10, "lateness": 2},
        "alerts": {"emails": ["ada@example.org"]},
    }
    return MonitorSpec.parse(data | changes)


EXPECTATIONS: list[object] = [
    "derived",
    {
        "name": "contract with the airport",
        "made": "2026-11-29",
        "expectations": [
            {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1_000}},
            {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "airline", "regex": "^[A-Z0-9]{2}$"}},
        ],
    },
]
"""What follows from the baseline, a rule that windows of 250 rows break, and one that counts cannot tell."""


def heartbeat(
    wish: MonitorSpec,
    *,
    fingerprint: str,
    generation: int = 1,
    age: timedelta = timedelta(0),
    baselines: dict[str, str] | None = None,
) -> Heartbeat:
    """Return what the driver of `wish`'s group said `age` ago."""
    at = datetime.now(UTC) - age
    return Heartbeat(
        group=wish.group,
        generation=generation,
        fingerprint=fingerprint,
        batch_id=7,
        lag=0,
        event_time_head=at,
        at=at,
        started_at=at - timedelta(minutes=1),
        progressed_at=at,
        pid=4711,
        specs={wish.key: wish.fingerprint()},
        baselines=baselines or {},
    )


def count_records(settings: Settings, wish: MonitorSpec) -> None:
    """Let the stream have counted records of `wish`'s model, none of which is archived."""
    read = ReadRange(topic=wish.inference_topic, partition=0, start=0, end=60, records=60)
    with writing(services.engine(settings.database)) as connection:
        advance_offsets(connection, wish.group, [read], datetime.now(UTC))
