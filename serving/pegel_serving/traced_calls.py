"""The spans of one call in the proxy: the call itself, and below it what the model server takes for it."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from pegel.data.event_tracing import EventSpan, EventTracing
from pegel_serving.cloudevent import LoggedBody


def begin_call(tracing: EventTracing, given: Sequence[str], logged: LoggedBody, proxy: str) -> EventSpan | None:
    """Begin the span of a call when its first byte came; None where its client asks for none, or too many do."""
    return tracing.follow(
        given,
        "predict",
        "server",
        start_ns=logged.at_ns,
        attributes={"pegel.event_id": logged.event_id, "pegel.proxy": proxy, "pegel.probe": logged.is_probe},
    )


def end_call(span: EventSpan, asking: EventSpan, status: int) -> None:
    """End both spans of a call with the status of its answer."""
    for each in (asking, span):
        error = str(status) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ""
        each.end(error=error, attributes={"http.response.status_code": status})
