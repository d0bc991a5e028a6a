"""Where to begin to read: what the database says was read, held against what the broker has now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pegel.stream.commit import Gap, ReadRange
from pegel.stream.wire_records import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionEnds:
    """One partition as the broker has it: offsets from `beginning` (inclusive) to `end` (exclusive)."""

    topic: str
    partition: int
    topic_id: str | None
    beginning: int
    end: int


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
    of a topic made again         its beginning: these are other records under old numbers
    whose next records are gone   its beginning; what lies between is a gap
    that ends before that         its end, from where the broker numbers on; a gap as well
    ============================  ===============================================================
    """
    found = Positions()
    for ends in sorted(there, key=lambda ends: (ends.topic, ends.partition)):
        address = (ends.topic, ends.partition)
        last = known.get(address)
        start = ends.beginning if last is None or _made_again(last, ends) else last.end
        if start < ends.beginning:
            found.gaps.append(_gap(ends, start, ends.beginning, "the broker deleted these before they were read", now))
            start = ends.beginning
        elif start > ends.end:
            found.gaps.append(_gap(ends, ends.end, start, "the broker lost records: it numbers on from before", now))
            start = ends.end
        found.ranges.append(OffsetRange(address, start, ends.end))
        if last is None or start != last.end or last.topic_id != ends.topic_id:
            found.reset.append(_empty(ends, start))
    return found


def _made_again(last: ReadRange, ends: PartitionEnds) -> bool:
    """Say whether the topic is another one under the same name. A broker that gives no ids leaves that unknown."""
    return last.topic_id is not None and ends.topic_id is not None and last.topic_id != ends.topic_id


def _gap(ends: PartitionEnds, start: int, end: int, reason: str, now: datetime) -> Gap:
    return Gap(topic=ends.topic, partition=ends.partition, start=start, end=end, reason=reason, at=now)


def _empty(ends: PartitionEnds, at: int) -> ReadRange:
    return ReadRange(topic=ends.topic, partition=ends.partition, start=at, end=at, records=0, topic_id=ends.topic_id)
