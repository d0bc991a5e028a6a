"""The headers KServe's agent puts on a logged body: CloudEvents 1.0 in binary mode, names and values as it writes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class EventType(StrEnum):
    """Which side of the call a body comes from."""

    REQUEST = "org.kubeflow.serving.inference.request"
    RESPONSE = "org.kubeflow.serving.inference.response"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What is the same for every event of one endpoint."""

    name: str
    namespace: str
    source: str
    component: str = "predictor"
    endpoint: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One body to log. `at_ns` is when the request came or the response ended, in nanoseconds since the epoch."""

    kind: EventType
    event_id: str
    at_ns: int
    content_type: str
    body: bytes
    metadata: Mapping[str, list[str]] = field(default_factory=dict)


def headers(event: Logged, origin: Origin, *, recorded_ns: int) -> dict[str, str]:
    """Return the HTTP headers of `event`. The content type is the request's on both sides, as with KServe."""
    named = {
        "Ce-Id": event.event_id,
        "Ce-Specversion": "1.0",
        "Ce-Type": event.kind.value,
        "Ce-Source": origin.source,
        "Ce-Time": rfc3339(event.at_ns),
        "Ce-Recordedtime": rfc3339(recorded_ns),
        "Ce-Inferenceservicename": origin.name,
        "Ce-Namespace": origin.namespace,
        "Ce-Component": origin.component,
        "Ce-Endpoint": origin.endpoint,
        "Ce-Metadata": _json(event.metadata),
    }
    if origin.annotations:
        named["Ce-Annotations"] = _json(origin.annotations)
    if event.content_type:
        named["Content-Type"] = event.content_type
    return named


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
