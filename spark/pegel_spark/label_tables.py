"""Labels that stand in a table, as they come to be known: what it says now and did not say when it was read last.

A reading is numbered by its time, in milliseconds; so a run that was ended halfway leaves what the table said then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyspark import Accumulator, TaskContext
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf

from pegel.archive.folders import Kept
from pegel.data.arrow_columns import categories, numbers
from pegel.data.entity_key_columns import key_texts
from pegel.data.instants import to_us
from pegel.errors import InvalidSpec, PegelError
from pegel.featurestore.no_baseline import NO_BASELINE
from pegel.featurestore.stored_table import StoredTable
from pegel.labels.kept_labels import NO_KEY, NO_PLACE
from pegel.labels.label_arrays import SCHEMA, THE_TABLE
from pegel.labels.label_json import LAST_ROW
from pegel.labels.label_keys import EntityKeys
from pegel.spec.label_table import parse_label_table
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import shown
from pegel.spec.settings import Settings
from pegel_spark import training_table
from pegel_spark.store_addresses import hadoop_address

NO_LABELS = "No label was taken."
KEPT = (
    "key string, place bigint, category string, number double, at_us bigint, arrived_us bigint, "
    "topic_id string, partition int, offset bigint, item bigint"
)
ITEMS = 1 << 40
"""Rows of a task, at most: numbers of rows are those of tasks and of rows in them."""


class TableReading(NamedTuple):
    """What a reading of a table of labels found.

    `labels`: how many are new. `number`: that of the reading. `refused`: of all rows with an outcome, those that are no
    label of any row, by kind.
    """

    labels: int
    number: int
    refused: dict[str, int]


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The table of labels of one model version."""

    spark: SparkSession
    settings: Settings
    spec: MonitorSpec

    def take(self, kept: DataFrame | None, now: datetime) -> TableReading:
        """Keep what is new in the table, and count what in it is no label of any row.

        `kept`: the labels that are kept so far. Raises what `training_table.read` raises, told of labels.
        """
        number = to_us(now) // 1_000
        context = self.spark.sparkContext
        counts = {kind: context.accumulator(0) for kind in (NO_KEY, NO_PLACE)}
        said = self._said(now, number, counts)
        if kept is not None:
            said = self._new(said, kept)
        root = hadoop_address(self.settings.archive_root)
        model = self.spec.model
        folder = (
            f"{root}/{Kept.LABELS}/namespace={self.spec.namespace}/model={model.name}/version={model.version}"
            f"/date={now.date().isoformat()}"
        )
        rows = said.cache()
        try:
            if count := rows.count():
                rows.write.mode("append").parquet(folder)
        finally:
            rows.unpersist()
        return TableReading(count, number, {kind: counted.value for kind, counted in counts.items() if counted.value})

    def _said(self, now: datetime, number: int, counts: Mapping[str, Accumulator[int]]) -> DataFrame:
        """Return the labels of the table, as they are kept. What is none is added to `counts` while they are read."""
        labels = self.spec.labels
        frame = self._read()
        known = [labels.field or "", *self._subject_columns(), *([labels.known_at] if labels.known_at else [])]
        if absent := [name for name in known if name not in frame.columns]:
            there = ", ".join(map(shown, frame.columns))
            raise InvalidSpec(
                f"labels: expected the columns {', '.join(map(shown, absent))} in {labels.source}; given {there}. "
                f"{NO_LABELS}"
            )
        arrived = sf.lit(to_us(now))
        at = sf.least(_instant(frame, labels.known_at), arrived) if labels.known_at else arrived
        keys = EntityKeys.of(self.spec, self.settings.secret)
        subject = keys.names or (labels.event_id or "event_id",)
        chosen = frame.select(
            *(_column(name).alias(f"part_{place}") for place, name in enumerate(subject)),
            self._place(frame).alias("place"),
            _column(labels.field or "").alias("outcome"),
            sf.coalesce(at, arrived).alias("at_us"),
        ).where("outcome is not null")
        arrived_us = to_us(now)

        def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            context = TaskContext.get()
            item = (0 if context is None else context.partitionId()) * ITEMS
            for batch in batches:
                count = batch.num_rows
                outcome = batch.column("outcome")
                columns = {
                    "key": _keys([key_texts(batch.column(f"part_{at}")) for at in range(len(subject))], keys),
                    "place": batch.column("place"),
                    "category": pa.array(categories(outcome)[0], pa.string()),
                    "number": pa.array(numbers(outcome)[0], pa.float64(), from_pandas=True),
                    "at_us": batch.column("at_us"),
                    "arrived_us": pa.array([arrived_us] * count, pa.int64()),
                    "topic_id": pa.array([THE_TABLE.topic_id] * count, pa.string()),
                    "partition": pa.array([THE_TABLE.partition] * count, pa.int32()),
                    "offset": pa.array([number] * count, pa.int64()),
                    "item": pa.array(range(item, item + count), pa.int64()),
                }
                item += count
                no_place, no_key = pc.is_null(columns["place"]), pc.is_null(columns["key"])
                is_label = pc.is_valid(columns["category"])
                counts[NO_KEY] += _how_many(pc.and_(is_label, no_key))
                counts[NO_PLACE] += _how_many(pc.and_(is_label, pc.and_not(no_place, no_key)))
                yield pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)

        return chosen.mapInArrow(read, KEPT).where("key is not null and place is not null and category is not null")

    def _new(self, said: DataFrame, kept: DataFrame) -> DataFrame:
        """Leave out what is kept already; without a column that says since when labels are known, what is current."""
        if self.spec.labels.known_at:
            return said.join(kept, ["key", "place", "category", "at_us"], "left_anti")
        order = sf.struct("at_us", "arrived_us", "partition", "offset", "item")
        current = kept.groupBy("key", "place").agg(sf.max_by("category", order).alias("category"))
        return said.join(current, ["key", "place", "category"], "left_anti")

    def _read(self) -> DataFrame:
        ref = parse_label_table(self.spec.labels.source or "")
        try:
            return training_table.read(self.spark, StoredTable.of(ref, self.settings))
        except PegelError as error:
            words = str(error).replace("baseline.source:", "labels.source:").replace(NO_BASELINE, NO_LABELS)
            raise type(error)(words) from error

    def _subject_columns(self) -> list[str]:
        labels = self.spec.labels
        if labels.match == "entity":
            return [*self.spec.label_keys, labels.time or ""]
        return [labels.event_id or "event_id", *([labels.row] if labels.row else [])]

    def _place(self, frame: DataFrame) -> Column:
        labels = self.spec.labels
        if labels.match == "entity":
            return _instant(frame, labels.time or "")
        if not labels.row:
            return sf.lit(0).cast("bigint")
        # A label of what is no number of a row is nobody's, and none of row 1 where there stands 1.5.
        number = _column(labels.row).try_cast("double")
        return sf.when(number.between(0, LAST_ROW) & (number == sf.floor(number)), number.try_cast("bigint"))


def _how_many(chosen: pa.Array) -> int:
    return int(pc.sum(chosen).as_py() or 0)


def _keys(parts: Sequence[Any], keys: EntityKeys) -> pa.Array:
    """Return the key of each row: the id of its event, or that of its entity; null where a part is missing."""
    if not keys.names:
        return pa.array(parts[0], pa.string())
    found = []
    for row in zip(*parts, strict=True):
        try:
            found.append(None if None in row else keys.key(row))
        except ValueError:
            found.append(None)
    return pa.array(found, pa.string())


def _column(name: str) -> Column:
    return sf.col(f"`{name.replace('`', '``')}`")


def _instant(frame: DataFrame, name: str) -> Column:
    """Return a column of times as microseconds since 1970; what has no zone is UTC, as the session's zone is."""
    kind = dict(frame.dtypes)[name]
    if kind not in {"timestamp", "timestamp_ntz", "date", "string"}:
        raise InvalidSpec(f"labels: expected times in the column {shown(name)}; given {kind}. {NO_LABELS}")
    return sf.unix_micros(sf.try_to_timestamp(_column(name)) if kind == "string" else _column(name).cast("timestamp"))
