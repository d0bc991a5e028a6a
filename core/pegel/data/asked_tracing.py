"""Whether this process is to make spans: the standard `OTEL_*` variables say so.

What is sent where, how much of it waits and how the process is called is said by them, too. Without a receiver among
them the library is not even imported.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Final

from pegel.data.event_tracing import EventTracing

log = logging.getLogger(__name__)

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""The variables of which one says where spans go; without both, nothing is traced."""
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


def tracing_of(service: str, *, per_second: float, environment: Mapping[str, str] = os.environ) -> EventTracing | None:
    """Return the spans of this process; None where nothing says where they go, or `per_second` is 0.

    `service` is its name where `OTEL_SERVICE_NAME` gives it none; of the events that ask for it, so many are traced in
    a second. What is asked for and is not possible is said in the log, and nothing is traced: an event is worth more
    than its trace.
    """
    if per_second <= 0 or not is_asked_for(environment):
        return None
    protocol = next(filter(None, map(environment.get, _PROTOCOLS)), "http/protobuf")
    if protocol != "http/protobuf":
        log.error("spans are sent as http/protobuf alone; asked for: %s. Nothing is traced.", protocol)
        return None
    try:
        from pegel.data.otlp_tracing import OtlpTracing  # noqa: PLC0415  an extra, for who wants it
    except ImportError as error:
        log.error("spans are asked for, which takes pegel[traces]: %s. Nothing is traced.", error)  # noqa: TRY400
        return None
    try:
        return OtlpTracing(service, per_second=per_second)
    except (ValueError, OSError) as error:
        log.error("the OTEL_* variables cannot be used: %s. Nothing is traced.", error)  # noqa: TRY400
        return None


def is_asked_for(environment: Mapping[str, str]) -> bool:
    """Say whether the variables name a receiver, and do not switch it off."""
    is_off = environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
    return not is_off and environment.get("OTEL_TRACES_EXPORTER") != "none" and any(map(environment.get, ENDPOINTS))
