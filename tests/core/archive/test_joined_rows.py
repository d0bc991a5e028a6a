"""Rows of requests with those of their answers beside them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.archive.half_rows import RowMaking
from pegel.archive.joined_rows import joined
from pegel.archive.logged_events import EVENTS
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.instants import to_us
from pegel.data.keyed_hash import KeyedHash
from pegel.data.private_fields import PrivateFields

pytestmark = pytest.mark.environments("pyarrow")

NOON_US = to_us(datetime(2026, 11, 29, 12, tzinfo=UTC))
SECOND_US, MINUTE_US, HOUR_US = 1_000_000, 60_000_000, 3_600_000_000
SCHEMA = Schema(
    (
        Field("distance", Kind.NUMERIC),
        Field("carrier", Kind.CATEGORICAL),
        Field("delay", Kind.NUMERIC, Role.PREDICTION),
        Field("class", Kind.CATEGORICAL, Role.PREDICTION),
    )
)
MAKING = RowMaking(SCHEMA, ("flight",), PrivateFields())


def event(name: str, offset: int, rows: list[list[Any]], *, answer: bool = False, after_us: int = 0) -> dict[str, Any]:
    """Return an event as it is read from the broker."""
    return {
        "key": "delays/1",
        "event_id": name,
        "is_answer": answer,
        "time_us": NOON_US + after_us,
        "replaced": None,
        "entities": None if answer else json.dumps([[f"AA {at}"] for at in range(len(rows))]),
        "topic": "pegel.default.inference",
        "partition": 0,
        "offset": offset,
        "body": json.dumps({"predictions" if answer else "instances": rows}).encode(),
    }


def rows_of(events: list[dict[str, Any]], making: RowMaking = MAKING) -> pa.Table:
    """Return events read together as joined rows."""
    tables = [
        pa.Table.from_pylist([one for one in events if one["is_answer"] is kind], EVENTS) for kind in (False, True)
    ]
    return joined([making.requests(tables[0])[0], making.answers(tables[1])[0]], making.columns, MINUTE_US)


def told(rows: pa.Table) -> list[tuple[Any, ...]]:
    """Return what is looked at of rows."""
    names = ("event_id", "row", "offset", "answer_offset", "f_distance", "p_delay", "latency_ms", "e_flight")
    return [tuple(row[name] for name in names) for row in rows.to_pylist()]


def test_a_long_body_is_in_memory_once() -> None:
    """Making the rows of a body takes about as much as these do, not a body for each."""
    rows = [[float(at), "x" * 1_000] for at in range(300)]
    events = pa.Table.from_pylist([event("a", 1, rows)], EVENTS)
    usual, watched = pa.default_memory_pool(), pa.system_memory_pool()
    pa.set_memory_pool(watched)
    try:
        made, _ = MAKING.requests(events)
    finally:
        pa.set_memory_pool(usual)

    assert 300 == made.num_rows
    assert 0 < (watched.max_memory() or 0) < 10 * events.nbytes


def test_an_answer_stands_beside_its_request() -> None:
    """Row by row, with the latency; a request without an answer stands alone, its predictions are null."""
    events = [
        event("a", 1, [[1.0, "AA"], [2.0, "WN"]]),
        event("a", 2, [[10.0, "late"], [20.0, "early"]], answer=True, after_us=1_500),
        event("b", 3, [[3.0, None]]),
    ]

    assert [
        ("a", 0, 1, 2, 1.0, 10.0, 1.5, "AA 0"),
        ("a", 1, 1, 2, 2.0, 20.0, 1.5, "AA 1"),
        ("b", 0, 3, None, 3.0, None, None, "AA 0"),
    ] == told(rows_of(events))


def test_what_does_not_fit_has_rows_of_its_own() -> None:
    """An answer with another number of rows, one that came hours later, and one without a request are all kept."""
    events = [
        event("a", 1, [[1.0, "AA"], [2.0, "WN"]]),
        event("a", 2, [[10.0, "late"]], answer=True),
        event("b", 3, [[3.0, "AA"]]),
        event("b", 4, [[30.0, "late"]], answer=True, after_us=2 * HOUR_US),
        event("c", 5, [[40.0, "late"]], answer=True),
    ]
    found = told(rows_of(events))

    assert [(1, None), (1, None), (3, None)] == [row[2:4] for row in found[:3]]
    assert [("a", None, 10.0), ("b", None, 30.0), ("c", None, 40.0)] == [(row[0], row[2], row[5]) for row in found[3:]]


def test_an_answer_alone_says_that_features_were_replaced() -> None:
    """What the stream does not count of a request with replaced features it does not count of its answer either."""
    alone = event("a", 1, [[10.0, "late"]], answer=True) | {"replaced": "stale"}

    assert ["stale"] == rows_of([alone])["replaced"].to_pylist()


def test_copies_are_folded_and_repetitions_are_not() -> None:
    """A copy in the pane of its event is one event; its id an hour later is another, answered by its own answer."""
    events = [
        event("a", 1, [[1.0, "AA"]]),
        event("a", 2, [[10.0, "late"]], answer=True),
        event("a", 3, [[1.0, "AA"]]),
        event("a", 4, [[10.0, "late"]], answer=True),
        event("a", 5, [[2.0, "AA"]], after_us=HOUR_US),
        event("a", 6, [[20.0, "late"]], answer=True, after_us=HOUR_US),
    ]

    assert [(1, 2, 1.0, 10.0), (5, 6, 2.0, 20.0)] == [row[2:6] for row in told(rows_of(events))]


def test_what_no_field_holds_is_named() -> None:
    """A value that is there and cannot be read is null, and its column is named; null is only null."""
    events = [
        event("a", 1, [["far", "AA"], [None, {"x": 1}]]),
        event("a", 2, [[1.0, {"x": 1}], ["soon", "late"]], answer=True),
    ]
    rows = rows_of(events)

    assert [["f_distance", "p_class"], ["f_carrier", "p_delay"]] == rows["unparseable"].to_pylist()
    assert [None, None] == rows["f_distance"].to_pylist()


def test_private_values_are_in_no_row() -> None:
    """A hash stands in place of a value, the same for equal ones; what is dropped has no column at all."""
    private = PrivateFields({"carrier": "hash", "distance": "drop", "flight": "hash"}, KeyedHash("0123456789abcdef"))
    making = RowMaking(SCHEMA, ("flight",), private)
    rows = rows_of([event("a", 1, [[17.5, "AA"], [18.5, "AA"], [19.5, None]])], making)
    first, second, third = rows["hashed_f_carrier"].to_pylist()

    assert (True, None) == (first == second == private.hashed.of("carrier", "AA"), third)
    assert private.hashed.of("flight", "AA 0") == rows["hashed_e_flight"][0].as_py()
    assert not {"f_carrier", "f_distance", "e_flight"} & {*rows.column_names}


streams = st.lists(
    st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(1, 3), st.sampled_from([0, 5, 70, 4_000])),
    min_size=1,
    max_size=12,
)


@given(streams, st.lists(st.integers(0, 12), max_size=3), st.integers(0, 12))
def test_it_does_not_matter_in_how_many_goes_events_come(
    stream: list[tuple[str, bool, int, int]], cuts: list[int], again: int
) -> None:
    """Rows that were joined are joined with more of them, also with some that are in them: as if all came at once."""
    events = [
        event(name, at, [[float(at), "AA"]] * rows, answer=answer, after_us=after * SECOND_US)
        for at, (name, answer, rows, after) in enumerate(stream)
    ]
    ends = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    kept = MAKING.columns.empty_table()
    for start, end in pairwise(ends):
        go = rows_of(events[max(0, start - again) : end])
        kept = joined([kept, go], MAKING.columns, MINUTE_US)
    whole = rows_of(events)

    assert Counter(told(whole)) == Counter(told(kept))
    assert sorted(map(str, whole.to_pylist())) == sorted(map(str, kept.to_pylist()))
