"""A prediction whose client asks for a trace: proxy, model server, logger, broker and receiver of spans, all real."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import processes
import pytest
import topics
from waiting import wait_until

from pegel.data import wire
from pegel.spec import names
from pegel.testing import ReceivedSpan, TraceReceiver
from pegel_local.kafka.broker import Broker

# a process that starts beside other tests on two cores may take a while
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
TRACE, CLIENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
UNTRACED = ["nonsense", f"00-{'1' * 32}-{CLIENT}-00", f"ff-{'2' * 32}-{CLIENT}-01", f"00-{'3' * 32}-{CLIENT}-01" * 99]
BODY = json.dumps({"instances": [{"colour": "red", "size": 1.0, "weight": 1.0}]}).encode()


Doors = Callable[..., tuple[processes.Service, processes.Service]]


@pytest.fixture
def doors(
    services: Callable[..., processes.Service], server: processes.Service, broker: Broker, tmp_path: Path
) -> Doors:
    """Start a logger and a proxy before it."""

    def begin(*options: str) -> tuple[processes.Service, processes.Service]:
        flat = ("--kafka", broker.address, "--spool", str(tmp_path / "spool"), *options)
        logger = services("pegel_serving.logger", *flat, log=tmp_path / "logger.log")
        flat = ("--upstream", server.url, "--logger", logger.url, "--name", "paint-v1", *options)
        return logger, services("pegel_serving.proxy", *flat, "--namespace", "traced", log=tmp_path / "proxy.log")

    return begin


def predict(proxy: processes.Service, traceparent: str) -> httpx.Response:
    """Ask for a prediction as a client that is traced would."""
    headers = {"traceparent": traceparent, "content-type": "application/json"}
    return httpx.post(f"{proxy.url}/v1/models/paint-v1:predict", content=BODY, headers=headers, trust_env=False)


def test_the_spans_of_one_prediction_stand_below_each_other(
    doors: Doors, span_receiver: TraceReceiver, broker: Broker
) -> None:
    """Client, proxy, model server and logger; the records on the topic carry the logger's spans on, and no others do.

    Who asks for no trace, or in words that are none, is answered like everybody, and has none.
    """
    logger, proxy = doors()
    answers = [predict(proxy, each) for each in [*UNTRACED, f"00-{TRACE}-{CLIENT}-01"]]
    event = answers[-1].headers["pegel-event-id"]
    wait_until(lambda: len(span_receiver.spans) == 4)
    spans = {span.name: span for span in span_receiver.spans}
    records = [
        record
        for record in topics.consume(broker.address, names.inference_topic("traced"), at_least=10)
        if record.key in {answer.headers["pegel-event-id"].encode() for answer in answers}
    ]

    assert [200] * 5 == [answer.status_code for answer in answers]
    assert ["predict", "model server", "log request", "log response"] == list(spans)
    assert {TRACE} == {span.trace for span in spans.values()}
    asked = spans["predict"].id
    assert [CLIENT, asked, asked, asked] == [span.parent for span in spans.values()]
    assert ["server", "client", "producer", "producer"] == [span.kind for span in spans.values()]
    assert {"pegel-proxy", "pegel-logger"} == {span.service for span in spans.values()}
    assert {event} == {span.attributes["pegel.event_id"] for span in spans.values() if span.name != "model server"}
    assert 200 == spans["predict"].attributes["http.response.status_code"]
    assert "delivered" == spans["log response"].attributes["pegel.fate"]
    assert 10 == len(records)
    assert {(kind, spans[f"log {kind}"].id) for kind in ("request", "response")} == {
        (kind_of(record), record.headers["traceparent"].decode().split("-")[2])
        for record in records
        if wire.TRACEPARENT in record.headers
    }
    assert 2 == processes.metric(logger.url, "pegel_logger_traced_total", outcome="exported")
    assert all(set() == told_of(span, BODY) for span in spans.values())


def kind_of(record: topics.Record) -> str:
    """Return whether a record is a request or a response."""
    kind: str = record.headers[wire.HEADER_TYPE].decode().rpartition(".")[2]
    return kind


def told_of(span: ReceivedSpan, body: bytes) -> set[Any]:
    """Return which values of a body a span tells."""
    (row,) = json.loads(body)["instances"]
    return {value for value in row.values() if isinstance(value, str)} & {
        str(said) for said in span.attributes.values()
    }


def test_a_flood_and_a_receiver_that_hangs_cost_no_answer(
    doors: Doors, span_receiver: TraceReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hundred requests that ask for a trace one is traced; all are answered, logged, and both processes end."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{mute.getsockname()[1]}")
        logger, proxy = doors("--traced-per-second", "0.0001")
        statuses = [predict(proxy, f"00-{number:032x}-{CLIENT}-01").status_code for number in range(1, 101)]
        produced = wait_until(lambda: processes.metric(logger.url, "pegel_logger_events_produced_total") == 200)
        traced = processes.metric(logger.url, "pegel_logger_traced_total", outcome="made")
        refused = processes.metric(logger.url, "pegel_logger_traced_total", outcome="over_rate")
        codes = proxy.end(), logger.end()

    assert [200] * 100 == statuses
    assert produced
    assert (1, 1) == (traced, refused)
    assert (0, 0) == codes
    assert [] == span_receiver.spans
