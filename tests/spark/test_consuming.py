"""Ranges of offsets as records: read to their ends, bounded in bytes, and nothing that is gone is passed over."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
import wires
from confluent_kafka import Producer
from kafka import KafkaAdminClient, TopicPartition

from pegel.stream.positions import OffsetRange
from pegel_spark.consuming import CHUNK_BYTES, STEP, Reading, RecordsDamaged, RecordsGone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def offsets(reading: Reading) -> list[int]:
    """Return the offsets of all records that are read."""
    return [offset for records in reading.records() for offset in records.offsets.tolist()]


def test_offsets_without_records_are_read_as_well(wire: Any) -> None:
    """Where a transaction ended stands no record: a range that ends there, or lies there whole, is read to its end."""
    producer = Producer({"bootstrap.servers": wire.address, "transactional.id": wire.namespace, "log_level": 0})
    producer.init_transactions()
    for _ in range(2):
        producer.begin_transaction()
        for number in range(3):
            producer.produce(wire.topic, str(number).encode())
        producer.commit_transaction()
    address = (wire.topic, 0)
    everything, first, marker = (OffsetRange(address, *ends) for ends in ((0, 8), (0, 4), (3, 4)))
    whole, begun, nothing = (Reading(wire.address, [wanted]) for wanted in (everything, first, marker))

    assert [0, 1, 2, 4, 5, 6] == offsets(whole)
    assert [0, 1, 2] == offsets(begun)
    assert [] == offsets(nothing)
    assert [[8], [4], [4]] == [[each.end for each in reading.emptied] for reading in (whole, begun, nothing)]


def test_what_is_handed_over_at_once_is_bounded_by_bytes(wire: Any) -> None:
    """Of 60 records of 900 kB at most some are in memory, though 5,000 records might come at once."""
    for _ in range(60):
        wire.producer.send(wire.topic, b"x" * 900_000)
    wire.producer.flush()
    reading = Reading(wire.address, [OffsetRange((wire.topic, 0), 0, 60)])
    sizes = [sum(map(len, records.bodies)) for records in reading.records()]

    assert 60 * 900_000 == sum(sizes)
    assert max(sizes) < CHUNK_BYTES + STEP * 900_000


def test_records_that_are_gone_are_not_passed_over(wire: Any) -> None:
    """Retention that overtakes a range is told; what the broker still has of it is not read as if it were all."""
    for _ in range(10):
        wire.producer.send(wire.topic, b"x")
    wire.producer.flush()
    with closing(KafkaAdminClient(bootstrap_servers=wire.address)) as admin:
        admin.delete_records({TopicPartition(wire.topic, 0): 5})

    with pytest.raises(RecordsGone, match="partition 0, offsets 0 to 10"):
        offsets(Reading(wire.address, [OffsetRange((wire.topic, 0), 0, 10)]))
    assert [5, 6, 7, 8, 9] == offsets(Reading(wire.address, [OffsetRange((wire.topic, 0), 5, 10)]))


def test_records_that_fail_their_checksum_are_not_passed_over(wire: Any, broker: Any) -> None:
    """A batch whose bytes changed on the broker's disk is told, although the client goes on behind it."""
    for word in (b"first", b"second", b"third"):
        wire.producer.send(wire.topic, word)
        wire.producer.flush()
    wires.damage(broker, wire.topic, b"second")
    address = (wire.topic, 0)

    with pytest.raises(RecordsDamaged, match=r"partition 0, offsets 0 to 3: .*CRC"):
        offsets(Reading(wire.address, [OffsetRange(address, 0, 3)]))
    assert [[0], [2]] == [offsets(Reading(wire.address, [OffsetRange(address, at, at + 1)])) for at in (0, 2)]
