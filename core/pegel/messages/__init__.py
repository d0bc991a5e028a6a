"""What travels on the wire: logged requests and responses, as events (headers) and as columns (bodies)."""

from __future__ import annotations

from pegel.messages.decode import Decoded, count_rows, decode_batch, decode_request, decode_response
from pegel.messages.events import DROPPED_TYPE, REQUEST_TYPE, RESPONSE_TYPE, Event, EventType, identity, parse_event
from pegel.messages.payload import INVALID_KINDS, MAX_BODY_BYTES

__all__ = [
    "DROPPED_TYPE",
    "INVALID_KINDS",
    "MAX_BODY_BYTES",
    "REQUEST_TYPE",
    "RESPONSE_TYPE",
    "Decoded",
    "Event",
    "EventType",
    "count_rows",
    "decode_batch",
    "decode_request",
    "decode_response",
    "identity",
    "parse_event",
]
