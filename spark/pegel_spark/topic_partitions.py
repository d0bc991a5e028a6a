"""What the broker has of a group's topics: partitions, their beginnings and ends, and the topics' ids."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import KafkaError

from pegel.errors import Unavailable
from pegel.stream.positions import PartitionEnds
from pegel.stream.wire_records import Address

T = TypeVar("T")
ANSWER_WITHIN_MS = 5_000
"""How long one question may take: the loop that asks also says that the driver lives."""


class TopicPartitions:
    """Asks a broker, over one connection that is made anew after a failure."""

    def __init__(self, kafka: str) -> None:
        """Remember the bootstrap servers; nothing is connected yet."""
        self._servers = kafka.split(",")
        self._admin: Any = None

    def ends(self, topics: Collection[str]) -> list[PartitionEnds]:
        """Return every partition of those topics that exist with where it begins and ends. Raises Unavailable."""
        return self._asked(lambda admin: _ends(admin, topics))

    def grown(self, known: Sequence[PartitionEnds]) -> list[PartitionEnds]:
        """Return partitions with where they end now; a small question. Raises Unavailable."""
        return self._asked(lambda admin: _grown(admin, known))

    def close(self) -> None:
        """End the connection."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def _asked(self, question: Callable[[Any], T]) -> T:
        try:
            if self._admin is None:
                self._admin = KafkaAdminClient(
                    bootstrap_servers=self._servers,
                    request_timeout_ms=ANSWER_WITHIN_MS,
                    bootstrap_timeout_ms=ANSWER_WITHIN_MS,
                )
            return question(self._admin)
        except KafkaError as error:
            self.close()
            raise Unavailable(f"the broker {','.join(self._servers)} did not answer: {error!r:.200}") from error


def _addresses(admin: Any, topics: Collection[str]) -> dict[Address, str]:
    if not topics:
        return {}
    return {
        (topic["name"], partition["partition_index"]): str(topic["topic_id"])
        for topic in admin.describe_topics(sorted(topics))
        if not topic["error_code"]
        for partition in topic["partitions"]
    }


def _ends(admin: Any, topics: Collection[str]) -> list[PartitionEnds]:
    ids = _addresses(admin, topics)
    places = {TopicPartition(*address): address for address in ids}
    if not places:
        return []
    first = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.EARLIEST))
    last = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
    return [
        PartitionEnds(
            topic=address[0],
            partition=address[1],
            topic_id=ids[address],
            beginning=first[place].offset,
            end=last[place].offset,
        )
        for place, address in places.items()
    ]


def _grown(admin: Any, known: Sequence[PartitionEnds]) -> list[PartitionEnds]:
    places = {TopicPartition(ends.topic, ends.partition): ends for ends in known}
    last = admin.list_partition_offsets(dict.fromkeys(places, OffsetSpec.LATEST))
    return [replace(ends, end=last[place].offset) for place, ends in places.items()]
