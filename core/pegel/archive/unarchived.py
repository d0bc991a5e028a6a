"""Which records of which models are still to be archived: those that the stream has counted, and no others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pegel.spec.monitor_spec import MonitorSpec
from pegel.stream.commit import ReadRange
from pegel.stream.positions import OffsetRange
from pegel.stream.wire_records import Address


@dataclass(frozen=True, slots=True)
class Unarchived:
    """Records of one model that are to be archived, as its group has read them.

    `ranges`: of each partition, in the order of their offsets; between them lies what nobody will ever read. `topics`:
    the broker's id of the topic of each partition.
    """

    spec: MonitorSpec
    ranges: tuple[OffsetRange, ...]
    topics: Mapping[Address, str | None] = field(default_factory=dict)

    @property
    def records(self) -> int:
        """Return how many records these are at most, of this model and others."""
        return sum(each.records for each in self.ranges)

    def within(self, read: Mapping[Address, OffsetRange]) -> Unarchived:
        """Return what lies in the ranges that are read in one go."""
        cut = (_common(own, read[own.address]) for own in self.ranges if own.address in read)
        return replace(self, ranges=tuple(each for each in cut if each.records > 0))


def unread(counted: ReadRange, archived_up_to: int, holes: Iterable[tuple[int, int]]) -> Iterator[OffsetRange]:
    """Yield what was counted of a partition and is not archived, without its holes: gaps and records set aside."""
    address, start = (counted.topic, counted.partition), archived_up_to
    for begin, end in sorted(holes):
        if begin > start:
            yield OffsetRange(address, start, min(begin, counted.end))
        start = max(start, end)
        if start >= counted.end:
            return
    if start < counted.end:
        yield OffsetRange(address, start, counted.end)


def next_round(wanted: Sequence[Unarchived], most: int) -> dict[Address, OffsetRange]:
    """Return what is read next for all models together: at most about `most` records, a part of every partition.

    Of each partition it begins with what any model lacks first, so that models stay together once they are.
    """
    first: dict[Address, OffsetRange] = {}
    for each in wanted:
        for own in each.ranges:
            known = first.get(own.address, own)
            first[own.address] = OffsetRange(own.address, min(known.start, own.start), max(known.end, own.end))
    share = max(1, most // max(1, len(first)))
    return {
        address: OffsetRange(address, whole.start, min(whole.end, whole.start + share))
        for address, whole in first.items()
    }


def _common(one: OffsetRange, other: OffsetRange) -> OffsetRange:
    return OffsetRange(one.address, max(one.start, other.start), min(one.end, other.end))
