"""Who asked, as a hash: the value of a header of the client's request, which travels in the metadata of its event.

Of a client nothing is kept but 64 bits that only whoever has the secret can tell from a name.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import orjson
from numpy.typing import NDArray

from pegel.data.compact_headers import Headers, expanded
from pegel.data.keyed_hash import PREFIX, KeyedHash
from pegel.data.wire import HEADER_METADATA

_DIGITS = 16


def client_hashes(events: Iterable[tuple[bytes, Headers]], header: str, hashed: KeyedHash) -> NDArray[np.uint64]:
    """Return a hash of each event's client, never 0; 0 where its request had no such header, or there is no secret.

    Args:
        events: Key and headers of each record.
        header: The name of the HTTP header, in any spelling.
        hashed: By whose secret clients are told.
    """
    known: dict[str, int] = {"": 0}
    found = []
    for key, headers in events:
        client = _client(key, headers, header) if hashed.is_safe else ""
        if client not in known:
            known[client] = max(1, int(hashed.of(header.lower(), client)[len(PREFIX) :][:_DIGITS], 16))
        found.append(known[client])
    return np.array(found, dtype=np.uint64)


def _client(key: bytes, headers: Headers, header: str) -> str:
    """Return what a client called itself; "" where it did not, or nobody can read it."""
    try:
        metadata = orjson.loads(dict(expanded(key, headers)).get(HEADER_METADATA) or b"{}")
        values = next(value for name, value in metadata.items() if name.lower() == header.lower())
        return str(values[0])
    except (ValueError, TypeError, AttributeError, LookupError, StopIteration):
        return ""
