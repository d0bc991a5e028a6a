"""The headers of our logger's records: two on the wire, one for each attribute to whoever asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.data.compact_headers import SHARED, compacted, expanded, is_compact
from pegel.data.wire import HEADER_ID, HEADER_OWN, HEADER_REASON, HEADER_SHARED, HEADER_TIME, TRACEPARENT

NAMES = st.sampled_from([*SHARED, HEADER_TIME, TRACEPARENT, "content-type", "ce_éx"]) | st.text(max_size=5)


@given(st.binary(min_size=1, max_size=8), st.dictionaries(NAMES, st.binary(max_size=20)))
def test_nothing_is_lost(key: bytes, attributes: dict[str, bytes]) -> None:
    """Any names and bytes of an event come back; what cannot be put together stands as it was."""
    headers = [(HEADER_ID, key), *((name, value) for name, value in attributes.items() if name != HEADER_ID)]

    assert dict(headers) == dict(expanded(key, compacted(key, headers)))


def test_what_events_say_alike_is_equal_on_the_wire() -> None:
    """Ids and times may differ: the first header is the same bytes, in whatever order a sender names things."""
    said = [(name, b"x") for name in SHARED]
    one = compacted(b"a", [(HEADER_ID, b"a"), (HEADER_TIME, b"1"), *said])
    other = compacted(b"b", [*reversed(said), (HEADER_TIME, b"2"), (HEADER_ID, b"b")])

    assert one[0] == other[0]
    assert [[HEADER_SHARED, HEADER_OWN]] * 2 == [[name for name, _ in headers] for headers in (one, other)]


def test_a_trace_stands_in_a_header_of_its_own() -> None:
    """Whoever follows it finds it without taking the others apart; who does not reads the event as any other."""
    headers = [(HEADER_ID, b"e1"), (HEADER_TIME, b"1"), (TRACEPARENT, b"00-1-2-01")]
    written = compacted(b"e1", headers)

    assert (TRACEPARENT, b"00-1-2-01") == written[-1]
    assert [HEADER_SHARED, HEADER_OWN, TRACEPARENT] == [name for name, _ in written]


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(HEADER_ID, b"other")],
        [("ce_type", b"request")],
        [(HEADER_ID, b"e1"), ("a", b"1"), ("a", b"2")],
        [(HEADER_ID, b"e1"), (HEADER_REASON, b"not_json")],
    ],
)
def test_what_is_no_ordinary_event_stays_as_it_is(headers: list[tuple[str, bytes]]) -> None:
    """A key that is not the id, a repeated header, a dead letter: nothing is put together, nor taken apart."""
    written = compacted(b"e1", headers)

    assert headers == written == expanded(b"e1", written)
    assert not is_compact(written)


@pytest.mark.parametrize("odd", [None, b"", b"{", b"[1]", b'{"a": 1}'])
def test_a_foreign_header_of_that_name_is_left_alone(odd: bytes | None) -> None:
    """What nobody could have put together is shown as it came."""
    headers = [(HEADER_SHARED, odd), ("a", b"1")]

    assert headers == expanded(b"e1", headers)
