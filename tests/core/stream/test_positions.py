"""Where a driver goes on: what was read, held against what the broker has now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pegel.stream.commit import Gap, ReadRange
from pegel.stream.positions import PartitionEnds, Positions, positions

NOW = datetime(2026, 11, 28, tzinfo=UTC)
ADDRESS = ("pegel.default.inference", 0)


def ends(beginning: int, end: int, topic_id: str | None = "a") -> PartitionEnds:
    """Return the partition as the broker has it."""
    return PartitionEnds(topic=ADDRESS[0], partition=0, topic_id=topic_id, beginning=beginning, end=end)


def read_up_to(end: int, topic_id: str | None = "a") -> ReadRange:
    """Return what the database says was read last."""
    return ReadRange(topic=ADDRESS[0], partition=0, start=0, end=end, records=end, topic_id=topic_id)


def gap(positions_found: Positions) -> tuple[int, int]:
    """Return the offsets of the only gap."""
    (only,) = positions_found.gaps
    assert isinstance(only, Gap)
    return only.start, only.end


def test_a_known_partition_goes_on_after_what_was_read() -> None:
    """Nothing is read twice, nothing is noted."""
    found = positions({ADDRESS: read_up_to(40)}, [ends(0, 100)], NOW)

    assert ({ADDRESS: 40}, [], []) == ({each.address: each.start for each in found.ranges}, found.gaps, found.reset)


def test_an_unknown_partition_begins_at_its_beginning() -> None:
    """Its place is noted, so that it is known from then on."""
    found = positions({}, [ends(7, 100)], NOW)

    assert ({ADDRESS: 7}, []) == ({each.address: each.start for each in found.ranges}, found.gaps)
    assert [(7, 7, 0)] == [(read.start, read.end, read.records) for read in found.reset]


def test_records_deleted_unread_are_a_gap() -> None:
    """What retention took before it was read is noted, and reading goes on after it."""
    found = positions({ADDRESS: read_up_to(40)}, [ends(60, 100)], NOW)

    assert ({ADDRESS: 60}, (40, 60)) == ({each.address: each.start for each in found.ranges}, gap(found))


def test_a_broker_that_numbers_on_from_before_is_a_gap_too() -> None:
    """Offsets that were read and are not there any more are noted; reading goes on at the broker's end."""
    found = positions({ADDRESS: read_up_to(140)}, [ends(0, 100)], NOW)

    assert ({ADDRESS: 100}, (100, 140)) == ({each.address: each.start for each in found.ranges}, gap(found))


def test_a_topic_made_again_begins_anew() -> None:
    """Another id under the same name means other records: the numbers begin again."""
    found = positions({ADDRESS: read_up_to(140)}, [ends(0, 100, topic_id="b")], NOW)

    assert {ADDRESS: 0} == {each.address: each.start for each in found.ranges}
    assert ["b"] == [read.topic_id for read in found.reset]


@pytest.mark.parametrize(("former_end", "missing"), [(None, [None]), (140, []), (170, [30]), (120, [])])
def test_what_was_unread_of_a_topic_made_again_is_a_gap(former_end: int | None, missing: list[int | None]) -> None:
    """Its number is exact where somebody had looked at the former topic, and unknown, never 0, where nobody had."""
    there = replace(ends(0, 100, topic_id="b"), former_end=former_end)
    found = positions({ADDRESS: read_up_to(140)}, [there], NOW)
    numbers = [None if gap.is_unknown else gap.end - gap.start for gap in found.gaps]

    assert missing == numbers


def test_what_retention_took_of_a_topic_made_again_is_a_gap_too() -> None:
    """Its first offset is 0, whatever its first record is now."""
    there = replace(ends(25, 100, topic_id="b"), former_end=140)
    found = positions({ADDRESS: read_up_to(140)}, [there], NOW)

    assert (0, 25) == gap(found)


@pytest.mark.parametrize(("known", "now"), [(None, "a"), ("a", None), (None, None)])
def test_without_ids_a_topic_is_taken_for_the_same(known: str | None, now: str | None) -> None:
    """A broker that gives no ids cannot say that a topic was made again."""
    found = positions({ADDRESS: read_up_to(40, known)}, [ends(0, 100, now)], NOW)

    assert {ADDRESS: 40} == {each.address: each.start for each in found.ranges}
