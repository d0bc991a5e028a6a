"""One batch as a Spark job: ranges of offsets go to the workers, what they hold comes back."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pyspark import Broadcast
from pyspark.sql import SparkSession

from pegel.errors import Unavailable
from pegel.stream.baseline_documents import BaselineDocuments
from pegel.stream.counting_plan import CountingPlan
from pegel.stream.counting_task import CountingTask, LoadBaseline
from pegel.stream.positions import OffsetRange
from pegel.stream.task_output import PartitionRead, TaskOutput, together
from pegel.stream.wire_records import Records
from pegel_spark.consuming import FIRST_RECORDS, MOST_RECORDS, Reading, RecordsGone

TASK_BYTES = 32 * 1024 * 1024
"""Bytes of bodies, and of what is counted of them, after which a task takes no more: seconds of work, whatever the size
of a record."""
FEW_PANES_BYTES = 4 * 1024 * 1024
"""Bytes of what is counted up to which many records are taken at once."""
TASK_RECORDS = 4_000
"""Records that are worth a task of their own; a task costs as much as counting some hundreds."""
EVEN_RECORDS = 50_000
"""Records that a task may have more than another: while the last task counts, no other core does."""

Answer = TaskOutput | Unavailable
"""A broker that is away is no failure of the task, so it is an answer."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one task is told. `is_whole`: read the ranges to their ends, however much they hold."""

    kafka: str
    ranges: tuple[OffsetRange, ...]
    plan: CountingPlan
    is_whole: bool = False


def run(spark: SparkSession, works: Sequence[Work], documents: Broadcast[BaselineDocuments]) -> TaskOutput:
    """Count ranges of records, one task for each of `works`; return what all of them found.

    Raises Unavailable when the broker is away or has records no more, Py4JError when a worker dies.
    """

    def count(own: Iterable[Work]) -> Iterator[Answer]:
        for work in own:
            load = documents.value.load
            # Spark switches it on whenever it reads a broadcast; see `pegel_spark.daemon`.
            gc.disable()
            yield from answers(work, load)

    returned: list[Answer] = spark.sparkContext.parallelize(works, max(1, len(works))).mapPartitions(count).collect()
    for answer in returned:
        if isinstance(answer, Unavailable):
            raise answer
    return together(answer for answer in returned if isinstance(answer, TaskOutput))


def answers(work: Work, load: LoadBaseline) -> Iterator[Answer]:
    """Count the records of one task."""
    began_ns = time.time_ns()
    reading, task = Reading(work.kafka, work.ranges, FIRST_RECORDS), CountingTask(work.plan, load)
    try:
        for output in task.run(_bounded(reading, task, is_whole=work.is_whole)):
            ended_ns = time.time_ns()
            output.traced = [replace(each, began_ns=began_ns, ended_ns=ended_ns) for each in output.traced]
            yield output
    except (Unavailable, RecordsGone) as error:
        yield Unavailable(str(error))
        return
    if reading.emptied:
        yield TaskOutput(reads={each.address: _empty(each) for each in reading.emptied})


def _bounded(reading: Reading, task: CountingTask, *, is_whole: bool) -> Iterator[Records]:
    """Yield records until what was counted of them is enough for one task."""
    for records in reading.records():
        yield records
        counted = task.pane_bytes + task.handed_on_bytes
        reading.at_once = MOST_RECORDS if counted <= FEW_PANES_BYTES else FIRST_RECORDS
        reading.enough = not is_whole and task.output.size_bytes + counted >= TASK_BYTES


def _empty(emptied: OffsetRange) -> PartitionRead:
    topic, partition = emptied.address
    return PartitionRead(topic, partition, start=emptied.start, end=emptied.end)


def shared_out(ranges: Iterable[OffsetRange], tasks: int) -> list[tuple[OffsetRange, ...]]:
    """Return ranges by task: as many tasks as are worth it, `tasks` at most, each with about as many records.

    Where whole partitions do not share evenly, they are read in part: the next batch has the rest.
    """
    largest_first = sorted((each for each in ranges if each.records), key=lambda each: (-each.records, each.address))
    wanted = max(1, min(tasks, len(largest_first), -(-_records(largest_first) // TASK_RECORDS)))
    shares: list[list[OffsetRange]] = [[] for _ in range(wanted)]
    for each in largest_first:
        min(shares, key=_records).append(each)
    most = max(EVEN_RECORDS, min(map(_records, shares)))
    return [_first(share, most) for share in shares if share]


def _first(share: Sequence[OffsetRange], most: int) -> tuple[OffsetRange, ...]:
    """Return about `most` of the records of ranges, of each as large a part, and at least one."""
    part = min(1.0, most / _records(share))
    return tuple(replace(each, end=each.start + math.ceil(part * each.records)) for each in share)


def _records(share: Iterable[OffsetRange]) -> int:
    return sum(each.records for each in share)
