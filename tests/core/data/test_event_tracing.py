"""Spans of single events: who is asked for, how many, and what becomes of them, by a real exporter and receiver."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import wait_until

from pegel.data.asked_tracing import is_asked_for, tracing_of
from pegel.data.event_tracing import EXPORTED, FAILED, MADE, OVER_RATE, EventTracing
from pegel.testing import TraceReceiver

TRACE, CLIENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE}-{CLIENT}-01"


@pytest.fixture
def traced(span_receiver: TraceReceiver) -> Iterator[EventTracing]:
    """What a process that sends to it begins spans with."""
    begun = tracing_of("pegel-tests", per_second=10)
    assert begun is not None
    yield begun
    begun.close()


def test_a_span_is_a_child_of_what_the_header_names(traced: EventTracing, span_receiver: TraceReceiver) -> None:
    """Trace and parent are the client's; a span below it is its child, and what failed says by what kind of error."""
    span = traced.follow([SAMPLED], "outer", "server", start_ns=1_000, attributes={"pegel.rows": 3})
    assert span is not None
    with pytest.raises(ZeroDivisionError), span.child("inner", "client"):
        _ = 1 / 0
    told = span.traceparent
    span.end(attributes={"status": 200})
    span.end(error="too late")
    traced.close()
    outer, inner = span_receiver.of_trace(TRACE)

    assert f"00-{TRACE}-{outer.id}-01" == told
    assert (CLIENT, outer.id) == (outer.parent, inner.parent)
    assert ("server", "client", "pegel-tests") == (outer.kind, inner.kind, outer.service)
    assert {"pegel.rows": 3, "status": 200} == outer.attributes
    assert (False, True, {"error.type": "ZeroDivisionError"}) == (outer.is_error, inner.is_error, inner.attributes)
    assert 1_000 == outer.start_ns
    assert {OVER_RATE: 0, MADE: 2, EXPORTED: 2, FAILED: 0} == traced.counts


@pytest.mark.parametrize(
    "given",
    [
        [],
        [""],
        ["nonsense"],
        [SAMPLED, SAMPLED],
        [f"00-{TRACE}-{CLIENT}-00"],
        [f"ff-{TRACE}-{CLIENT}-01"],
        [f"00-{'0' * 32}-{CLIENT}-01"],
        [f"00-{TRACE}-{'0' * 16}-01"],
        [SAMPLED.upper()],
        [f"{SAMPLED}-more"],
        [f"01-{TRACE}-{CLIENT}-01-{'x' * 100_000}"],
        [f"ÿþ{SAMPLED}"],
    ],
)
def test_what_asks_for_no_trace_has_none(traced: EventTracing, given: list[str]) -> None:
    """Nothing, unsampled, malformed, repeated and overlong headers begin no span, and count as nothing."""
    assert traced.follow(given, "outer", "server") is None
    assert {OVER_RATE: 0, MADE: 0, EXPORTED: 0, FAILED: 0} == traced.counts


def test_a_flood_is_bounded() -> None:
    """So many begin in a second; the others are counted. A second later so many begin again."""
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    from pegel.data.otlp_tracing import OtlpTracing

    clock = [0.0]
    traced = OtlpTracing("tests", per_second=10, exporter=InMemorySpanExporter(), now=lambda: clock[0])

    def begun() -> int:
        return sum(traced.follow([SAMPLED], "outer", "server") is not None for _ in range(1_000))

    first = begun()
    clock[0] = 1.0
    second = begun()
    traced.close()

    assert (10, 10, 1_980) == (first, second, traced.counts[OVER_RATE])


def test_a_receiver_that_is_away_costs_spans_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it does not take is counted; the end of the process does not wait for it."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    traced = tracing_of("tests", per_second=10)
    assert traced is not None
    span = traced.follow([SAMPLED], "outer", "server")
    assert span is not None
    span.end()

    assert wait_until(lambda: traced.counts[FAILED] == 1)
    traced.close()
    assert (1, 0) == (traced.counts[MADE], traced.counts[EXPORTED])


def test_a_queue_that_is_full_loses_spans_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a hundred spans that nobody sends in time the queue keeps the newest, and ending them raises nothing."""
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "5")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    traced = tracing_of("tests", per_second=100)
    assert traced is not None
    for _ in range(100):
        span = traced.follow([SAMPLED], "outer", "server")
        assert span is not None
        span.end()
    traced.close()

    assert 100 == traced.counts[MADE]


@pytest.mark.parametrize(
    ("environment", "is_traced"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_standard_variables_say_whether(environment: dict[str, str], *, is_traced: bool) -> None:
    """An endpoint switches spans on; without one, or switched off, there are none."""
    assert is_traced == is_asked_for(environment)


def test_another_protocol_is_no_reason_to_fail(caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be done is said, and nothing is traced."""
    wanted = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}

    assert tracing_of("tests", per_second=10, environment=wanted) is None
    assert ["spans are sent as http/protobuf alone; asked for: grpc. Nothing is traced."] == caplog.messages


def test_nothing_is_imported_where_nobody_traces() -> None:
    """Without an endpoint, or with a rate of nothing, the library stays on the disk."""
    program = (
        "import sys; from pegel.data.asked_tracing import tracing_of;"
        "assert tracing_of('x', per_second=10, environment={}) is None;"
        "assert tracing_of('x', per_second=0, environment={'OTEL_EXPORTER_OTLP_ENDPOINT': 'http://c'}) is None;"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )

    assert 0 == subprocess.run([sys.executable, "-c", program], check=False, cwd=Path.cwd()).returncode
