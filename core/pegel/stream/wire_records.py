"""Records as they come from the broker, and what their headers say, looked up once for all that say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pegel.data.compact_headers import SHARED, Headers, expanded, is_compact, unpacked
from pegel.data.events import EventAttributes, missing, parse_attributes
from pegel.data.wire import HEADER_ID, HEADER_SHARED
from pegel.errors import InvalidPayload

_Shared = bytes | tuple[bytes | None, ...]
"""What many records say alike: packed in one header, or the values of several."""
_NAMELESS = ()
"""Stands for the headers of an event without an id."""

Address = tuple[str, int]
"""Topic and partition."""
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Records:
    """Records of one partition in the order of their offsets; all fields have one length.

    `times_us`: the records' own timestamps, microseconds since the epoch; any 64 bits may stand there. `keys` and
    `bodies`: empty where a record has none.
    """

    address: Address
    offsets: Numbers
    times_us: Numbers
    keys: list[bytes]
    bodies: list[bytes]
    headers: list[Headers]

    def __len__(self) -> int:
        """Return how many records there are."""
        return len(self.bodies)

    def all_headers(self, place: int) -> list[tuple[str, bytes]]:
        """Return every header of one record, one for each attribute, for keeping it aside."""
        return [(name, value or b"") for name, value in expanded(self.keys[place], self.headers[place])]


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


def attributes_of(keys: Sequence[bytes], headers: Sequence[Headers]) -> RecordAttributes:
    """Read the keys and headers of records. Of a header that is repeated the last value counts."""
    known: dict[_Shared, int] = {}
    ids: list[bytes] = []
    codes: list[int] = []
    for key, record in zip(keys, headers, strict=True):
        event_id, shared = (key, record[0][1] or b"") if is_compact(record) else _separate(record)
        ids.append(event_id)
        codes.append(known.setdefault(shared if event_id else _NAMELESS, len(known)))
    return RecordAttributes(ids, np.array(codes, dtype=np.int64), [_parsed(shared) for shared in known])


def _separate(headers: Headers) -> tuple[bytes, _Shared]:
    """Return the id and what is asked of an event that carries each attribute in a header of its own."""
    value_of = dict(headers).get
    return value_of(HEADER_ID) or b"", tuple(map(value_of, SHARED))


def _parsed(shared: _Shared) -> EventAttributes | InvalidPayload:
    if shared == _NAMELESS:
        return missing(HEADER_ID)
    try:
        if isinstance(shared, bytes):
            return parse_attributes(dict(unpacked(shared)))
        return parse_attributes(dict(zip(SHARED, shared, strict=True)))
    except InvalidPayload as error:
        return error
    except ValueError as error:
        return InvalidPayload("missing_header", f"header {HEADER_SHARED}: {error}; the event is kept aside")
