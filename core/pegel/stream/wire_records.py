"""Records as they come from the broker, and what their headers say, looked up once for all that say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pegel.data.events import EventAttributes, missing, parse_attributes
from pegel.data.wire import (
    HEADER_COMPONENT,
    HEADER_ENDPOINT,
    HEADER_ID,
    HEADER_NAMESPACE,
    HEADER_PROBE,
    HEADER_TYPE,
)
from pegel.errors import InvalidPayload

_SHARED = (HEADER_TYPE, HEADER_ENDPOINT, HEADER_NAMESPACE, HEADER_COMPONENT, HEADER_PROBE)
_NAMELESS = ()
"""Stands for the headers of an event without an id."""

Address = tuple[str, int]
"""Topic and partition."""
Headers = Sequence[tuple[str, bytes | None]]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one partition in the order of their offsets; all fields have one length.

    `times_us`: the records' own timestamps, microseconds since the epoch; any 64 bits may stand there. `bodies`: empty
    where a record has none.
    """

    address: Address
    offsets: Numbers
    times_us: Numbers
    bodies: list[bytes]
    headers: list[Headers]

    def __len__(self) -> int:
        """Return how many records there are."""
        return len(self.bodies)

    def all_headers(self, place: int) -> list[tuple[str, bytes]]:
        """Return every header of one record, for keeping it aside unchanged."""
        return [(name, value or b"") for name, value in self.headers[place]]


@dataclass(frozen=True, slots=True)
class RecordAttributes:
    """What the headers of records say: `ids[i]` and `attributes[codes[i]]` of the record at place i.

    An id is empty, and a reason stands for attributes, where a record is no event.
    """

    ids: list[bytes]
    codes: Numbers
    attributes: list[EventAttributes | InvalidPayload]

    def by_attributes(self) -> list[tuple[EventAttributes | InvalidPayload, Numbers]]:
        """Return what headers say with the places of its events, ascending."""
        return [(self.attributes[code], places) for code, places in alike(self.codes)]


def alike(values: NDArray[np.int64]) -> list[tuple[int, Numbers]]:
    """Return each value, ascending, with the places where it stands, ascending. The work is that of sorting them."""
    order = np.argsort(values, kind="stable")
    changes = np.flatnonzero(np.diff(values[order])) + 1
    return [(int(values[places[0]]), places) for places in np.split(order, changes) if places.size]


def attributes_of(headers: Sequence[Headers]) -> RecordAttributes:
    """Read the headers of records. Of a header that is repeated the last value counts."""
    known: dict[tuple[bytes | None, ...], int] = {}
    ids: list[bytes] = []
    codes: list[int] = []
    for record in headers:
        value_of = dict(record).get
        event_id = value_of(HEADER_ID) or b""
        ids.append(event_id)
        shared = tuple(map(value_of, _SHARED)) if event_id else _NAMELESS
        codes.append(known.setdefault(shared, len(known)))
    return RecordAttributes(ids, np.array(codes, dtype=np.int64), [_parsed(shared) for shared in known])


def _parsed(shared: tuple[bytes | None, ...]) -> EventAttributes | InvalidPayload:
    if shared == _NAMELESS:
        return missing(HEADER_ID)
    try:
        return parse_attributes(dict(zip(_SHARED, shared, strict=True)))
    except InvalidPayload as error:
        return error
