"""The headers of a logged event: who says what about which model, and when.

A record on the wire carries the CloudEvents attributes as headers `ce_*` and the event time as its own timestamp, as
the payload logger of KServe and the Kafka protocol binding of CloudEvents define them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from pegel.data.wire import (
    DROPPED_TYPE,
    HEADER_COMPONENT,
    HEADER_ENDPOINT,
    HEADER_ID,
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


_TYPES = {
    REQUEST_TYPE: EventType.REQUEST,
    RESPONSE_TYPE: EventType.RESPONSE,
    DROPPED_TYPE: EventType.DROPPED,
}


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """One logged event without its body; `endpoint` names the model. `time_us`: microseconds since the epoch.

    `component` is who logged: a transformer and its predictor log different bodies under one id. `is_probe`: Pegel
    itself asked, to see that logging works. The endpoint's proxy says so, not the client.
    """

    id: str
    type: EventType
    endpoint: str
    namespace: str
    time_us: int
    component: str = PREDICTOR
    is_probe: bool = False

    @property
    def identity(self) -> int:
        """Return what copies of this event share, see the function `identity`."""
        return identity(self.id, self.type, self.component)


def parse_event(headers: Mapping[str, bytes | None], time_us: int) -> LoggedEvent:
    """Read the headers of one record whose timestamp is `time_us`, microseconds since the epoch.

    Raises InvalidPayload of kind `missing_header` or `unknown_type`.
    """
    event_id, raw_type = _text(headers, HEADER_ID), _text(headers, HEADER_TYPE)
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
    return LoggedEvent(event_id, kind, endpoint, namespace, time_us, component, bool(headers.get(HEADER_PROBE)))


def identity(event_id: str, kind: EventType, component: str = PREDICTOR) -> int:
    """Return 64 bits that are equal for copies of one event: of one id, type and component.

    A request and its response differ in the last bit only. Collisions among a million events have a probability of
    about 5e-8.
    """
    text = event_id if component == PREDICTOR else f"{event_id}\0{component}"
    digest = hashlib.blake2b(text.encode(errors="surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "little") & ~1 | (kind is EventType.RESPONSE)


def _text(headers: Mapping[str, bytes | None], name: str, *, required: bool = True) -> str:
    raw = headers.get(name)
    if not raw:
        if required:
            raise InvalidPayload("missing_header", f"header {name} is missing or empty; the event is kept aside")
        return ""
    return raw.decode(errors="replace")
