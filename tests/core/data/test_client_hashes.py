"""Who asked: a header of the client's request, told only as a keyed hash."""

from __future__ import annotations

import json

from pegel.data.client_hashes import client_hashes
from pegel.data.compact_headers import compacted
from pegel.data.keyed_hash import NO_SECRET, KeyedHash
from pegel.data.wire import HEADER_ID, HEADER_METADATA

SECRET = KeyedHash("a secret of sixteen bytes")


def asked_by(metadata: object, *, compact: bool = False) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Return key and headers of a request with some metadata."""
    headers = [(HEADER_ID, b"e1"), (HEADER_METADATA, json.dumps(metadata).encode())]
    return b"e1", compacted(b"e1", headers) if compact else headers


def test_one_client_has_one_hash_however_its_header_is_spelt() -> None:
    """In two headers or in one each, in any case; another client has another hash, and none is 0."""
    events = [
        asked_by({"X-Client-Id": ["a"]}),
        asked_by({"x-client-id": ["a"]}, compact=True),
        asked_by({"X-Client-Id": ["b"]}),
    ]
    one, same, other = client_hashes(events, "X-Client-ID", SECRET).tolist()

    assert one == same
    assert 3 == len({0, one, other})


def test_who_says_nothing_or_nonsense_is_nobody() -> None:
    """Anybody's bytes are told as 0: nobody knows who asked."""
    events = [asked_by({}), asked_by({"X-Client-Id": []}), asked_by(["X-Client-Id"]), (b"e2", [])]
    unreadable = (b"e3", [(HEADER_METADATA, b"\xff{")])

    assert [0] * 5 == client_hashes([*events, unreadable], "X-Client-Id", SECRET).tolist()


def test_without_a_secret_no_client_is_told() -> None:
    """A hash that anybody could guess would be no secret."""
    assert [0] == client_hashes([asked_by({"X-Client-Id": ["a"]})], "X-Client-Id", NO_SECRET).tolist()
