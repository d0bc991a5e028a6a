"""The headers of a logged event: who says what about which model, and when.

A record on the wire carries the CloudEvents attributes as headers `ce_*` and the event time as its own timestamp, as
the payload logger of KServe and the Kafka protocol binding of CloudEvents define them; our logger puts them together,
see `pegel.data.compact_headers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from pegel.data.look_up_faults import LookUpFault
from pegel.data.wire import (
    ATTRIBUTION_TYPE,
    DROPPED_TYPE,
    HEADER_COMPONENT,
    HEADER_ENDPOINT,
    HEADER_LOOK_UP,
    HEADER_NAMESPACE,
    HEADER_PROBE,
    HEADER_TYPE,
    PREDICTOR,
    REQUEST_TYPE,
    RESPONSE_TYPE,
)
from pegel.errors import InvalidPayload


class EventType(IntEnum):
    """What an event is."""

    REQUEST = 0
    RESPONSE = 1
    DROPPED = 2
    ATTRIBUTION = 3
    """What a model made of the rows of a request: told by whoever explains, not by a logger."""


_TYPES = {
    REQUEST_TYPE: EventType.REQUEST,
    RESPONSE_TYPE: EventType.RESPONSE,
    DROPPED_TYPE: EventType.DROPPED,
    ATTRIBUTION_TYPE: EventType.ATTRIBUTION,
}


_FAULTS = {fault.value: fault for fault in LookUpFault}


@dataclass(frozen=True, slots=True)
class EventAttributes:
    """Who speaks of what: what the headers of an event say beside its id. Many events share one.

    `endpoint` names the model. `component` is who logged: a transformer and its predictor log different bodies under
    one id. `is_probe`: Pegel itself asked, to see that logging works. The endpoint's proxy says so, not the client.
    `look_up`: why features of it are not from the online store; None: they are, or none is looked up.
    """

    type: EventType
    endpoint: str
    namespace: str
    component: str = PREDICTOR
    is_probe: bool = False
    look_up: LookUpFault | None = None


def parse_attributes(headers: Mapping[str, bytes | None]) -> EventAttributes:
    """Read the headers of one record. Raises InvalidPayload of kind `missing_header` or `unknown_type`."""
    raw_type = _text(headers, HEADER_TYPE)
    kind = _TYPES.get(raw_type)
    if kind is None:
        expected = ", ".join(_TYPES)
        raise InvalidPayload(
            "unknown_type", f"{HEADER_TYPE} is {raw_type!r}, expected one of {expected}; the event is kept aside"
        )
    # A drop notice may speak for the logger as a whole; every other event must name its model.
    endpoint = _text(headers, HEADER_ENDPOINT, required=kind is not EventType.DROPPED)
    namespace = _text(headers, HEADER_NAMESPACE, required=False)
    component = _text(headers, HEADER_COMPONENT, required=False) or PREDICTOR
    is_probe, fault = bool(headers.get(HEADER_PROBE)), _text(headers, HEADER_LOOK_UP, required=False)
    return EventAttributes(kind, endpoint, namespace, component, is_probe, _FAULTS.get(fault))


def missing(header: str) -> InvalidPayload:
    """Return why an event is none without a header."""
    return InvalidPayload("missing_header", f"header {header} is missing or empty; the event is kept aside")


def identities(event_ids: Sequence[bytes], kind: EventType, component: str = PREDICTOR) -> NDArray[np.uint64]:
    """Return 64 bits for each event that are equal for copies of it: of one id, type and component.

    A request and its response differ in the last bit only. Collisions among a million events have a probability of
    about 5e-8.
    """
    ending = b"" if component == PREDICTOR else b"\0" + component.encode()
    digests = b"".join([blake2b(event_id + ending, digest_size=8).digest() for event_id in event_ids])
    return np.frombuffer(digests, dtype="<u8") & ~np.uint64(1) | np.uint64(kind is EventType.RESPONSE)


def _text(headers: Mapping[str, bytes | None], name: str, *, required: bool = True) -> str:
    raw = headers.get(name)
    if not raw:
        if required:
            raise missing(name)
        return ""
    return raw.decode(errors="replace")
