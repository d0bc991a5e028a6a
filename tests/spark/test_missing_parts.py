"""What a driver says is missing: each part by its name, with the instant since when, for as long as it is missing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pegel.testing import ManualClock
from pegel_spark.missing_parts import MissingParts
from pegel_spark.topic_partitions import Partitions


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still at 00:00:00."""
    return ManualClock()


def test_partitions_without_a_leader_are_those_of_the_last_look(clock: ManualClock) -> None:
    """Each has its own since when; one that has a leader again is named no longer, one that lost it is."""
    missing = MissingParts(clock)
    missing.cannot_read(Partitions([], [("t", 0), ("t", 1)]))
    clock.advance(timedelta(seconds=5))
    missing.cannot_read(Partitions([], [("t", 1), ("t", 2)]))
    some = missing.words
    missing.cannot_read(Partitions([]))

    assert "reading all but t 1: no leader since 00:00:00 UTC, t 2: no leader since 00:00:05 UTC" == some
    assert "" == missing.words


def test_a_topic_that_is_gone_among_others_is_named(clock: ManualClock) -> None:
    """The others are read as ever, and nobody takes the models of that one for watched."""
    missing = MissingParts(clock)
    missing.cannot_read(Partitions([], [], ["pegel.a.inference", "pegel.b.inference"]))

    assert "reading all but pegel.a.inference, pegel.b.inference: no such topic since 00:00:00 UTC" == missing.words


def test_what_a_batch_lacked_is_missing_until_one_got_through(clock: ManualClock) -> None:
    """That the broker is there again says nothing of the disk."""
    missing = MissingParts(clock)
    missing.wait_for("the disk to have room", "full")
    clock.advance(timedelta(seconds=5))
    missing.wait_for("the broker", "refused")
    both = missing.words
    missing.found(but="the disk to have room")

    assert "waiting for the disk to have room since 00:00:00 UTC; waiting for the broker since 00:00:05 UTC" == both
    assert "waiting for the disk to have room since 00:00:00 UTC" == missing.words
