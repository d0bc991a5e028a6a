"""The headers KServe's agent puts on a logged body: CloudEvents 1.0 in binary mode, names and values as it writes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pegel.data import wire

QUEUE_FULL, TOO_LARGE, UNREACHED = "agent_queue_full", "agent_too_large", "agent_unreached"
AGENT_REASONS = frozenset({QUEUE_FULL, TOO_LARGE, UNREACHED, wire.AGENT_UNANSWERED})
"""Why an agent loses events of which the logger knows nothing, or did not say so: what it answered, it has counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointOrigin:
    """What is the same for every event of one endpoint."""

    name: str
    namespace: str
    source: str
    component: str = wire.PREDICTOR
    endpoint: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedBody:
    """One body to log, of type `wire.REQUEST_TYPE` or `wire.RESPONSE_TYPE`, or a notice, of type `wire.DROPPED_TYPE`.

    `at_ns` is when the request came, the response ended or the notice was made, in nanoseconds since the epoch.
    """

    type: str
    event_id: str
    at_ns: int
    content_type: str
    body: bytes
    metadata: Mapping[str, list[str]] = field(default_factory=dict)
    client_id: str = ""
    """What the client called its request; empty when it called it nothing, or by too long a name."""
    is_probe: bool = False
    traceparent: str = ""
    """Below which span the logger's is to stand; empty where the call is not traced."""


def headers(event: LoggedBody, origin: EndpointOrigin, *, recorded_ns: int) -> dict[str, str]:
    """Return the HTTP headers of `event`. The content type is the request's on both sides, as with KServe.

    Two attributes are ours: what the client called its request, and the mark of a probe; each only where it applies.

    What comes from the client's headers may hold any letter of Latin-1, so they are to be sent in that.
    """
    named = {
        wire.HEADER_ID: event.event_id,
        wire.HEADER_SPEC_VERSION: wire.SPEC_VERSION,
        wire.HEADER_TYPE: event.type,
        wire.HEADER_SOURCE: origin.source,
        wire.HEADER_TIME: rfc3339(event.at_ns),
        wire.HEADER_RECORDED_TIME: rfc3339(recorded_ns),
        wire.HEADER_ENDPOINT: origin.name,
        wire.HEADER_NAMESPACE: origin.namespace,
        wire.HEADER_COMPONENT: origin.component,
        wire.HEADER_POD_LABEL: origin.endpoint,
        wire.HEADER_METADATA: _json(event.metadata),
    }
    if origin.annotations:
        named[wire.HEADER_ANNOTATIONS] = _json(origin.annotations)
    if event.client_id:
        named[wire.HEADER_CLIENT_ID] = event.client_id
    if event.is_probe:
        named[wire.HEADER_PROBE] = "true"
    if event.traceparent:
        named[wire.TRACEPARENT] = event.traceparent
    if event.content_type:
        named[wire.HEADER_CONTENT_TYPE] = event.content_type
    return {wire.http_name(name): value for name, value in named.items()}


def rfc3339(at_ns: int) -> str:
    """Return an instant in UTC with nanoseconds, trailing zeros left out as Go's RFC3339Nano does.

    >>> rfc3339(1_700_000_000_000_000_000), rfc3339(1_700_000_000_120_000_003)
    ('2023-11-14T22:13:20Z', '2023-11-14T22:13:20.120000003Z')
    """
    seconds, nanoseconds = divmod(at_ns, 10**9)
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def now_ns() -> int:
    """Return the wall clock in nanoseconds since the epoch."""
    return time.time_ns()


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
