"""Outlying rows told as their requests come are those that are told where they are counted."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.data.columns import Columns, Field, Kind, Schema
from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.spec.monitor_spec import Watch, Windowing
from pegel.stream.counting_plan import CountingPlan, MonitorPlan
from pegel.stream.counting_task import CountingTask
from pegel.stream.outlying import outlier_row, published
from pegel.stream.realtime_scoring import RealtimeScoring
from pegel.stream.result_rows import OutlierRow
from pegel.stream.task_output import together
from pegel.testing.samples import baseline_of
from pegel.testing.stream_fakes import FixedBaselines, LoggedRecord, as_read, in_avro

NOW = datetime.fromisoformat("2026-03-08T12:00:00+00:00")
SCHEMA = Schema(
    (
        Field("amount", Kind.NUMERIC),
        Field("shop", Kind.CATEGORICAL),
        Field("age", Kind.NUMERIC),
    )
)
HALF = 10_000.0
"""Of as many rows a day: a cut-off that so many random rows exceed that a test sees both sides of it."""


def watched() -> tuple[MonitorPlan, FixedBaselines]:
    """Return the plan of one model with windows of a minute, and its baseline."""
    rng = np.random.default_rng(5)
    amounts, ages = rng.gamma(2.0, 40.0, 2_000), rng.normal(40, 12, 2_000)
    shops = rng.choice(np.array(["a", "b", "1", "1.5"], dtype=object), 2_000)
    values = {"amount": amounts, "shop": shops, "age": ages}
    rows = Columns(2_000, np.stack([amounts, ages], axis=1), None, (shops,), (None,))
    watch = Watch(outliers_per_day=HALF, rows_per_day=2 * HALF)
    baselines = FixedBaselines()
    name = baselines.put(baseline_of(SCHEMA, values, rows, model="shop", watch=watch))
    return MonitorPlan("shop/1", Windowing(length=timedelta(minutes=1)), (name,)), baselines


MONITOR, BASELINES = watched()


def logged(body: bytes, number: int = 0, kind: str = REQUEST_TYPE, at: datetime = NOW) -> LoggedRecord:
    """Return an event of the model."""
    return LoggedRecord(f"e{number}", kind, "shop-v1", body, at)


def counted(records: Sequence[LoggedRecord], monitor: MonitorPlan = MONITOR) -> list[OutlierRow]:
    """Return the outlying rows that counting finds."""
    task = CountingTask(CountingPlan.at(NOW, {"shop-v1": monitor}), BASELINES.load)
    partials = together(task.run(as_read(list(records)))).partials
    return [outlier_row(partial.key, event) for partial in partials for event in partial.outliers]


def at_once(records: Sequence[LoggedRecord], step: int = 1, monitor: MonitorPlan = MONITOR) -> list[OutlierRow]:
    """Return the outlying rows that are told as records come, so many at a time."""
    scoring = RealtimeScoring(BASELINES.load, {"shop-v1": monitor})
    rows = []
    for first in range(0, len(records), step):
        for some in as_read(list(records[first : first + step])):
            rows += scoring.outliers(some, NOW)
    return rows


def by_key(rows: Sequence[OutlierRow]) -> list[OutlierRow]:
    """Return rows in the order of their keys."""
    return sorted(rows, key=lambda row: (row.event_id, row.row))


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(width=64),
    st.floats(0, 200),
    st.integers(-(10**30), 10**30),
    st.sampled_from(
        ["a", "b", "1", 1.0, 1.5, "1.50", "inf", "nan", " 12 ", "1e5d", "TRUE", "", "1,000", "\u00e9", 10**400]
    ),
    st.lists(st.floats(0, 200), max_size=2),
    st.text(max_size=3),
)
ROWS = st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=4)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Draw a body in one of the shapes that servers send, or one that is none."""
    rows: list[tuple[Any, Any, Any]] = draw(ROWS)
    shape = draw(st.sampled_from(["lists", "objects", "tensors", "gzip", "short", "broken"]))
    if shape == "objects":
        return json.dumps(
            {"instances": [dict(zip(("amount", "shop", "age"), row, strict=True)) for row in rows]}
        ).encode()
    if shape == "tensors":
        columns = zip(("amount", "shop", "age"), zip(*rows, strict=True), strict=True)
        tensors = [{"name": n, "shape": [len(rows)], "datatype": "BYTES", "data": list(c)} for n, c in columns]
        return json.dumps({"inputs": tensors}).encode()
    body = json.dumps({"instances": [list(row) for row in rows]}).encode()
    if shape == "gzip":
        return gzip.compress(body)
    if shape == "short":
        return json.dumps({"instances": [list(row[:2]) for row in rows]}).encode()
    return body[:-2] if shape == "broken" else body


