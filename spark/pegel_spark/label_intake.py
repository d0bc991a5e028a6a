"""New labels of a topic into the archive, by ranges of offsets.

What is written is known by the topic's id, its partition, offset and place in its record, so a run that was ended
halfway, or one beside another, leaves copies that whoever reads folds; up to where labels are kept is noted when all of
them are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import pyarrow as pa
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from pegel.archive.erased import NOBODY, Erased
from pegel.archive.folders import NOT_LABELS, Kept
from pegel.data.instants import EPOCH, from_us, to_us
from pegel.errors import Unavailable
from pegel.labels.kept_labels import NoLabel, kept
from pegel.labels.label_arrays import SCHEMA, Arrival, LabelPartition
from pegel.labels.label_keys import LabelKeys
from pegel.spec import names
from pegel.spec.settings import Settings
from pegel.store.label_store import LabelStore
from pegel.stream.positions import OffsetRange, PartitionEnds
from pegel_spark.consuming import Reading, RecordsDamaged, RecordsGone
from pegel_spark.store_addresses import hadoop_address
from pegel_spark.topic_partitions import TopicPartitions

READ = (
    "key string, place bigint, category string, number double, at_us bigint, arrived_us bigint, "
    "topic_id string, partition int, offset bigint, item bigint, model string, version int, date string, kind string, "
    "why string"
)
_READ = pa.schema(
    [
        *SCHEMA,
        pa.field("model", pa.string()),
        pa.field("version", pa.int32()),
        pa.field("date", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("why", pa.string()),
    ]
)
OLDEST_US = to_us(EPOCH)
LOST = "lost"
"""How records are counted that the broker had no more when they were to be read."""
TopicRange: TypeAlias = tuple[str, OffsetRange]
"""A range of offsets, and the id of its topic."""
RANGE_RECORDS = 50_000
"""Records of a task: a minute of work where each holds a few labels."""


@dataclass(frozen=True, slots=True)
class TakenLabels:
    """What a run kept of one namespace: labels, and what was none by kind."""

    labels: int
    refused: dict[str, int]


@dataclass(slots=True)
class _Taken:
    labels: int = 0
    aside: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, labels: int, aside: Mapping[tuple[str, str], int]) -> None:
        self.labels += labels
        self.aside.update(aside)


@dataclass(frozen=True, slots=True)
class LabelIntake:
    """Takes labels from the topics of a broker; of whom was erased since they came, none is kept."""

    spark: SparkSession
    settings: Settings
    store: LabelStore
    erased: Erased = NOBODY

    def take(self, namespace: str, keys: LabelKeys, now: datetime) -> TakenLabels:
        """Keep what came since the last run, and what was passed over of models whose keys can be told now.

        Raises Unavailable, and Conflict where another run was first.
        """
        before = self.store.positions(namespace)
        ends = self._ends(names.labels_topic(namespace))
        # A topic that was made again is read from its beginning.
        starts = {_partition(each): before.get(_partition(each), each.beginning) for each in ends}
        lost = sum(max(0, each.beginning - starts[_partition(each)]) for each in ends)
        ranges = [
            (
                _partition(each),
                OffsetRange((each.topic, each.partition), max(starts[_partition(each)], each.beginning), each.end),
            )
            for each in ends
        ]
        after = {_partition(each): each.end for each in ends}
        wanted = [(where.topic_id, part) for where, each in ranges for part in _parts(each)]
        taken = _Taken()
        taken.add(*self._keep(namespace, keys, wanted, now))
        taken.add(0, {("", LOST): lost})
        released = []
        for key in keys.of:
            if held := self.store.held(*names.monitor_of(key)):
                again, gone = _passed_over(held, before, ends)
                taken.add(*self._keep(namespace, keys.only(key), again, now, only=key))
                taken.add(0, {(key, LOST): gone})
                released.append(key)
        passed_over = dict.fromkeys(keys.held, starts)
        aside = {what: count for what, count in taken.aside.items() if count}
        if released or passed_over or after != {each: before.get(each) for each in after}:
            self.store.take(namespace, before, after, aside, now=now, held=passed_over, released=released)
        by_kind: dict[str, int] = {}
        for (_, kind), count in aside.items():
            by_kind[kind] = by_kind.get(kind, 0) + count
        return TakenLabels(taken.labels, by_kind)

    def _ends(self, topic: str) -> Sequence[PartitionEnds]:
        asked = TopicPartitions(self.settings.kafka)
        try:
            there = asked.look([topic])
        finally:
            asked.close()
        if there.leaderless:
            raise Unavailable(f"{topic} has partitions without a leader: no label was taken; the next run takes them.")
        return there.ends

    def _keep(
        self, namespace: str, keys: LabelKeys, ranges: Sequence[TopicRange], now: datetime, only: str | None = None
    ) -> tuple[int, dict[tuple[str, str], int]]:
        """Keep labels, and what is none, of ranges; `only`: of one model version, because others' are kept already."""
        if not ranges:
            return 0, {}
        read = self._read(keys, ranges, now)
        if only is not None:
            read = read.where(sf.col("kind").isNull() | (sf.col("key") == only))
        read = read.persist(StorageLevel.DISK_ONLY)
        root = hadoop_address(self.settings.archive_root)
        try:
            rows = (
                read.groupBy(sf.when(sf.col("kind").isNotNull(), sf.col("key")).alias("key"), "kind").count().collect()
            )
            counted = sum(int(row["count"]) for row in rows if row.kind is None)
            aside = {(row.key or "", row.kind): int(row["count"]) for row in rows if row.kind is not None}
            if counted:
                chosen = read.where("kind is null").select(
                    *SCHEMA.names, sf.lit(namespace).alias("namespace"), "model", "version", "date"
                )
                writer = chosen.repartition("model", "version", "date").write.mode("append")
                writer.partitionBy("namespace", "model", "version", "date").parquet(f"{root}/{Kept.LABELS}")
            if aside:
                strange = read.where("kind is not null").select(
                    sf.col("key").alias("model_version"),
                    *("partition", "offset", "item", "arrived_us", "kind", "why", "date"),
                    sf.lit(namespace).alias("namespace"),
                )
                strange = strange.coalesce(1)
                strange.write.mode("append").partitionBy("namespace", "date").parquet(f"{root}/{NOT_LABELS}")
        finally:
            read.unpersist()
        return counted, aside

    def _read(self, keys: LabelKeys, ranges: Sequence[TopicRange], now: datetime) -> DataFrame:
        kafka, now_us, erased = self.settings.kafka, to_us(now), self.erased
        told = [(topic_id, *each.address, each.start, each.end) for topic_id, each in ranges]
        kinds = "topic_id string, topic string, partition int, start bigint, end bigint"
        frame = self.spark.createDataFrame(told, kinds)

        def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                for one in batch.to_pylist():
                    part = OffsetRange((one["topic"], one["partition"]), one["start"], one["end"])
                    for labels in _batches(kafka, one["topic_id"], part, keys, now_us):
                        yield _of_others(labels, keys, erased)

        return frame.repartition(len(ranges)).mapInArrow(read, READ)


