"""Values of private fields: wherever something of a row is written, they are not."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.keyed_hash import NO_SECRET, KeyedHash
from pegel.data.private_fields import PrivateFields
from pegel.data.wire import HEADER_METADATA, REQUEST_TYPE, RESPONSE_TYPE
from pegel.spec.monitor_spec import Windowing
from pegel.stats.summary import Summary
from pegel.stream.counting_plan import CountingPlan, MonitorPlan
from pegel.stream.counting_task import CountingTask
from pegel.stream.outlying import outlier_row, published
from pegel.stream.task_output import TaskOutput, together
from pegel.testing.samples import brief_spec, trained_on
from pegel.testing.stream_fakes import FixedBaselines, LoggedRecord, as_read

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOPIC = "pegel.default.inference"
SCHEMA = Schema(
    (
        Field("distance", Kind.NUMERIC),
        Field("carrier", Kind.CATEGORICAL),
        Field("delay", Kind.NUMERIC, Role.PREDICTION),
    )
)
HASHED = KeyedHash("0123456789abcdef")
WAYS = {"carrier": "hash", "distance": "drop", "delay": "hash"}


def forms(text: str, number: float) -> list[bytes]:
    """Return a text and a number as they may be written."""
    texts = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    return [*(form.encode() for form in texts), repr(number).encode(), struct.pack("<d", number), number.hex().encode()]


def records(text: str, number: float, endpoint: str = "delays-v1") -> list[LoggedRecord]:
    """Return events that hold both values: readable, unreadable in several ways, and of nobody."""
    whole = json.dumps({"instances": [[number, text]]}, ensure_ascii=False).encode()
    bodies = {
        (REQUEST_TYPE, endpoint): [whole, whole[:-1], json.dumps({"instances": [[text, {text: number}, 1]]}).encode()],
        (RESPONSE_TYPE, endpoint): [json.dumps({"predictions": [text]}).encode(), json.dumps({text: number}).encode()],
        (REQUEST_TYPE, "nobody-v1"): [whole],
    }
    return [
        LoggedRecord(f"p{kind[-4:]}{at}{name}", kind, name, body, BEGIN + timedelta(seconds=at))
        for (kind, name), own in bodies.items()
        for at, body in enumerate(own)
    ]


@lru_cache
def baselines() -> tuple[FixedBaselines, str]:
    """Return a baseline of the schema."""
    kept = FixedBaselines()
    spec = brief_spec(watch={"statistics": ["quantiles", "distinct"], "outliers_per_day": 500})
    rng = np.random.default_rng(7)
    columns = {"distance": rng.gamma(2.0, 400.0, 4_000), "carrier": rng.choice(["AA", "DL", "WN"], 4_000)}
    training = pa.table(columns | {"delay": rng.normal(5.0, 10.0, 4_000)})
    return kept, kept.put(trained_on(training, SCHEMA, spec, spec.watch.statistics))


def counted(private: PrivateFields, sent: list[LoggedRecord]) -> TaskOutput:
    """Count records of a monitor with private fields."""
    kept, name = baselines()
    monitor = MonitorPlan("delays/1", Windowing(), (name,), private=private)
    plan = CountingPlan.at(BEGIN + timedelta(minutes=1), {"delays-v1": monitor})
    placed = [record.moved(TOPIC, 0, at) for at, record in enumerate(sent)]
    return together(CountingTask(plan, kept.load).run(as_read(placed)))


def written(output: TaskOutput) -> Iterator[bytes]:
    """Yield everything that a task's output leads to: parts of panes, rows of results, records on topics."""
    for partial in output.partials:
        yield partial.to_bytes()
        for name, data in partial.summaries.items():
            yield Summary.from_bytes(data, baselines()[0].baseline(name).layout).ranges.tobytes()
        yield from (published(outlier_row("delays/1", event)) for event in partial.outliers)
    for letter in output.letters:
        yield letter.value
        yield from (value for _, value in letter.headers)


def leaking(texts: Iterable[bytes], values: list[bytes]) -> list[bytes]:
    """Return the values that stand in any of some texts."""
    whole = b"\n".join(texts)
    return [value for value in values if value in whole]


usual = [
    LoggedRecord(f"u{at}", REQUEST_TYPE, "delays-v1", json.dumps({"instances": [[100.0 + at, "AA"]]}).encode(), BEGIN)
    for at in range(9)
]
secrets = st.tuples(st.text('abcxyzäß"\\\n€', min_size=5, max_size=9), st.floats(1e5, 1e9).map(lambda x: x + 1 / 7))


@given(secrets, st.fixed_dictionaries({name: st.sampled_from(["hash", "drop"]) for name in WAYS}), st.booleans())
def test_no_private_value_leaves_a_task(secret: tuple[str, float], ways: dict[str, str], has_secret: bool) -> None:
    """Neither counts, nor outliers, nor samples of what cannot be read, nor dead letters have one, in any form."""
    private = PrivateFields(ways, HASHED if has_secret else NO_SECRET)
    output = counted(private, [*usual, *records(*secret)])

    assert [] == leaking(written(output), forms(*secret))
    assert 1 == sum(len(partial.outliers) for partial in output.partials)


def test_the_same_is_found_where_nothing_is_private() -> None:
    """What the test above looks for is there to be found: text, number, and the number as it is packed."""
    text, number = "passenger-1047", 98_765_432.109
    found = leaking(written(counted(PrivateFields(), [*usual, *records(text, number)])), forms(text, number))

    assert [text.encode(), repr(number).encode(), struct.pack("<d", number)] == found


def test_metadata_of_dead_letters_is_left_out() -> None:
    """It may hold the parts of an entity's key."""
    output = counted(PrivateFields(WAYS, HASHED), records("passenger-1047", 1e9 / 7))

    assert [] == [letter for letter in output.letters if HEADER_METADATA in dict(letter.headers)]
    assert {b""} == {letter.value for letter in output.letters}


def test_no_private_value_is_in_the_database(
    tmp_path: Path, new_group: Callable[[Path], AbstractContextManager[Any]]
) -> None:
    """Windows, findings about single events, outliers, unreadable events, open panes: none of them has one."""
    text, number = "passenger-1047", 98_765_432.109
    with new_group(tmp_path) as group:
        group.hashed = HASHED
        alerts: dict[str, Any] = {"outliers": "page", "outlier_pages_per_week": 1_000}
        group.watch(archive={"private": WAYS}, alerts=alerts)
        state = group.start()
        group.send(state, [*group.pairs(0, 300), *records(text, number)])
        group.send(state, group.pairs(300, 301, at=60.0))
        outliers = [row for row in group.results.outliers("delays", 1) if row.event_id.startswith("p")]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]

    assert [] == leaking(files, forms(text, number))
    reasons = {reason["feature"]: reason["value"] for row in outliers for reason in row.reasons}
    assert {"distance": "(private)", "carrier": HASHED.of("carrier", text)} == reasons


@pytest.mark.parametrize(("value", "same"), [(14, 14.0), (14.0, "14"), ("14", 14)])
def test_equal_values_have_one_hash(value: object, same: object) -> None:
    """A number, and its text: labels join by it, whoever wrote them."""
    private = PrivateFields({"gate": "hash"}, HASHED)

    assert private.told("gate", value) == private.told("gate", same)
    assert replace(private, ways={"gate": "drop"}).told("gate", value) == "(private)"
