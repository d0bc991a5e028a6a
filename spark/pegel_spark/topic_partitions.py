"""What the broker has of a group's topics: partitions, their beginnings and ends, and the topics' ids."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from pegel.errors import Unavailable
from pegel.stream.positions import PartitionEnds
from pegel.stream.wire_records import Address
from pegel_spark import kafka_clients

T = TypeVar("T")
ANSWER_WITHIN_MS = 5_000
"""How long one question may take: the loop that asks also says that the driver lives."""


@dataclass(slots=True)
class Partitions:
    """The partitions of some topics. Of `leaderless` ones nobody can say for now where they end.

    `absent`: the topics that do not exist.
    """

    ends: list[PartitionEnds]
    leaderless: list[Address] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    @property
    def addresses(self) -> list[Address]:
        """Return all of them, whether they can be read or not."""
        return [*((each.topic, each.partition) for each in self.ends), *self.leaderless]


class TopicPartitions:
    """Asks a broker, over one connection that is made anew after a failure.

    `seen`: where partitions ended when they were looked at last, also those of topics that are gone. An end is believed
    to be that of a topic only if the topic has the same id after it was asked for.
    """

    def __init__(self, kafka: str) -> None:
        """Remember the bootstrap servers; nothing is connected yet."""
        self._kafka = kafka
        self._admin: Any = None
        self.seen: dict[Address, PartitionEnds] = {}

    def look(self, topics: Collection[str]) -> Partitions:
        """Return every partition of those topics that exist. Raises Unavailable, also if one was just made again."""
        there = self._asked(lambda admin: _partitions(admin, topics))
        former = {each: self.seen.get((each.topic, each.partition)) for each in there.ends}
        self._see(there.ends)
        ends = [
            replace(each, former_end=None if other is None or other.topic_id == each.topic_id else other.end)
            for each, other in former.items()
        ]
        return replace(there, ends=ends)

    def grown(self, known: Sequence[PartitionEnds]) -> list[PartitionEnds]:
        """Return partitions with where they end now; a small question. Raises Unavailable, also if one was made again.

        Partitions are asked for by name. Where one ends elsewhere than before, it may be another one by now, and its
        end says nothing of what was unread of the former.
        """
        ends = self._asked(lambda admin: _grown(admin, known))
        if any(each.end != before.end for each, before in zip(ends, known, strict=True)):
            self._see(ends)
        return ends

    def are_the_same(self, known: Sequence[PartitionEnds]) -> bool:
        """Say whether no topic is another one by now than the one that was looked at. Raises Unavailable."""
        ids = {each.topic: each.topic_id for each in known}
        return self._asked(lambda admin: all(ids[topic["name"]] == _id(topic) for topic in _described(admin, ids)))

    def close(self) -> None:
        """End the connection."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def _see(self, ends: Sequence[PartitionEnds]) -> None:
        """Remember ends. Raises Unavailable if a topic is another one than the one whose ends were wanted."""
        if not self.are_the_same(ends):
            raise Unavailable("a topic was made again while it was looked at")
        self.seen.update(((each.topic, each.partition), each) for each in ends)

    def _asked(self, question: Callable[[Any], T]) -> T:
        try:
            if self._admin is None:
                self._admin = KafkaAdminClient(
                    **kafka_clients.kafka_python(self._kafka),
                    request_timeout_ms=ANSWER_WITHIN_MS,
                    bootstrap_timeout_ms=ANSWER_WITHIN_MS,
                )
            return question(self._admin)
        except KafkaError as error:
            self.close()
            why = kafka_clients.refusal(self._kafka) or f"{error!r:.200}"
            raise Unavailable(f"the broker {self._kafka} did not answer: {why}") from error


def _described(admin: Any, topics: Collection[str]) -> list[dict[str, Any]]:
    """Return what the broker says of the topics that exist."""
    if not topics:
        return []
    return [topic for topic in admin.describe_topics(sorted(topics)) if not topic["error_code"]]


def _id(topic: dict[str, Any]) -> str:
    return str(topic["topic_id"])


def _partitions(admin: Any, topics: Collection[str]) -> Partitions:
    ids: dict[Address, str] = {}
    leaderless = []
    described = _described(admin, topics)
    absent = sorted(set(topics) - {topic["name"] for topic in described})
    for topic in described:
        for partition in topic["partitions"]:
            address = (topic["name"], partition["partition_index"])
            if partition["leader_id"] < 0:
                leaderless.append(address)
            else:
                ids[address] = _id(topic)
    places = {TopicPartition(*address): address for address in ids}
    if not places:
        return Partitions([], leaderless, absent)
    first = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
    last = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
    ends = [
        PartitionEnds(
            topic=address[0],
            partition=address[1],
            topic_id=ids[address],
            beginning=first[place].offset,
            end=last[place].offset,
        )
        for place, address in places.items()
    ]
    return Partitions(ends, leaderless, absent)


def _grown(admin: Any, known: Sequence[PartitionEnds]) -> list[PartitionEnds]:
    places = {TopicPartition(ends.topic, ends.partition): ends for ends in known}
    last = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
    return [replace(ends, end=last[place].offset) for place, ends in places.items()]
