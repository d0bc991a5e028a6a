"""One prediction travels from the client to the topic: model server, proxy, logger and broker, all real."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import processes
import pytest
import topics
from waiting import wait_until

from pegel.spec import names
from pegel_local.kafka.broker import Broker
from pegel_local.traffic.changes import Row, SentRow
from pegel_local.traffic.loops import OpenLoop, send
from pegel_local.traffic.requests import body_in, requests_of
from pegel_local.traffic.timed_answers import AnswerCounts

# a process that starts beside other tests on two cores may take a while
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_every_request_and_response_is_one_record(
    services: Callable[..., processes.Service], server: processes.Service, broker: Broker, tmp_path: Path
) -> None:
    """Sent = requests = responses, found by what the client called them, and the bodies are those of the call."""
    flat = ("--kafka", broker.address, "--spool", str(tmp_path / "spool"))
    logger = services("pegel_serving.logger", *flat, log=tmp_path / "logger.log")
    options = ("--upstream", server.url, "--logger", logger.url, "--name", "paint-v1", "--namespace", "other")
    proxy = services("pegel_serving.proxy", *options, log=tmp_path / "proxy.log")
    sizes = [float(number) for number in range(100)]
    rows: list[Row] = [{"colour": "red", "size": size, "weight": 1.0} for size in sizes]
    counts = AnswerCounts()
    sent = list(requests_of(map(SentRow, rows), body_in("v1", frozenset(), as_list=False)))
    asyncio.run(send(f"{proxy.url}/v1/models/paint-v1:predict", sent, OpenLoop(200.0), counts))
    produced = wait_until(lambda: processes.metric(logger.url, "pegel_logger_events_produced_total") == 200)
    records = topics.consume(broker.address, names.inference_topic("other"), at_least=200)
    bodies = {
        (record.headers["ce_type"].rpartition(b".")[2].decode(), record.headers["ce_clientid"].decode()): json.loads(
            record.value or b""
        )
        for record in records
    }

    assert {"200": 100} == counts.kinds
    assert produced
    assert 200 == len(records)
    assert [{"instances": [row]} for row in rows] == [bodies["request", request.identity] for request in sent]
    assert [2 * size + 13 for size in sizes] == pytest.approx(
        [bodies["response", request.identity]["predictions"][0] for request in sent]
    )
