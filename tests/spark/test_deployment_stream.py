"""What a deployment of Hopsworks logs, read by a streaming driver from a real broker, and counted exactly."""

from __future__ import annotations

import signal
from contextlib import closing
from datetime import datetime, timedelta

import numpy as np
import pytest
import wires
from kafka import KafkaAdminClient
from kafka.admin import NewTopic
from stream_drivers import Drivers

from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.spec import names
from pegel.testing.samples import brief_spec, deployed
from pegel.testing.stream_fakes import AvroRecord, LoggedRecord, in_avro, paired_in_avro
from pegel_spark.driver import Exit

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def test_a_deployments_topic_is_counted_exactly(drivers: Drivers) -> None:
    """Records of four versions, in seconds and milliseconds, make 240 joined events; 30 failed, and two are no records.

    Those lie among the dead letters of the model's namespace as they came, with the reason. A model of the same group
    whose endpoint logs to the namespace's own topic is watched beside it.
    """
    world, wire, rng = drivers.world, drivers.wire, np.random.default_rng(5)
    topic = f"{wire.namespace}.fraud"
    with closing(KafkaAdminClient(bootstrap_servers=wire.address)) as admin:
        admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
    world.watch(brief_spec("fraud", model=deployed("fraud", topic), namespace=wire.namespace))
    world.watch(brief_spec(namespace=wire.namespace))
    driver = drivers.start()
    begin = wires.now().replace(microsecond=0) - timedelta(seconds=20)
    for number in range(240):
        for record in written(number, begin + timedelta(milliseconds=50 * number), rng):
            send(wire, topic, number, record.body, record.at)
    for broken in (b"no record", in_avro(pair(0, begin, rng)[0]).body[:-5]):
        send(wire, topic, 0, broken, begin)
    for number in range(20):
        wire.pair(f"e{number}", begin + timedelta(milliseconds=50 * number), rng)
    wire.producer.flush()
    rows = drivers.wait(lambda: drivers.finals(240, "fraud"))
    own = drivers.wait(lambda: drivers.finals(20))
    driver.send_signal(signal.SIGTERM)

    assert Exit.STOPPED == driver.wait(90)
    assert (240, 210, 210, 240, 0, 0) == tuple(
        sum(getattr(row, name) for row in rows)
        for name in ("requests", "responses", "joined", "rows", "duplicates", "invalid")
    )
    assert 20 == sum(row.joined for row in own)
    assert [("missing_header", 2)] == [(row.kind, row.count) for row in world.results.invalid("", 0)]
    letters = wire.read(names.dead_letters_topic(wire.namespace))
    assert {b"no record"} == {letter.value for letter in letters if len(letter.value) < 10}
    assert [b"missing_header"] * 2 == [dict(letter.headers)["dlq_reason"] for letter in letters]
    assert (492, 492) == drivers.accounts()


def pair(number: int, at: datetime, rng: np.random.Generator) -> tuple[LoggedRecord, LoggedRecord]:
    """Return a request and its response, 30 ms later."""
    request = LoggedRecord(f"e{number}", REQUEST_TYPE, "fraud-v1", wires.request_body(rng), at)
    later = at + timedelta(milliseconds=30)
    return request, LoggedRecord(f"e{number}", RESPONSE_TYPE, "fraud-v1", wires.response_body(rng), later)


def written(number: int, at: datetime, rng: np.random.Generator) -> list[AvroRecord]:
    """Return the records of one request: of version 4 two, of the others one; every eighth request has failed."""
    request, response = pair(number, at, rng)
    version = number % 4 + 1
    if version == 4:
        return [in_avro(request), in_avro(response)]
    stamp = int(at.timestamp()) if number % 3 == 0 else None
    return [paired_in_avro(request, response, version, status=500 if number % 8 == 1 else 200, stamp=stamp)]


def send(wire: wires.Wire, topic: str, number: int, body: bytes, at: datetime) -> None:
    """Send a record without a key and headers, as an inference logger does."""
    wire.producer.send(topic, value=body, partition=number % 2, timestamp_ms=round(at.timestamp() * 1000))
