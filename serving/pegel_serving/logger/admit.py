"""HTTP headers of a CloudEvent in binary mode -> Kafka record, or a reason to refuse. The body is never looked into."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from pegel.errors import PermanentError
from pegel.spec import names
from pegel_serving.logger.logged_event import Event

REQUIRED = (b"ce-id", b"ce-type", b"ce-source", b"ce-specversion")
TYPES = {
    b"org.kubeflow.serving.inference.request": "request",
    b"org.kubeflow.serving.inference.response": "response",
}
DEFAULT_NAMESPACE = "default"
_CARRIED = b"ce-"

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
    time_s: float | None
    recorded_s: float | None
    grpc: bool

    def event(self, body: bytes) -> Event:
        """Return the record for the namespace's topic. Without a readable time, now stands in."""
        at = time.time() if self.time_s is None else self.time_s
        return Event(names.inference_topic(self.namespace), self.event_id, body, self.headers, int(at * 1000))


def open_envelope(headers: Headers, *, max_header_bytes: int) -> Envelope:
    """Check the four required attributes, the type and the namespace. Raises Refused with status 400 or 431."""
    carried, size = {}, 0
    for name, value in headers:
        if name.startswith(_CARRIED) or name == b"content-type":
            carried[name] = value
            size += len(name) + len(value)
    if size > max_header_bytes:
        raise Refused(431, "headers_too_large", f"CloudEvent headers may hold {max_header_bytes} bytes; given: {size}")
    missing = [name.decode() for name in REQUIRED if not carried.get(name)]
    if missing:
        raise Refused(400, "missing_attribute", f"a CloudEvent in binary mode needs {', '.join(missing)}")
    kind = TYPES.get(carried[b"ce-type"])
    if kind is None:
        raise Refused(400, "unknown_type", "ce-type must be a KServe inference request or response")
    namespace = carried.get(b"ce-namespace", b"").decode("latin-1") or DEFAULT_NAMESPACE
    if not names.is_safe(namespace):
        raise Refused(400, "bad_namespace", "ce-namespace must be lower case letters, digits and inner hyphens")
    return Envelope(
        headers=tuple([(_record_name(name), value) for name, value in carried.items()]),
        event_id=carried[b"ce-id"],
        kind=kind,
        namespace=namespace,
        endpoint=carried.get(b"ce-inferenceservicename", b"").decode("latin-1"),
        time_s=_seconds(carried.get(b"ce-time")),
        recorded_s=_seconds(carried.get(b"ce-recordedtime")),
        grpc=carried.get(b"content-type", b"").startswith(b"application/grpc"),
    )


def dead_letter(headers: Headers, body: bytes, *, reason: str, truncated: bool) -> Event:
    """Return the record that keeps a refused event for people: headers as they came, body as far as it was read."""
    kept = [(name, value) for name, value in headers if name.startswith(_CARRIED) or name == b"content-type"]
    kept = [(name[:100], value[:1000]) for name, value in kept[:40]]
    namespace = dict(kept).get(b"ce-namespace", b"").decode("latin-1")
    marks = [("dlq_reason", reason.encode())] + ([("dlq_truncated", b"true")] if truncated else [])
    return Event(
        topic=names.dead_letters_topic(namespace if names.is_safe(namespace) else DEFAULT_NAMESPACE),
        key=dict(kept).get(b"ce-id", b""),
        value=body,
        headers=tuple([(_record_name(name), value) for name, value in kept] + marks),
        timestamp_ms=int(time.time() * 1000),
    )


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
