"""HTTP headers of a CloudEvent in binary mode -> Kafka record, or a reason to refuse. The body is never looked into."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import orjson

from pegel.data import wire
from pegel.data.look_up_faults import LookUpFault
from pegel.errors import PermanentError
from pegel.spec import names
from pegel_serving import door_limits
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
_METADATA, _LOOK_UP = _http(wire.HEADER_METADATA), wire.LOOK_UP_HEADER.encode()
_TRACE, _ASKED_TRACE = wire.TRACEPARENT.encode(), wire.TRACEPARENT.capitalize().encode()
_TIME, _RECORDED_TIME = _http(wire.HEADER_TIME), _http(wire.HEADER_RECORDED_TIME)
_MOST_BYTES = {
    _ID: door_limits.ID_BYTES,
    _http(wire.HEADER_CLIENT_ID): door_limits.ID_BYTES,
    _http(wire.HEADER_SOURCE): door_limits.SOURCE_BYTES,
    _CONTENT_TYPE: door_limits.ID_BYTES,
}
_USUAL = {
    _http(name): name
    for name in (
        wire.HEADER_ID,
        wire.HEADER_TYPE,
        wire.HEADER_SOURCE,
        wire.HEADER_SPEC_VERSION,
        wire.HEADER_TIME,
        wire.HEADER_RECORDED_TIME,
        wire.HEADER_ENDPOINT,
        wire.HEADER_NAMESPACE,
        wire.HEADER_COMPONENT,
        wire.HEADER_POD_LABEL,
        wire.HEADER_METADATA,
        wire.HEADER_ANNOTATIONS,
        wire.HEADER_CONTENT_TYPE,
    )
}
"""What KServe's agent sends, and how it is called on a record; of others, `_record_name` knows the name."""
_OWN = {
    _http(name): name
    for name in (
        wire.HEADER_ID,
        wire.HEADER_TIME,
        wire.HEADER_RECORDED_TIME,
        wire.HEADER_METADATA,
        wire.HEADER_CLIENT_ID,
        wire.TRACEPARENT,
    )
}
"""Those of them that differ from event to event; what an event says beside them, others of its sender say too."""
REQUIRED = (_ID, _TYPE, _http(wire.HEADER_SOURCE), _http(wire.HEADER_SPEC_VERSION))
NOTICE = "notice"
"""The kind of an agent's word about what it lost."""
TYPES = {
    wire.REQUEST_TYPE.encode(): "request",
    wire.RESPONSE_TYPE.encode(): "response",
    wire.DROPPED_TYPE.encode(): NOTICE,
}

