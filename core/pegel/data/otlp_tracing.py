"""The one door to OpenTelemetry: spans are begun, ended, and sent by OTLP over HTTP.

Imported where a receiver is named, and nowhere else. Sources: https://www.w3.org/TR/trace-context/ says what a
`traceparent` is, https://opentelemetry.io/docs/specs/otel/ what the `OTEL_*` variables mean, which the library reads.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

from opentelemetry import trace as api
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pegel.data.event_tracing import EXPORTED, FAILED, MADE, OVER_RATE, Attributes, SpanKind
from pegel.data.wire import TRACEPARENT

MOST_BYTES: Final = 128
"""Of a `traceparent`: one of version 00 has 55; what is longer is nobody's."""
END_S: Final = 2.0
"""How long the end of a process waits for the receiver of spans."""
_LOGGERS = (OTLPSpanExporter.__module__, "opentelemetry.sdk._shared_internal")
_SELDOM_S = 60.0


class OtlpSpan:
    """An `EventSpan`."""

    def __init__(self, tracing: OtlpTracing, span: api.Span) -> None:
        """Take over a span that has begun."""
        self._tracing, self._span, self._is_open = tracing, span, True

    @property
    def traceparent(self) -> str:
        """Return what makes another span a child of this one."""
        context = self._span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def child(
        self, name: str, kind: SpanKind, *, start_ns: int | None = None, attributes: Attributes | None = None
    ) -> OtlpSpan:
        """Begin a span below this one."""
        return self._tracing.begin(self._span, name, kind, start_ns, attributes)

    def end(self, *, error: str = "", end_ns: int | None = None, attributes: Attributes | None = None) -> None:
        """End it once."""
        if not self._is_open:
            return
        self._is_open = False
        self._span.set_attributes(dict(attributes or {}))
        if error:
            self._span.set_attribute("error.type", error)
            self._span.set_status(api.StatusCode.ERROR)
        self._span.end(end_ns)

    def __enter__(self) -> Self:
        """Be open within a block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End with the block."""
        self.end(error=kind.__name__ if kind else "")


class OtlpTracing:
    """An `EventTracing`."""

    def __init__(
        self,
        service: str,
        *,
        per_second: float,
        exporter: SpanExporter | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Send spans to where the variables say, or by an `exporter`; follow at most `per_second` events in a second.

        Raises ValueError or OSError when the variables cannot be used.
        """
        self.counts: Counter[str] = Counter({OVER_RATE: 0, MADE: 0, EXPORTED: 0, FAILED: 0})
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_SELDOM)
        self._exporter = _Counted(exporter or OTLPSpanExporter(), self.counts)
        self._provider = TracerProvider(shutdown_on_exit=False, resource=_resource(service))
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("pegel")
        self._per_second, self._most, self._now = per_second, max(1.0, per_second), now
        self._left, self._at = self._most, now()

    def follow(
        self,
        given: Sequence[str],
        name: str,
        kind: SpanKind,
        *,
        start_ns: int | None = None,
        attributes: Attributes | None = None,
    ) -> OtlpSpan | None:
        """Begin a span below what a `traceparent` names; None where nobody asks for one, or too many do."""
        parent = _asking(given[0]) if len(given) == 1 else None
        if parent is None:
            return None
        if not self._may_follow():
            self.counts[OVER_RATE] += 1
            return None
        return self.begin(parent, name, kind, start_ns, attributes)

    def begin(
        self, parent: api.Span, name: str, kind: SpanKind, start_ns: int | None, attributes: Attributes | None
    ) -> OtlpSpan:
        """Begin a span below another; one that a sampler does not want, which the variables may name, is not sent."""
        below, said = api.set_span_in_context(parent), dict(attributes or {})
        span = self._tracer.start_span(name, below, api.SpanKind[kind.upper()], said, start_time=start_ns)
        self.counts[MADE] += span.is_recording()
        return OtlpSpan(self, span)

    def close(self, within_s: float = END_S) -> None:
        """Send what waits, as far as that is possible in time."""
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(within_s)
        if sending.is_alive():
            self._exporter.shutdown()

    def _may_follow(self) -> bool:
        """Take one of those that may be followed in this second, if any is left."""
        now = self._now()
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1.0:
            return False
        self._left -= 1.0
        return True


def _asking(traceparent: str) -> api.Span | None:
    """Return the span that a `traceparent` names; None where it is malformed or not sampled."""
    if len(traceparent) > MOST_BYTES:
        return None
    span = api.get_current_span(TraceContextTextMapPropagator().extract({TRACEPARENT: traceparent}))
    told = span.get_span_context()
    return span if told.is_valid and told.trace_flags.sampled else None


def _resource(service: str) -> Resource:
    """Return what the variables say of this process."""
    told = Resource.create()
    is_nameless = str(told.attributes[SERVICE_NAME]).startswith("unknown_service")
    return told.merge(Resource({SERVICE_NAME: service})) if is_nameless else told


class _Counted(SpanExporter):
    """Counts what another exporter sends."""

    def __init__(self, exporter: SpanExporter, counts: Counter[str]) -> None:
        self._exporter, self._counts, self._is_down = exporter, counts, False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            self._counts[EXPORTED if result is SpanExportResult.SUCCESS else FAILED] += len(spans)
        return result

    def shutdown(self) -> None:
        if not self._is_down:
            self._is_down = True
            self._exporter.shutdown()


class _Seldom(logging.Filter):
    """Lets the library say once a minute what is wrong with the receiver: it would of each attempt."""

    def __init__(self) -> None:
        super().__init__()
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        is_due = record.created >= self._next
        if is_due:
            self._next = record.created + _SELDOM_S
        return is_due


_SELDOM = _Seldom()
