"""How are ranges of records shared out among the tasks of a batch?"""

from __future__ import annotations

import sys

import pytest
from pyspark.sql import SparkSession

from pegel.stream.baseline_documents import BaselineDocuments
from pegel.stream.positions import OffsetRange
from pegel_spark.counting_job import EVEN_RECORDS, TASK_RECORDS, shared_out


def ranges(*records: int) -> list[OffsetRange]:
    """Return what there is to read of some partitions of a topic."""
    return [OffsetRange(("t", number), 7, 7 + count) for number, count in enumerate(records)]


def loads(*records: int, tasks: int = 2) -> list[int]:
    """Return how many records each task gets, most first."""
    shares = shared_out(ranges(*records), tasks)
    return sorted((sum(each.records for each in share) for share in shares), reverse=True)


def test_three_equal_partitions_keep_two_cores_busy() -> None:
    """One task reads two partitions to their halves while the other reads one to its end."""
    assert [300_000, 300_000] == loads(300_000, 300_000, 300_000)


@pytest.mark.parametrize("records", [(300_000, 0, 0), (300_000,)])
def test_a_single_partition_is_read_as_far_as_it_goes(records: tuple[int, ...]) -> None:
    """Nobody else has anything to do meanwhile."""
    assert [300_000] == loads(*records)


def test_a_partition_that_is_far_behind_is_read_in_large_steps() -> None:
    """Others that have little to read do not make its batches small."""
    assert [EVEN_RECORDS, 4_000] == loads(900_000, 4_000)


def test_a_small_batch_is_one_task_that_reads_all() -> None:
    """A task costs more than counting some hundreds of records."""
    assert [TASK_RECORDS] == loads(TASK_RECORDS - 2, 1, 1)


@pytest.mark.parametrize("records", [(1,), (5_000, 1), (10**6, 10**6, 1, 7), (EVEN_RECORDS + 1, EVEN_RECORDS + 1, 3)])
def test_every_partition_that_has_records_is_read(records: tuple[int, ...]) -> None:
    """What is left for the next batch is the end of ranges, never a whole one."""
    shares = [each for share in shared_out(ranges(*records), 2) for each in share]
    assert [(7, True)] * len(records) == [(each.start, 0 < each.records <= 10**6) for each in shares]
    assert {each.address for each in ranges(*records)} == {each.address for each in shares}


def test_nothing_to_read_is_no_task() -> None:
    """Empty ranges need nobody."""
    assert [] == loads(0, 0)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_worker_gets_baselines_without_what_only_the_driver_needs(spark: SparkSession) -> None:
    """Modules of the database would cost each worker half a second at its start, and memory for good."""
    sent = spark.sparkContext.broadcast(BaselineDocuments({"b": b"{}"}, {}))
    looked = spark.sparkContext.parallelize([0], 1).map(
        lambda _: (sorted(sent.value.documents), "pegel_spark.counting_job" in sys.modules, "sqlalchemy" in sys.modules)
    )
    assert [(["b"], True, False)] == looked.collect()
