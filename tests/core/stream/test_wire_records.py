"""Arrow batches as events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from pegel.data.events import LoggedEvent
from pegel.data.instants import to_us
from pegel.data.wire import REQUEST_TYPE
from pegel.errors import InvalidPayload
from pegel.stream.wire_records import all_headers, header, records, times_us

AT = datetime(2026, 3, 1, tzinfo=UTC)
HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))


def batch(*headers: list[tuple[str, bytes | None]] | None) -> pa.RecordBatch:
    """Return a batch with these headers, one second apart."""
    rows = [None if one is None else [{"key": key, "value": value} for key, value in one] for one in headers]
    return pa.RecordBatch.from_pydict(
        {
            "value": pa.array([b""] * len(rows), pa.binary()),
            "headers": pa.array(rows, HEADERS),
            "timestamp": pa.array([AT + timedelta(seconds=i) for i in range(len(rows))], pa.timestamp("ms", "UTC")),
        }
    )


def test_a_header_is_found_in_whatever_row_it_stands() -> None:
    """Rows without headers and with null ones keep their places; of a repeated header the last value counts."""
    found = batch([("a", b"1"), ("b", b"2")], None, [], [("a", None)], [("a", b"3"), ("a", b"4")]).column("headers")

    assert [b"1", None, None, None, b"4"] == header(found, "a")
    assert [None] * 5 == header(found, "absent")


def test_a_slice_of_a_batch_keeps_its_headers() -> None:
    """Arrow batches may be views into larger ones; headers still belong to their rows."""
    whole = batch([("a", b"0")], [("a", b"1")], [("b", b"x"), ("a", b"2")])

    assert [b"1", b"2"] == header(whole.slice(1).column("headers"), "a")
    assert [("b", b"x"), ("a", b"2")] == all_headers(whole.slice(1), 1)


def test_an_unreadable_record_keeps_its_place_and_reason() -> None:
    """A record without the required headers is reported where it stands; the others are events with their times."""
    good: list[tuple[str, bytes | None]] = [
        ("ce_id", b"e1"),
        ("ce_type", REQUEST_TYPE.encode()),
        ("ce_inferenceservicename", b"delays-v1"),
    ]
    both = batch(None, good)
    first, second = records(both, times_us(both))

    assert isinstance(first.event, InvalidPayload)
    assert ("missing_header", 0) == (first.event.kind, first.place)
    assert isinstance(second.event, LoggedEvent)
    assert ("e1", to_us(AT) + 1_000_000, 1) == (second.event.id, second.event.time_us, second.place)
