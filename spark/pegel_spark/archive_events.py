"""Events of ranges of offsets as a table of Spark: read by the workers, those of one id brought together."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from pegel.archive.logged_events import EVENTS, ArchivedModel, logged_events
from pegel.stream.positions import OffsetRange
from pegel_spark.consuming import Reading

TASK_RECORDS = 50_000
"""Records that one task reads at most."""
SPARK_EVENTS = (
    "key string, event_id string, is_answer boolean, time_us bigint, replaced string, entities string, topic string, "
    "partition int, offset bigint, body binary"
)


@dataclass(frozen=True, slots=True)
class EventReading:
    """What the tasks are told. `models`: by endpoint; `now`: by which odd times are believed.

    `pieces`: into how many the events are divided at least, so that each is sorted in bounded memory.
    """

    kafka: str
    ranges: tuple[OffsetRange, ...]
    models: Mapping[str, ArchivedModel]
    now: datetime
    pieces: int


def events_table(spark: SparkSession, reading: EventReading) -> DataFrame:
    """Return the events of all models, those of one model and id in one partition, in the order of their offsets.

    Raises, once it is looked at, what Spark makes of a broker that is away.
    """
    works = pickle.dumps([(reading, each) for each in _tasks(reading.ranges)])
    count = len(_tasks(reading.ranges))

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for at in batch.column(0).to_pylist():
                whole, own = pickle.loads(works)[at]  # noqa: S301  written above
                for records in Reading(whole.kafka, [own]).records():
                    yield pa.RecordBatch.from_arrays(
                        [
                            column.cast(pa.binary()) if column.type == pa.large_binary() else column
                            for column in logged_events(records, whole.models, whole.now).columns
                        ],
                        names=EVENTS.names,
                    )

    frame = spark.range(0, count, 1, count).mapInArrow(read, SPARK_EVENTS)
    together = max(count, reading.pieces, spark.sparkContext.defaultParallelism)
    return frame.repartition(together, "key", "event_id").sortWithinPartitions("key", "event_id", "partition", "offset")


def _tasks(ranges: Sequence[OffsetRange]) -> list[OffsetRange]:
    return [
        OffsetRange(each.address, start, min(start + TASK_RECORDS, each.end))
        for each in ranges
        for start in range(each.start, each.end, TASK_RECORDS)
    ]
