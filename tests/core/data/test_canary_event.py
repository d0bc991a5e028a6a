"""Canaries as they travel: written, read, and everything else refused."""

from __future__ import annotations

import pytest

from pegel.data.attribution_event import Match
from pegel.data.canary_event import decode_canaries, encode_canaries, is_of_canaries
from pegel.errors import InvalidPayload


def test_what_is_written_is_read() -> None:
    """Each row keeps its place, and whether its answer is the one of then."""
    told = (Match.SAME, Match.OTHER, Match.UNKNOWN)
    body = encode_canaries(told)

    assert is_of_canaries(body)
    assert b'{"canaries":[true,false,null]}' == body
    assert told == decode_canaries(body)
    assert not is_of_canaries(b'{"attributions":[[1.0]]}')


@pytest.mark.parametrize(
    "body",
    [
        b'{"canaries":[]}',
        b'{"canaries":[1]}',
        b'{"canaries":true}',
        b'{"canaries":[true],"rows":1}',
        b'{"canaries":[' + b",".join([b"true"] * 1_001) + b"]}",
    ],
)
def test_anything_else_is_refused(body: bytes) -> None:
    """What is no list of so many truth values is kept aside."""
    with pytest.raises(InvalidPayload) as refusal:
        decode_canaries(body)
    assert "wrong_shape" == refusal.value.kind
