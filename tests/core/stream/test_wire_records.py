"""Records as events: what headers say, for all records at once."""

from __future__ import annotations

import numpy as np
import pytest

from pegel.data.compact_headers import Headers, compacted
from pegel.data.events import EventAttributes, EventType
from pegel.data.wire import HEADER_SHARED, REQUEST_TYPE
from pegel.errors import InvalidPayload
from pegel.stream.wire_records import Records, alike, attributes_of

GOOD: list[tuple[str, bytes | None]] = [
    ("ce_id", b"e1"),
    ("ce_type", REQUEST_TYPE.encode()),
    ("ce_inferenceservicename", b"delays-v1"),
]
SAID = EventAttributes(EventType.REQUEST, "delays-v1", "")


def test_events_that_say_the_same_share_their_attributes() -> None:
    """Events come by what their headers say, with their places; of a header that is repeated the last value counts."""
    other = [*GOOD, ("ce_inferenceservicename", b"fraud-v1")]
    said = attributes_of([b""] * 3, [GOOD, other, [("ce_id", b"e2"), *GOOD[1:]]])

    assert [b"e1", b"e1", b"e2"] == said.ids
    assert [(SAID, [0, 2]), (EventAttributes(EventType.REQUEST, "fraud-v1", ""), [1])] == [
        (attributes, places.tolist()) for attributes, places in said.by_attributes()
    ]


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ([], "missing_header"),
        ([("ce_id", None)], "missing_header"),
        ([("ce_id", b""), *GOOD[1:]], "missing_header"),
        (GOOD[:1], "missing_header"),
        ([*GOOD, ("ce_type", b"io.kserve.inference.response")], "unknown_type"),
    ],
)
def test_an_unreadable_record_keeps_its_place_and_reason(headers: Headers, kind: str) -> None:
    """A record without the required headers is reported where it stands; the others are events."""
    ((first, at), (second, then)) = attributes_of([b"", b""], [headers, GOOD]).by_attributes()

    assert isinstance(first, InvalidPayload)
    assert (kind, [0], SAID, [1]) == (first.kind, at.tolist(), second, then.tolist())


def test_compact_headers_say_the_same() -> None:
    """Written by our logger, in two headers, an event is the same as with one header for each attribute."""
    two = compacted(b"e1", [(name, value or b"") for name, value in GOOD])
    said = attributes_of([b"e1", b"", b""], [two, GOOD, two])

    assert [b"e1", b"e1", b""] == said.ids
    assert [SAID, SAID, "missing_header"] == [
        attributes.kind if isinstance(attributes, InvalidPayload) else attributes for attributes in said.attributes
    ]


@pytest.mark.parametrize(
    "odd", [None, b"", b"no json", b"[]", b'{"ce_type": 1}', b'{"ce_type": "\xe2\x82\xac"}', b"\xff"]
)
def test_a_compact_header_that_cannot_be_read_is_a_reason(odd: bytes | None) -> None:
    """Whatever stands where our logger writes ends no task."""
    (attributes,) = attributes_of([b"e1"], [[(HEADER_SHARED, odd)]]).attributes

    assert isinstance(attributes, InvalidPayload)
    assert "missing_header" == attributes.kind


def test_headers_are_kept_as_they_came() -> None:
    """Repeated ones twice, those without a value as empty."""
    none = np.zeros(1, dtype=np.int64)
    records = Records(("t", 0), none, none, [b""], [b""], [[("a", b"3"), ("a", None)]])

    assert [("a", b"3"), ("a", b"")] == records.all_headers(0)


def test_values_are_grouped_in_order() -> None:
    """Each value once, ascending, with its places; of nothing there is nothing."""
    groups = alike(np.array([5, -1, 5, 2], dtype=np.int64))

    assert [(-1, [1]), (2, [3]), (5, [0, 2])] == [(value, places.tolist()) for value, places in groups]
    assert [] == alike(np.empty(0, dtype=np.int64))
