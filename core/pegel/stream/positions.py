"""Where to begin to read: what the database says was read, held against what the broker has now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pegel.stream.commit import Gap, ReadRange
from pegel.stream.wire_records import Address

MADE_AGAIN = "the topic was made again"
"""How the reason of a gap begins that is one of a former topic under the same name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionEnds:
    """One partition as the broker has it: offsets from `beginning` (inclusive) to `end` (exclusive).

    `former_end`: where the partition of another topic ended that was under this name when it was looked at last; None
    where there was no other, or nobody has looked.
    """

    topic: str
    partition: int
    topic_id: str | None
    beginning: int
    end: int
    former_end: int | None = None


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Records of one partition that may be read: offsets from `start` (inclusive) to `end` (exclusive)."""

    address: Address
    start: int
    end: int

    @property
    def records(self) -> int:
        """Return how many records it holds at most: some offsets may hold none."""
        return self.end - self.start

    def __str__(self) -> str:
        """Return it for people."""
        topic, partition = self.address
        return f"{topic}, partition {partition}, offsets {self.start} to {self.end}"


@dataclass(slots=True)
class Positions:
    """What there is to read of each partition, and what has to be noted before.

    `reset` are empty ranges that begin anew.
    """

    ranges: list[OffsetRange] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    reset: list[ReadRange] = field(default_factory=list)


def positions(known: Mapping[Address, ReadRange], there: Iterable[PartitionEnds], now: datetime) -> Positions:
    """Return where to go on. A group that joins others on a topic was given their place when its model was registered.

    ============================  ===============================================================
    a partition                   is read from
    ============================  ===============================================================
    read before                   the offset after the last one read
    never seen, by any group      its beginning: a namespace's topic is made for its first model,
                                  so nothing on it is older than the first onboarding
    of a topic made again         its first offset: these are other records under old numbers;
                                  what was not read of the former topic is a gap, an empty one
                                  where nobody knows how much that was
    whose next records are gone   its beginning; what lies between is a gap
    that ends before that         its end, from where the broker numbers on; a gap as well
    ============================  ===============================================================
    """
    places = Positions()
    for ends in sorted(there, key=lambda ends: (ends.topic, ends.partition)):
        address = (ends.topic, ends.partition)
        last = known.get(address)
        start = ends.beginning if last is None else last.end
        if last is not None and last.is_of_another(ends.topic_id):
            places.gaps += _of_former(ends, start, now)
            start = 0
        if start < ends.beginning:
            places.gaps.append(_gap(ends, start, ends.beginning, "the broker deleted these before they were read", now))
            start = ends.beginning
        elif start > ends.end:
            places.gaps.append(_gap(ends, ends.end, start, "the broker lost records: it numbers on from before", now))
            start = ends.end
        places.ranges.append(OffsetRange(address, start, ends.end))
        if last is None or start != last.end or last.topic_id != ends.topic_id:
            places.reset.append(_empty(ends, start))
    return places


def _gap(ends: PartitionEnds, start: int, end: int, reason: str, now: datetime) -> Gap:
    return Gap(topic=ends.topic, partition=ends.partition, start=start, end=end, reason=reason, at=now)


def _of_former(ends: PartitionEnds, read_up_to: int, now: datetime) -> list[Gap]:
    """Return what is missing of a topic that was read up to an offset before another took its place."""
    if ends.former_end is None:
        reason = f"{MADE_AGAIN}; how much of the former one was unread is not known"
        return [_gap(ends, read_up_to, read_up_to, reason, now)]
    if ends.former_end <= read_up_to:
        return []
    return [_gap(ends, read_up_to, ends.former_end, f"{MADE_AGAIN} before these were read", now)]


def _empty(ends: PartitionEnds, at: int) -> ReadRange:
    return ReadRange(topic=ends.topic, partition=ends.partition, start=at, end=at, records=0, topic_id=ends.topic_id)
