"""When is a stream known to be read to its end, and when is it worth a batch to read on?

Too early an answer to the first closes windows whose events are still waiting.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pegel.stream.positions import OffsetRange
from pegel_spark.progress import LATEST_S, SOONEST_S, WORTH_A_BATCH, Progress


def at(second: float) -> datetime:
    """Return an instant."""
    return datetime(2026, 3, 1, 12, tzinfo=UTC) + timedelta(seconds=second)


def waiting(*records: int) -> list[OffsetRange]:
    """Return what there is to read of some partitions."""
    return [OffsetRange(("t", number), 7, 7 + count) for number, count in enumerate(records)]


@pytest.fixture
def progress() -> Progress:
    """The progress of a stream that has not looked yet, whose records wait a second for others."""
    return Progress(timedelta(seconds=1))


def test_a_stream_that_has_not_looked_is_not_caught_up(progress: Progress) -> None:
    """Before its first look a stream knows nothing of what waits for it."""
    assert (None, None, False) == (progress.caught_up_at, progress.idle_at, progress.is_worth_a_batch(at(100)))


def test_a_look_that_finds_nothing_catches_up(progress: Progress) -> None:
    """Everything sent before the broker was asked has been read."""
    progress.looked(waiting(0, 0), at(3))

    assert (0, at(3), at(3)) == (progress.lag, progress.caught_up_at, progress.idle_at)


def test_a_batch_that_read_everything_catches_up_when_it_was_looked(progress: Progress) -> None:
    """What came while the batch was at work may still be waiting."""
    progress.looked(waiting(60, 40), at(10))
    progress.read(100, at(10))

    assert (0, at(10), None) == (progress.lag, progress.caught_up_at, progress.idle_at)


def test_a_backlog_is_a_lag(progress: Progress) -> None:
    """Records beyond the batch are counted, and nothing is caught up."""
    progress.looked(waiting(60, 82), at(10))
    progress.read(100, at(10))

    assert (42, None) == (progress.lag, progress.caught_up_at)


def test_while_a_partition_cannot_be_read_nothing_is_caught_up(progress: Progress) -> None:
    """What there is of all others was read, but of the one without a leader nobody knows."""
    progress.looked(waiting(10, 0), at(3), is_whole=False)
    progress.read(10, at(3), is_whole=False)
    progress.looked(waiting(0, 0), at(4), is_whole=False)

    assert (0, None, None) == (progress.lag, progress.caught_up_at, progress.idle_at)


def test_of_other_partitions_nothing_is_known(progress: Progress) -> None:
    """What was read to the end before is no word on a partition that has come since."""
    progress.looked(waiting(0), at(3))
    progress.other_partitions()

    assert (None, at(3)) == (progress.caught_up_at, progress.idle_at)


def test_few_records_wait_for_others(progress: Progress) -> None:
    """They wait for as long as they may, from the first look that saw some; many are read at once."""
    progress.looked(waiting(1), at(10))
    progress.looked(waiting(2), at(10.9))
    soon, then = progress.is_worth_a_batch(at(10.9)), progress.is_worth_a_batch(at(11))
    progress.looked(waiting(WORTH_A_BATCH - 1, 1), at(10.9))

    assert (False, True, True) == (soon, then, progress.is_worth_a_batch(at(10.9)))


def test_what_a_batch_left_waits_from_its_look_on(progress: Progress) -> None:
    """And after a batch that left nothing, nothing waits."""
    progress.looked(waiting(10), at(10))
    progress.read(8, at(11))
    left = progress.is_worth_a_batch(at(11.5)), progress.is_worth_a_batch(at(12))
    progress.read(2, at(12))

    assert (False, True, False) == (*left, progress.is_worth_a_batch(at(100)))


def test_a_batch_is_looked_for_when_it_is_due(progress: Progress) -> None:
    """The next look is when enough records will have come, or have waited for long enough; neither late nor at once."""
    idle = progress.look_again_s(at(3))
    progress.looked(waiting(8), at(3))
    looks = [progress.look_again_s(at(3))]
    progress.looked(waiting(WORTH_A_BATCH // 2), at(3.1))
    looks.append(progress.look_again_s(at(3.1)))
    progress.looked(waiting(WORTH_A_BATCH // 2), at(3.5))
    looks.append(progress.look_again_s(at(3.5)))
    looks.append(progress.look_again_s(at(3.95)))

    assert (LATEST_S, [SOONEST_S, 0.1, LATEST_S, 0.05]) == (idle, [round(look, 3) for look in looks])