_UNKNOWN_TYPE = (400, "unknown_type", "ce-type must be a KServe inference request or response")
_NAME = "{header} must be lower case letters, digits and inner hyphens, at most {most}"
_SECOND_60 = re.compile(r"(.+T\d\d:\d\d):60(?:\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_LEAP_MINUTES = frozenset({"06-30 23:59", "12-31 23:59"})

Headers = Iterable[tuple[bytes, bytes]]


class Refused(PermanentError):
    """An event that cannot be accepted: the HTTP status to answer and the reason under which it is counted."""

    def __init__(self, status: int, reason: str, message: str, *, lost: KafkaRecord | None = None) -> None:
        """Remember what the answer and the counter need; `lost` names whose prediction it was, if that can be told."""
        super().__init__(message)
        self.status, self.reason, self.lost = status, reason, lost


@dataclass(slots=True)  # not frozen: that costs a microsecond for each event
class Envelope:
    """What the headers of one accepted event say. Times are seconds since the epoch; None when absent or unreadable.

    `at_ms` is the time of the record, milliseconds since the epoch: the event's, but never later than its arrival. A
    time that runs ahead would be refused by the broker, or close windows before their time.
    """

    headers: tuple[tuple[str, bytes], ...]
    event_id: bytes
    kind: str
    namespace: str
    endpoint: str
    component: bytes
    at_ms: int
    time_s: float | None
    recorded_s: float | None
    replaced: str
    """Why `at_ms` is not the event's time: `ahead` or `unreadable`; empty when it is."""
    grpc: bool
    traceparent: bytes = b""
    """As the sender gave it; it is not among `headers`."""

    def event(self, body: bytes) -> KafkaRecord:
        """Return the record for the namespace's topic."""
        return KafkaRecord(names.inference_topic(self.namespace), self.event_id, body, self.headers, self.at_ms)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What is said alike by many events, and what there is to say against it."""

    missing: tuple[str, ...]
    problem: tuple[int, str, str] | None
    """Status, reason and message of an event with an unknown type or a name that is none."""
    too_long: str
    """The sentence about an attribute that is too long; empty when none is."""
    size: int
    """Bytes of names and values."""
    headers: tuple[tuple[str, bytes], ...]
    kind: str
    namespace: str
    endpoint: str
    component: bytes
    grpc: bool


def open_envelope(headers: Headers, *, max_header_bytes: int) -> Envelope:
    """Judge an event by its headers: attributes, names, lengths and time. Raises Refused with status 400 or 431."""
    now = time.time()
    own: dict[bytes, bytes] = {}
    alike: list[tuple[bytes, bytes]] = []
    for pair in headers:
        name = pair[0]
        if name in _OWN:
            own[name] = pair[1]
        elif name in _USUAL or name.startswith(_CARRIED):
            alike.append(pair)
    judged, event_id = _judged(tuple(alike)), own.get(_ID, b"")
    trace = own.pop(_TRACE, b"") or _asked_trace(own.get(_METADATA))
    _refuse_unknown(judged, event_id)
    time_s, recorded_s = _seconds(own.get(_TIME)), _seconds(own.get(_RECORDED_TIME))
    problem = _too_large(judged, own, max_header_bytes) or _too_old(time_s, now)
    if problem is not None:
        status, reason, message = problem
        raise Refused(status, reason, message, lost=_nobody(judged.namespace, judged.endpoint, now))
    look_up = _look_up(own.get(_METADATA))
    at = now if time_s is None else min(time_s, now)
    ahead = time_s is not None and time_s > now + door_limits.CLOCK_SLACK_S
    return Envelope(
        headers=(*judged.headers, *[(_OWN[name], value) for name, value in own.items()], *look_up),
        event_id=event_id,
        kind=judged.kind,
        namespace=judged.namespace,
        component=judged.component,
        endpoint=judged.endpoint,
        at_ms=int(at * 1000),
        time_s=time_s,
        recorded_s=recorded_s,
        replaced="unreadable" if time_s is None else "ahead" if ahead else "",
        grpc=judged.grpc,
        traceparent=trace,
    )


def _look_up(metadata: bytes | None) -> tuple[tuple[str, bytes], ...]:
    """Return the header that says why features are replaced, from the metadata of an event; nothing without it."""
    if metadata is None or _LOOK_UP not in metadata:
        return ()
    try:
        (fault,) = orjson.loads(metadata)[wire.LOOK_UP_HEADER]
        return ((wire.HEADER_LOOK_UP, LookUpFault(fault).value.encode()),)
    except (ValueError, TypeError, KeyError):  # whoever wrote that is none of our transformers
        return ()


def _asked_trace(metadata: bytes | None) -> bytes:
    """Return the `traceparent` of the client, which KServe's agent hands on in the metadata of an event, or nothing.

    It writes the names of headers as Go does, each with all of its values; more than one asks for nothing.
    """
    if metadata is None or _ASKED_TRACE not in metadata:
        return b""
    try:
        (trace,) = orjson.loads(metadata)[_ASKED_TRACE.decode()]
        return str.encode(trace, "latin-1")
    except (ValueError, TypeError, KeyError, AttributeError):  # whoever wrote that is no agent of KServe
        return b""


def _refuse_unknown(judged: _Judged, event_id: bytes) -> None:
    """Raise Refused for what is no event of ours, or of nobody who has a name."""
    if judged.missing or not event_id:
        missing = (*judged.missing, *(() if event_id else (_ID.decode(),)))
        raise Refused(400, "missing_attribute", f"a CloudEvent in binary mode needs {', '.join(missing)}")
    if judged.problem is not None:
        status, reason, message = judged.problem
        raise Refused(status, reason, message)


@lru_cache(maxsize=512)
def _judged(alike: tuple[tuple[bytes, bytes], ...]) -> _Judged:
    """Judge what the events of one sender have in common: once, not with each of them."""
    carried = dict(alike)
    problem = None if carried.get(_TYPE, b"") in TYPES else _UNKNOWN_TYPE
    named: dict[bytes, str] = {}
    for header, reason in ((_NAMESPACE, "bad_namespace"), (_ENDPOINT, "bad_endpoint"), (_COMPONENT, "bad_component")):
        named[header] = carried.get(header, b"").decode("latin-1")
        if named[header] and not names.is_safe(named[header]):
            problem = problem or (400, reason, _NAME.format(header=header.decode(), most=names.LONGEST_SAFE_NAME))
    return _Judged(
        missing=tuple(name.decode() for name in REQUIRED if name != _ID and not carried.get(name)),
        problem=problem,
        too_long=_too_long(carried),
        size=_size(carried),
        headers=tuple((_USUAL.get(name) or _record_name(name), value) for name, value in carried.items()),
        kind=TYPES.get(carried.get(_TYPE, b""), ""),
        namespace=named[_NAMESPACE] or DEFAULT_NAMESPACE,
        endpoint=named[_ENDPOINT],
        component=named[_COMPONENT].encode(),
        grpc=carried.get(_CONTENT_TYPE, b"").startswith(wire.GRPC.encode()),
    )


def record_headers(headers: Headers) -> Iterator[tuple[str, bytes]]:
    """Return what of an HTTP request's headers belongs on a record."""
    for name, value in headers:
        if name in _USUAL or name.startswith(_CARRIED):
            yield _record_name(name), value


def _record_name(name: bytes) -> str:
    """Return the record header for an HTTP header: `ce-id` becomes `ce_id`."""
    return name.decode("latin-1").replace("ce-", "ce_", 1)


def _too_large(judged: _Judged, own: Mapping[bytes, bytes], max_header_bytes: int) -> tuple[int, str, str] | None:
    """Return status, reason and message when the attributes take too much room."""
    size = judged.size + _size(own)
    if size > max_header_bytes:
        return 431, "headers_too_large", f"CloudEvent headers may hold {max_header_bytes} bytes; given: {size}"
    too_long = judged.too_long or _too_long(own)
    return (400, "long_attribute", too_long) if too_long else None


def _too_long(carried: Mapping[bytes, bytes]) -> str:
    """Return the sentence about an attribute that is too long; empty when none is."""
    for header, most in _MOST_BYTES.items():
        if len(carried.get(header, b"")) > most:
            return f"{header.decode()} may hold {most} bytes"
    return ""


def _size(carried: Mapping[bytes, bytes]) -> int:
    return sum(map(len, carried)) + sum(map(len, carried.values()))


def _too_old(time_s: float | None, now: float) -> tuple[int, str, str] | None:
    """Return status, reason and message when no window waits for an event of that time any more."""
    if time_s is not None and time_s < now - door_limits.OLDEST_DAYS * 86_400:
        return 400, "too_old", f"an event may be {door_limits.OLDEST_DAYS} days old; no window waits longer"
    return None


def _nobody(namespace: str, endpoint: str, now: float) -> KafkaRecord | None:
    """Return an event without content, by which a loss is told of its endpoint; None when it names none."""
    named = ((wire.HEADER_NAMESPACE, namespace.encode()), (wire.HEADER_ENDPOINT, endpoint.encode()))
    return KafkaRecord(names.inference_topic(namespace), b"", b"", named, int(now * 1000)) if endpoint else None


def _seconds(value: bytes | None) -> float | None:
    """Read RFC 3339, with nanoseconds or without; None when absent, unreadable or without a zone.

    `T` and `Z` may be small letters (5.6). A leap second is read as the last instant before the next second.
    """
    if not value:
        return None
    text = value.decode("latin-1").upper()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return _leap_second(text)
    return at.timestamp() if at.tzinfo else None


def _leap_second(text: str) -> float | None:
    """Read the second 60, which there may be at the end of June and December in UTC (RFC 3339, 5.7); else None."""
    match = _SECOND_60.fullmatch(text)
    try:
        at = datetime.fromisoformat(f"{match[1]}:59.999999{match[2]}").astimezone(UTC) if match else None
    except (ValueError, OverflowError):  # no time at all, the year 0 or 10000
        return None
    return at.timestamp() if at and f"{at:%m-%d %H:%M}" in _LEAP_MINUTES else None
