"""A receiver of spans by OTLP over HTTP: a real server in a thread that remembers what it was sent."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """One span as it came. Ids are small hexadecimal digits; `parent` is empty where it has none. Times: ns of Unix."""

    trace: str
    id: str
    parent: str
    name: str
    kind: str
    """internal, server, client, producer or consumer."""
    service: str
    attributes: dict[str, Any]
    start_ns: int
    end_ns: int
    is_error: bool


class TraceReceiver:
    """A context manager: inside of it the server listens on a free port of this machine. Needs `pegel[traces]`."""

    def __init__(self) -> None:
        """Listen to nobody yet."""
        self._lock = threading.Lock()
        self._spans: list[ReceivedSpan] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _door(self._take))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def endpoint(self) -> str:
        """Return what `OTEL_EXPORTER_OTLP_ENDPOINT` has to say."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def spans(self) -> list[ReceivedSpan]:
        """Return all that came so far, in the order of their beginnings."""
        with self._lock:
            return sorted(self._spans, key=lambda span: span.start_ns)

    def of_trace(self, trace: str) -> list[ReceivedSpan]:
        """Return the spans of one trace that came so far."""
        return [span for span in self.spans if span.trace == trace]

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, body: bytes) -> None:
        spans = _read(body)
        with self._lock:
            self._spans += spans


def _door(take: Callable[[bytes], None]) -> type[BaseHTTPRequestHandler]:
    """Return what answers: 200 to spans, 400 to what is none, 404 to other addresses."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path != "/v1/traces":
                self._answer(404)
                return
            try:
                take(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
            except Exception:  # noqa: BLE001 (whatever came, it was no spans)
                self._answer(400)
            else:
                self._answer(200)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_about: object) -> None:
            """Say nothing."""

    return Door


def _read(body: bytes) -> list[ReceivedSpan]:
    """Return the spans of one request."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (  # noqa: PLC0415  an extra
        ExportTraceServiceRequest,
    )

    request = ExportTraceServiceRequest.FromString(body)
    return [
        _span(span, _attributes(each.resource.attributes).get("service.name", ""))
        for each in request.resource_spans
        for scope in each.scope_spans
        for span in scope.spans
    ]


def _span(span: Any, service: str) -> ReceivedSpan:
    return ReceivedSpan(
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        name=span.name,
        kind=span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        service=service,
        attributes=_attributes(span.attributes),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        is_error=span.status.code == span.status.STATUS_CODE_ERROR,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
