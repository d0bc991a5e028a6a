"""What is asked of a broker about partitions, and what is made of its answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from kafka import TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import LeaderNotAvailableError
from kafka.structs import OffsetAndTimestamp

from pegel.errors import Unavailable
from pegel.stream.commit import ReadRange
from pegel.stream.positions import positions
from pegel_spark.topic_partitions import TopicPartitions

TOPIC = "pegel.default.inference"


@dataclass
class Cluster:
    """An admin client of brokers that have one topic. `leaders` and `ends` are by partition; -1 is no leader."""

    leaders: dict[int, int]
    ends: dict[int, int]
    topic_id: str = "a"
    asked: list[list[int]] = field(default_factory=list)

    def describe_topics(self, topics: Iterable[str]) -> list[dict[str, Any]]:
        """Return the topic as the client does."""
        partitions = [{"partition_index": number, "leader_id": leader} for number, leader in self.leaders.items()]
        return [
            {
                "name": topic,
                "topic_id": self.topic_id,
                "error_code": 0 if topic == TOPIC else 3,
                "partitions": partitions if topic == TOPIC else [],
            }
            for topic in topics
        ]

    def list_partition_offsets(self, wanted: Mapping[TopicPartition, Any]) -> dict[TopicPartition, OffsetAndTimestamp]:
        """Return where partitions begin, at 0, or end. For one without a leader all are waited for in vain."""
        self.asked.append(sorted(place.partition for place in wanted))
        if any(self.leaders[place.partition] < 0 for place in wanted):
            raise LeaderNotAvailableError
        return {
            place: OffsetAndTimestamp(0 if spec == OffsetSpec.EARLIEST else self.ends[place.partition], -1, 0)
            for place, spec in wanted.items()
        }

    def close(self) -> None:
        """Do nothing."""


class MadeAgain(Cluster):
    """One whose topic is made again once its partitions were named."""

    def list_partition_offsets(self, wanted: Mapping[TopicPartition, Any]) -> dict[TopicPartition, OffsetAndTimestamp]:
        """Return where those of the new topic end."""
        self.topic_id, self.ends = "b", {0: 3}
        return Cluster.list_partition_offsets(self, wanted)


def connected(cluster: Cluster) -> TopicPartitions:
    """Return what asks a cluster."""
    topics = TopicPartitions("127.0.0.1:9")
    topics._admin = cluster
    return topics


def test_a_partition_without_a_leader_is_told_apart_and_not_asked_for() -> None:
    """The others are looked at as ever; it is there, but nobody can say for now where it ends."""
    cluster = Cluster(leaders={0: 1, 1: -1, 2: 2}, ends={0: 7, 1: 8, 2: 9})
    there = connected(cluster).look({TOPIC})

    assert ([(0, 7), (2, 9)], [(TOPIC, 1)]) == ([(each.partition, each.end) for each in there.ends], there.leaderless)
    assert {(TOPIC, 0), (TOPIC, 1), (TOPIC, 2)} == set(there.addresses)
    assert [[0, 2], [0, 2]] == cluster.asked


def test_a_leader_that_is_lost_between_two_looks_asks_for_a_new_look() -> None:
    """The small question fails for all partitions, the next look tells the one apart."""
    cluster = Cluster(leaders={0: 1, 1: 2}, ends={0: 7, 1: 8})
    topics = connected(cluster)
    there = topics.look({TOPIC})
    cluster.leaders[1] = -1
    with pytest.raises(Unavailable):
        topics.grown(there.ends)
    topics._admin = cluster

    assert [(TOPIC, 1)] == topics.look({TOPIC}).leaderless


def test_a_topic_made_again_is_another_one() -> None:
    """What is asked for under its old numbers is refused, and the next look says where the former one ended."""
    cluster = Cluster(leaders={0: 1}, ends={0: 700})
    topics = connected(cluster)
    there = topics.look({TOPIC})
    same = topics.are_the_same(there.ends)
    cluster.topic_id, cluster.ends = "b", {0: 900}
    other = topics.are_the_same(there.ends)
    (again,), (once_more,) = topics.look({TOPIC}).ends, topics.look({TOPIC}).ends

    assert (True, False) == (same, other)
    assert (900, 700, None) == (again.end, again.former_end, once_more.former_end)


@pytest.mark.parametrize("records", [3, 150, 151, 400])
def test_the_end_of_a_topic_made_again_is_never_that_of_the_former(records: int) -> None:
    """Whoever asks by name in between is refused, or learns nothing new: what was unread of the former is a gap."""
    cluster = Cluster(leaders={0: 1}, ends={0: 150})
    topics = connected(cluster)
    there = topics.look({TOPIC})
    cluster.topic_id, cluster.ends = "b", {0: records}
    with suppress(Unavailable):
        topics.grown(there.ends)
    read = ReadRange(topic=TOPIC, partition=0, start=0, end=100, records=100, topic_id="a")
    found = positions({(TOPIC, 0): read}, topics.look({TOPIC}).ends, datetime.now(UTC))

    assert [(100, 150)] == [(gap.start, gap.end) for gap in found.gaps]


def test_a_topic_made_again_while_it_is_looked_at_is_looked_at_again() -> None:
    """Ends that were asked for between two ids are nobody's."""
    cluster = MadeAgain(leaders={0: 1}, ends={0: 150})
    topics = connected(cluster)
    with pytest.raises(Unavailable, match="made again"):
        topics.look({TOPIC})

    assert {} == topics.seen
    assert [("b", 3)] == [(each.topic_id, each.end) for each in topics.look({TOPIC}).ends]


def test_a_topic_that_does_not_exist_is_named_beside_the_others() -> None:
    """What exists is looked at as ever."""
    there = connected(Cluster(leaders={0: 1}, ends={0: 7})).look({TOPIC, "pegel.other.inference"})

    assert ([(TOPIC, 0)], ["pegel.other.inference"]) == (there.addresses, there.absent)