def _batches(kafka: str, topic_id: str, wanted: OffsetRange, keys: LabelKeys, now_us: int) -> Iterator[pa.RecordBatch]:
    # The folder is of the day on which they are read: however wrong a record is dated, its labels are found there.
    date = from_us(now_us).date().isoformat()
    try:
        for records in Reading(kafka, (wanted,)).records():
            for at, body in enumerate(records.bodies):
                # Whoever writes dates a record; what is dated ahead would be the newest for ever.
                came = min(max(int(records.times_us[at]), OLDEST_US), now_us)
                arrival = Arrival(wanted.address[1], int(records.offsets[at]), came, topic_id)
                found = kept(body, arrival, keys)
                for key, labels in found.labels.items():
                    model, version = names.monitor_of(key)
                    yield _told(labels.to_arrow(), model=model, version=version, date=date)
                if found.aside:
                    yield _aside(found.aside, date)
    except (RecordsGone, RecordsDamaged) as error:
        raise Unavailable(f"{wanted}: {error}: no label of this run was kept; the next one takes them.") from error


def _of_others(labels: pa.RecordBatch, keys: LabelKeys, erased: Erased) -> pa.RecordBatch:
    """Return labels of one model, or what is none, without those of whom was erased after they came."""
    if erased.is_nobody:
        return labels
    model, version = labels.column("model")[0].as_py(), labels.column("version")[0].as_py()
    own = None if model is None else keys.of.get(names.monitor_key(model, version))
    if own is None:
        return labels
    about, came = labels.column("key").to_pylist(), labels.column("arrived_us").to_pylist()
    return labels.filter(pa.array(~erased.label_mask(about, own.names, came)))


def _told(labels: pa.RecordBatch, *, model: str, version: int, date: str) -> pa.RecordBatch:
    count = labels.num_rows
    further: list[Any] = [[model] * count, [version] * count, [date] * count, [None] * count, [None] * count]
    columns = [*labels.columns, *(pa.array(each, _READ.types[at]) for at, each in enumerate(further, len(SCHEMA)))]
    return pa.RecordBatch.from_arrays(columns, schema=_READ)


def _aside(aside: Sequence[NoLabel], date: str) -> pa.RecordBatch:
    rows = [
        {
            "key": each.model,
            "partition": each.arrival.partition,
            "offset": each.arrival.offset,
            "item": each.place,
            "arrived_us": each.arrival.arrived_us,
            "date": date,
            "kind": each.kind,
            "why": each.why,
        }
        for each in aside
    ]
    return pa.RecordBatch.from_pylist(rows, schema=_READ)


def _partition(ends: PartitionEnds) -> LabelPartition:
    return LabelPartition(ends.topic_id or "", ends.partition)


def _passed_over(
    held: Mapping[LabelPartition, int], before: Mapping[LabelPartition, int], ends: Sequence[PartitionEnds]
) -> tuple[list[TopicRange], int]:
    """Return what is to be read again of a model, up to where positions are, and how many records are gone."""
    there, gone = {_partition(each): each for each in ends}, 0
    wanted: list[TopicRange] = []
    for where, start in held.items():
        end, one = before.get(where, start), there.get(where)
        begin = end if one is None else min(max(start, one.beginning), end)
        gone += begin - start
        if one is not None:
            wanted += [(where.topic_id, part) for part in _parts(OffsetRange((one.topic, one.partition), begin, end))]
    return wanted, gone


def _parts(whole: OffsetRange) -> Iterator[OffsetRange]:
    for start in range(whole.start, whole.end, RANGE_RECORDS):
        yield OffsetRange(whole.address, start, min(whole.end, start + RANGE_RECORDS))