@given(sent=st.lists(st.tuples(bodies(), st.booleans()), min_size=1, max_size=6), step=st.integers(1, 6))
def test_scores_are_those_of_counting(sent: list[tuple[bytes, bool]], step: int) -> None:
    """Whatever a body holds and however records come together, scores and reasons are the same to the last bit.

    So they are where some of them are messages of Hopsworks, which hold text.
    """
    events = [logged(body, number) for number, (body, _) in enumerate(sent)]
    are_avro = [wanted and body.isascii() for body, wanted in sent]
    records = [in_avro(event) if is_avro else event for event, is_avro in zip(events, are_avro, strict=True)]

    assert by_key(counted(records)) == by_key(at_once(records, step))


FAR_OUT = json.dumps({"instances": [[1e9, "zz", -1e9]]}).encode()


def test_a_row_far_out_is_told_whatever_logged_it() -> None:
    """A message of Hopsworks is told as the CloudEvent that says the same, with one score."""
    (event,), (message,) = at_once([logged(FAR_OUT)]), at_once([in_avro(logged(FAR_OUT))])

    assert event == message


def test_a_row_far_out_is_told_once() -> None:
    """A copy of an event, at once or later, is not told again."""
    records = [logged(FAR_OUT), logged(FAR_OUT), logged(FAR_OUT, 1)]

    assert [("e0", 0), ("e1", 0)] == [(row.event_id, row.row) for row in at_once(records)]


@pytest.mark.parametrize(
    ("record", "monitor"),
    [
        (logged(json.dumps({"predictions": [1e9]}).encode(), kind=RESPONSE_TYPE), MONITOR),
        (logged(FAR_OUT), replace(MONITOR, current=())),
        (logged(FAR_OUT), replace(MONITOR, current=("sha256:unknown",))),
        (logged(FAR_OUT, at=NOW - timedelta(hours=2)), replace(MONITOR, frontier=NOW - timedelta(hours=1))),
    ],
    ids=["a response", "no baseline", "a damaged baseline", "a closed window"],
)
def test_what_counting_does_not_tell_is_not_told_before(record: LoggedRecord, monitor: MonitorPlan) -> None:
    """Answers, models without a baseline that can be used, and events that come too late have no outliers."""
    assert ([], []) == (counted([record], monitor), at_once([record], monitor=monitor))


def test_a_flood_is_told_in_part() -> None:
    """Of one pane so many rows are told and no more; the others are told where they are counted."""
    scoring = RealtimeScoring(BASELINES.load, {"shop-v1": MONITOR}, most_told=3)
    records = [logged(FAR_OUT, number) for number in range(5)]
    rows = [row for some in as_read(records) for row in scoring.outliers(some, NOW)]

    assert ["e0", "e1", "e2"] == [row.event_id for row in rows]


def test_what_is_published_names_the_row() -> None:
    """Model, version, event id and row are those of the stored row, so that a reader knows what it has already."""
    told = orjson.loads(published(at_once([logged(FAR_OUT)])[0]))

    assert ("shop", 1, "e0", 0) == (told["model"], told["version"], told["event_id"], told["row"])


def test_what_is_remembered_has_a_bound_over_all_panes() -> None:
    """However many panes each have many outliers, no more rows are remembered; of the newest pane all are."""
    scoring = RealtimeScoring(BASELINES.load, {"shop-v1": MONITOR}, most_remembered=20)
    for minute in range(30):
        records = [logged(FAR_OUT, 10 * minute + at, at=NOW + timedelta(minutes=minute)) for at in range(5)]
        for some in as_read(records):
            scoring.outliers(some, NOW + timedelta(minutes=minute))
    again = [row for some in as_read(records) for row in scoring.outliers(some, NOW + timedelta(minutes=minute))]

    assert (True, []) == (0 < scoring.remembered <= 20, again)


def test_panes_without_outliers_are_not_remembered() -> None:
    """A model that runs for months leaves nothing behind where nothing was told."""
    scoring = RealtimeScoring(BASELINES.load, {"shop-v1": MONITOR})
    for some in as_read([logged(json.dumps({"instances": [[80.0, "a", 40.0]]}).encode())]):
        scoring.outliers(some, NOW)

    assert {} == scoring._told


def test_why_a_model_is_passed_over_is_known_until_it_works() -> None:
    """A baseline that cannot be loaded has its reason under the model's key, and none once another can be."""
    scoring = RealtimeScoring(BASELINES.load)
    seen = []
    for current in (("sha256:unknown",), MONITOR.current):
        scoring.monitors = {"shop-v1": replace(MONITOR, current=current)}
        for some in as_read([logged(FAR_OUT)]):
            scoring.outliers(some, NOW)
        seen.append(sorted(scoring.failing))

    assert [["shop/1"], []] == seen
