"""The headers of a record in two: what many records say alike, and the rest; the record's key is the event's id.

Our logger writes them so, because a dozen headers cost a reader more than everything else about a small event. What
others write carries each attribute in a header of its own, as the Kafka protocol binding of CloudEvents defines it.

    pegel_shared  {"ce_type": ..., "ce_inferenceservicename": ..., ...}   equal, byte by byte, where all of it is
    pegel_own     {"ce_time": ..., ...}                                   letters stand for bytes, as in Latin-1
    traceparent   00-...                                                  only on an event that is traced
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import orjson

from pegel.data.wire import (
    HEADER_COMPONENT,
    HEADER_ENDPOINT,
    HEADER_ID,
    HEADER_LOOK_UP,
    HEADER_NAMESPACE,
    HEADER_OWN,
    HEADER_PROBE,
    HEADER_REASON,
    HEADER_SHARED,
    HEADER_TYPE,
    TRACEPARENT,
)

SHARED = (HEADER_TYPE, HEADER_ENDPOINT, HEADER_NAMESPACE, HEADER_COMPONENT, HEADER_PROBE, HEADER_LOOK_UP)
"""What is asked of every event beside its id."""
_NOTHING = (None,) * len(SHARED)
Headers = Sequence[tuple[str, bytes | None]]


def compacted(key: bytes | None, headers: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Return the headers of an event in two; as they are, where one is repeated, or the key is not the event's id.

    So are those of a dead letter: people read it.
    """
    carried = dict(headers)
    take = carried.pop
    if len(carried) < len(headers) or take(HEADER_ID, None) != key or HEADER_REASON in carried:
        return list(headers)
    shared = _packed_once(tuple(map(take, SHARED, _NOTHING)))
    trace = take(TRACEPARENT, None)
    both = [(HEADER_SHARED, shared), (HEADER_OWN, _packed(carried.items()))]
    return both if trace is None else [*both, (TRACEPARENT, trace)]


def is_compact(headers: Headers) -> bool:
    """Say whether these are headers that `compacted` made."""
    return bool(headers) and headers[0][0] == HEADER_SHARED


def expanded(key: bytes | None, headers: Headers) -> Headers:
    """Return one header for each attribute; of what nobody could have compacted the headers as they are."""
    if not is_compact(headers):
        return headers
    try:
        told = [pair for name, value in headers if name in {HEADER_SHARED, HEADER_OWN} for pair in unpacked(value)]
    except ValueError:
        return headers
    return [(HEADER_ID, key), *told, *(pair for pair in headers if pair[0] == TRACEPARENT)]


def unpacked(value: bytes | None) -> list[tuple[str, bytes]]:
    """Return the attributes in one header of the two. Raises ValueError when it holds something else."""
    named = orjson.loads(value or b"")
    if not isinstance(named, dict) or not all(isinstance(text, str) for text in named.values()):
        raise ValueError(f"expected a JSON object of texts, given {(value or b'')[:80]!r}")
    return [(name, text.encode("latin-1")) for name, text in named.items()]


def _packed(pairs: Iterable[tuple[str, bytes]]) -> bytes:
    return orjson.dumps({name: str(value, "latin-1") for name, value in pairs})


@lru_cache(maxsize=1_024)
def _packed_once(values: tuple[bytes | None, ...]) -> bytes:
    return _packed([(name, value) for name, value in zip(SHARED, values, strict=True) if value is not None])
