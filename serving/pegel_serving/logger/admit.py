"""HTTP headers of a CloudEvent in binary mode -> Kafka record, or a reason to refuse. The body is never looked into."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from pegel.data import wire
from pegel.errors import PermanentError
from pegel.spec import names
from pegel_serving.logger.dead_letters import DEFAULT_NAMESPACE
from pegel_serving.logger.kafka_record import KafkaRecord


def _http(header: str) -> bytes:
    """Return a header's name as the HTTP server gives it: `ce_id` is `ce-id`."""
    return wire.http_name(header).lower().encode()


_CARRIED = b"ce-"
_ID, _TYPE, _CONTENT_TYPE = _http(wire.HEADER_ID), _http(wire.HEADER_TYPE), _http(wire.HEADER_CONTENT_TYPE)
_NAMESPACE, _ENDPOINT, _COMPONENT = (
    _http(name) for name in (wire.HEADER_NAMESPACE, wire.HEADER_ENDPOINT, wire.HEADER_COMPONENT)
)
_TIME, _RECORDED_TIME = _http(wire.HEADER_TIME), _http(wire.HEADER_RECORDED_TIME)
REQUIRED = (_ID, _TYPE, _http(wire.HEADER_SOURCE), _http(wire.HEADER_SPEC_VERSION))
TYPES = {wire.REQUEST_TYPE.encode(): "request", wire.RESPONSE_TYPE.encode(): "response"}

Headers = Iterable[tuple[bytes, bytes]]


class Refused(PermanentError):
    """An event that cannot be accepted: the HTTP status to answer and the reason under which it is counted."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        """Remember what the answer and the counter need."""
        super().__init__(message)
        self.status, self.reason = status, reason


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the headers of one accepted event say. Times are seconds since the epoch; None when absent or unreadable."""

    headers: tuple[tuple[str, bytes], ...]
    event_id: bytes
    kind: str
    namespace: str
    endpoint: str
    component: bytes
    time_s: float | None
    recorded_s: float | None
    grpc: bool

    def event(self, body: bytes) -> KafkaRecord:
        """Return the record for the namespace's topic. Without a readable time, now stands in."""
        at = time.time() if self.time_s is None else self.time_s
        return KafkaRecord(names.inference_topic(self.namespace), self.event_id, body, self.headers, int(at * 1000))


def open_envelope(headers: Headers, *, max_header_bytes: int) -> Envelope:
    """Check the four required attributes, the type and the namespace. Raises Refused with status 400 or 431."""
    carried, size = {}, 0
    for name, value in headers:
        if name.startswith(_CARRIED) or name == _CONTENT_TYPE:
            carried[name] = value
            size += len(name) + len(value)
    if size > max_header_bytes:
        raise Refused(431, "headers_too_large", f"CloudEvent headers may hold {max_header_bytes} bytes; given: {size}")
    missing = [name.decode() for name in REQUIRED if not carried.get(name)]
    if missing:
        raise Refused(400, "missing_attribute", f"a CloudEvent in binary mode needs {', '.join(missing)}")
    kind = TYPES.get(carried[_TYPE])
    if kind is None:
        raise Refused(400, "unknown_type", "ce-type must be a KServe inference request or response")
    namespace = carried.get(_NAMESPACE, b"").decode("latin-1") or DEFAULT_NAMESPACE
    if not names.is_safe(namespace):
        raise Refused(400, "bad_namespace", "ce-namespace must be lower case letters, digits and inner hyphens")
    return Envelope(
        headers=tuple([(_record_name(name), value) for name, value in carried.items()]),
        event_id=carried[_ID],
        kind=kind,
        namespace=namespace,
        component=carried.get(_COMPONENT, b""),
        endpoint=carried.get(_ENDPOINT, b"").decode("latin-1"),
        time_s=_seconds(carried.get(_TIME)),
        recorded_s=_seconds(carried.get(_RECORDED_TIME)),
        grpc=carried.get(_CONTENT_TYPE, b"").startswith(wire.GRPC.encode()),
    )


def record_headers(headers: Headers) -> Iterator[tuple[str, bytes]]:
    """Return what of an HTTP request's headers belongs on a record."""
    for name, value in headers:
        if name.startswith(_CARRIED) or name == _CONTENT_TYPE:
            yield _record_name(name), value


@lru_cache(maxsize=256)
def _record_name(name: bytes) -> str:
    """Return the record header for an HTTP header: `ce-id` becomes `ce_id`."""
    return name.decode("latin-1").replace("ce-", "ce_", 1)


def _seconds(value: bytes | None) -> float | None:
    """Read RFC 3339, with nanoseconds or without; None when absent, unreadable or without a zone."""
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value.decode("latin-1"))
    except ValueError:
        return None
    return at.timestamp() if at.tzinfo else None
