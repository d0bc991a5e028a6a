"""How far each partition has come in event time: what one of them lags behind holds back the windows of all.

Partitions are read unequally: in parts, one after the other, or not at all while one has no leader. The newest event of
one says nothing of what another still holds, so nothing becomes final beyond what every lagging partition has come to::

    partition 0   .. . .. . . .. .. .| read to its end
    partition 1   . .. .|. .. . .. .     unread records behind |
                        ^ windows close up to here
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pegel.data.instants import EPOCH, from_us
from pegel.stream.positions import PartitionEnds
from pegel.stream.task_output import PartitionRead
from pegel.stream.wire_records import Address

AWAITED_FOR = timedelta(minutes=10)
"""How long windows wait for a partition without a leader: longer than restarting a broker takes. Beyond that nobody
would be told of what the others show, so they go on, and what it brings for closed windows is late, by number."""
DRAINS_WITHIN = timedelta(seconds=30)
"""How long a partition that has its leader again still holds windows open although nothing of it is unread: those who
could not write to it send what they kept."""
REMEMBERED = 4_096
"""Offsets behind the last one read after which an event of a monitor says nothing any more of where it stands there."""


@dataclass(slots=True)
class PartitionClocks:
    """The newest event times read of each partition, by monitor, and which partitions lag.

    `ends`: where partitions ended when the broker was asked last. `heads`: by monitor the newest event time, in
    microseconds, with the offset up to which was read when it was seen.
    """

    ends: dict[Address, int] = field(default_factory=dict)
    heads: dict[Address, dict[str, tuple[int, int]]] = field(default_factory=dict)
    _leaderless_since: dict[Address, datetime] = field(default_factory=dict)
    _led_again_at: dict[Address, datetime] = field(default_factory=dict)

    def looked(self, ends: Iterable[PartitionEnds], leaderless: Collection[Address], now: datetime) -> None:
        """Take in every partition that there is; `leaderless` are those of which nobody can say where they end."""
        before = self._leaderless_since
        self._leaderless_since = {address: before.get(address, now) for address in leaderless}
        self._led_again_at |= {address: now for address in before if address not in self._leaderless_since}
        self.ends = {}
        self.grown(ends)

    def grown(self, ends: Iterable[PartitionEnds]) -> None:
        """Take in where partitions end now."""
        self.ends |= {(each.topic, each.partition): each.end for each in ends}

    def read(self, reads: Iterable[PartitionRead]) -> None:
        """Take in what was read of partitions."""
        for each in reads:
            own = self.heads.setdefault((each.topic, each.partition), {})
            for key, head_us in each.heads.items():
                own[key] = (max(head_us, own.get(key, (head_us, 0))[0]), each.end)
            recent = {key: seen for key, seen in own.items() if seen[1] > each.end - REMEMBERED}
            # Where nothing of the last records tells the time, what told it before them still does.
            self.heads[each.topic, each.partition] = recent or own

    def begins_anew(self, address: Address) -> None:
        """Forget the events of a partition that is read from elsewhere now."""
        self.heads.pop(address, None)

    def forget_what_was_read(self) -> None:
        """Forget the events of all partitions: those read since the last commit of a state are read again."""
        self.heads.clear()

    def is_awaited(self, address: Address, now: datetime) -> bool:
        """Say whether a partition may bring older records although nothing of it is known to be unread."""
        since, again = self._leaderless_since.get(address), self._led_again_at.get(address)
        if since is not None:
            return now - since <= AWAITED_FOR
        return again is not None and now - again <= DRAINS_WITHIN

    def lagging(self, read_up_to: Mapping[Address, int], now: datetime) -> list[Address]:
        """Return the partitions that may hold records older than what was read of others.

        `read_up_to`: the offset behind the last record read, by partition.
        """
        unread = {
            address
            for address, end in self.ends.items()
            if address not in self._leaderless_since and read_up_to.get(address, 0) < end
        }
        awaited = (
            address for address in {*self._leaderless_since, *self._led_again_at} if self.is_awaited(address, now)
        )
        return sorted(unread.union(awaited))

    def held_at(self, topics: Mapping[str, str | None], lagging: Iterable[Address]) -> dict[str, datetime]:
        """Return by monitor the event time up to which the partitions of its topic that lag were read.

        `topics` maps a monitor to its topic; None: nobody knows which, so it may be any. A monitor that no partition
        holds back is left out. What was read of a partition's other monitors stands for one without events in it; of a
        partition of which nothing was read, everything may be to come.
        """
        held: dict[str, datetime] = {}
        for address in lagging:
            own = {key: head_us for key, (head_us, _) in self.heads.get(address, {}).items()}
            of_others = min(own.values(), default=0)
            for key, topic in topics.items():
                if topic in {None, address[0]}:
                    here = from_us(own.get(key, of_others)) if own else EPOCH
                    held[key] = min(here, held.get(key, here))
        return held
