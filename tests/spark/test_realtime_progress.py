"""When a driver says that outliers are told in real time."""

from __future__ import annotations

from pegel.testing.samples import sample_outlier
from pegel_spark.realtime_outliers import RealtimeOutliers
from pegel_spark.realtime_progress import BEHIND_FOR_S, RealtimeProgress
from pegel_spark.realtime_reader import Orders, Report, told_row

COUNTED = {("a", 0): 7, ("b", 0): 0}


def test_a_reader_keeps_up_once_it_has_read_every_partition() -> None:
    """Before that it may have read nothing at all; a partition that holds nothing has to be known as such."""
    progress, seen = RealtimeProgress(), []
    for read in ({}, {("a", 0): 9}, {("a", 0): 9, ("b", 0): 0}):
        progress.take(Report(read=read), COUNTED, 0.0)
        seen.append(progress.keeps_up)

    assert [False, False, True] == seen


def test_a_reader_that_is_behind_for_a_while_tells_nothing_in_real_time() -> None:
    """For a moment any reader is; beyond `BEHIND_FOR_S` its partition is named, until it has caught up."""
    progress, seen = RealtimeProgress(), []
    everything = {("a", 0): 7, ("b", 0): 0}
    for at, read in [(0, everything), (1, {("b", 0): 0}), (BEHIND_FOR_S + 2, {("b", 0): 0}), (20, everything)]:
        progress.take(Report(read=read), COUNTED, at)
        seen.append((progress.keeps_up, progress.trouble))

    behind = (False, "their reader is behind what is counted of a 0")
    assert [(True, ""), (True, ""), behind, (True, "")] == seen


def test_a_row_of_another_baseline_was_not_told() -> None:
    """A row that is counted with another score or cut-off than the one on the topic is told again, as it is stored."""
    told = RealtimeOutliers("127.0.0.1:9")
    told._told[told_row(sample_outlier("e1", score=9.0, cutoff=8.0))] = None
    rows = [sample_outlier("e1", score=9.0, cutoff=cutoff) for cutoff in (8.0, 8.5)]

    assert [True, False] == [told.has_told(row) for row in rows]


def test_no_orders_no_note() -> None:
    """Where no model wants its outliers in real time nothing is said."""
    idle = RealtimeOutliers("127.0.0.1:9")
    idle.follow(Orders())

    assert "" == idle.note
