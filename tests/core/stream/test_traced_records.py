"""Records that ask for spans: found in every form of headers, bounded, and told with whose windows they are in."""

from __future__ import annotations

import numpy as np

from pegel.data.compact_headers import Headers, compacted
from pegel.data.wire import REQUEST_TYPE, TRACEPARENT
from pegel.stream.traced_records import TracedRecord, traced_records
from pegel.stream.wire_records import Records, attributes_of

PLAIN = [("ce_id", b"e1"), ("ce_type", REQUEST_TYPE.encode()), ("ce_inferenceservicename", b"delays-v1")]
ASKS = (TRACEPARENT, b"00-1-2-01")


def found(*headers: Headers, most: int = 16) -> tuple[list[TracedRecord], int]:
    """Return what is found in records with these headers."""
    count = len(headers)
    times, keys = np.arange(count), [b"e1"] * count
    records = Records(("topic", 3), np.arange(count) + 100, times, keys, [b""] * count, list(headers))
    said = attributes_of(keys, headers)
    return traced_records(records, said, times, lambda attributes: attributes.endpoint, most=most)


def test_a_record_that_asks_is_told_in_either_form() -> None:
    """As our logger writes it, and with a header for each attribute; what asks for nothing is not."""
    told, more = found(compacted(b"e1", PLAIN), compacted(b"e1", [*PLAIN, ASKS]), PLAIN, [ASKS, *PLAIN])

    assert [
        TracedRecord("00-1-2-01", ("topic", 3), 101, "e1", "delays-v1", 1),
        TracedRecord("00-1-2-01", ("topic", 3), 103, "e1", "delays-v1", 3),
    ] == told
    assert 0 == more


def test_what_is_no_event_has_no_windows() -> None:
    """A record that nobody can read may ask all the same: it is told without a monitor."""
    ((record,), _) = found([ASKS])

    assert ("", "") == (record.key, record.event_id)


def test_a_flood_is_counted() -> None:
    """So many of a task are told, the others counted; headers that are too long ask for nothing."""
    long = (TRACEPARENT, b"0" * 129)
    told, more = found(*[[*PLAIN, ASKS]] * 20, [*PLAIN, long], [*PLAIN, (TRACEPARENT, None)], most=16)

    assert (16, 4) == (len(told), more)
