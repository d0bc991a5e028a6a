"""Kept labels beside archived rows: which hours they change, and those hours counted and judged anew.

An hour is looked at again when labels came for it, when its rows were archived again, and when its horizon ends. Each
time all its rows meet all labels that came for it, so that it does not matter what a run before did or left undone; up
to where labels are joined is noted when every hour is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf

from pegel.archive.folders import HOUR, Kept, date_folder, day_folders, days_between, visible_hours
from pegel.archive.row_columns import (
    EVENT_ID,
    EVENT_TIME,
    ROW,
    feature_column,
    hashed_column,
    key_column,
    prediction_column,
)
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Kind, Role
from pegel.data.instants import DAY, MICROSECOND, to_us
from pegel.data.spans import Span
from pegel.errors import NotFound
from pegel.labels.label_arrays import SCHEMA, LabelArrays, LabelPartition, Objects
from pegel.labels.labelled_table import (
    EVENT_US,
    KEY,
    OF_LABELS,
    PREDICTED,
    SCORE,
    Matching,
    answers,
    coverage,
    labelled_rows,
    with_labels,
)
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.segments import ColumnSegments
from pegel.store.label_store import LabelDay, LabelStore
from pegel_spark.archived_rows import archived_rows
from pegel_spark.core_texts import entity_keys
from pegel_spark.hadoop_files import HadoopFiles
from pegel_spark.store_addresses import hadoop_address

ROWS_AT_ONCE = 500_000
"""Rows of several hours that are held in memory together: a hundred megabytes. Of more, one hour at a time."""
BUCKET_ROWS = 200_000
"""Rows that meet their labels in one piece: some tens of megabytes."""
_JOINED = (
    "event_us bigint, event_id string, row int, predicted string, predicted_number double, score double, "
    "category string, number double, first_us bigint, late bigint, copies bigint, corrections bigint, outdated bigint"
)


@dataclass(frozen=True, slots=True)
class LabelledHour:
    """An hour of rows with the labels that are known of them, and what is known of those. `written`: its number."""

    span: Span
    rows: LabelledRows
    coverage: dict[str, Any]
    written: int


@dataclass(frozen=True, slots=True)
class ModelLabels:
    """Labels and rows of one model version, as they are when it is asked.

    `reach`: from when on rows are looked at, see `pegel.judge.performance.reach`.
    """

    spark: SparkSession
    settings: Settings
    store: LabelStore
    spec: MonitorSpec
    baseline: Baseline | None
    now: datetime
    reach: datetime

    @property
    def horizon(self) -> timedelta:
        """Return how long labels may come."""
        return self.spec.labels.horizon

    def written(self) -> dict[datetime, int]:
        """Return the number of the newest write of each hour that is archived, in whichever namespace."""
        files = HadoopFiles(self.spark, self.settings.archive_root)
        below = f"model={self.spec.model.name}/version={self.spec.model.version}"
        listed = [
            path
            for space in files.folders(f"{self.settings.archive_root}/{Kept.ROWS}")
            for day in days_between(self.reach, self.now + DAY)
            for path in files.files(f"{space}/{below}/{date_folder(day)}")
        ]
        newest: dict[datetime, int] = {}
        for hour in visible_hours(listed):
            newest[hour.start] = max(hour.written, newest.get(hour.start, 0))
        return newest

    def kept(self, since: date | None = None) -> DataFrame | None:
        """Return all kept labels, or those that were read on a day or after it; None where there is none."""
        root = hadoop_address(self.settings.archive_root)
        files = HadoopFiles(self.spark, self.settings.archive_root)
        below = f"model={self.spec.model.name}/version={self.spec.model.version}"
        folders = [f"{space}/{below}" for space in files.folders(f"{root}/{Kept.LABELS}")]
        if since is not None:
            begin = datetime(since.year, since.month, since.day, tzinfo=UTC)
            # However late the day is by the clock of whoever kept them.
            last = datetime.max.replace(tzinfo=UTC)
            folders = [day for folder in folders for day in day_folders(folder, begin, last, files.folders)]
        there = [path for folder in folders for path in files.files(folder) if path.endswith(".parquet")]
        return self.spark.read.parquet(*there).select(*SCHEMA.names) if there else None

    def labelled(self, hours: Sequence[datetime], written: Mapping[datetime, int]) -> Iterable[LabelledHour]:
        """Yield hours of one day, in order, each with all its rows. One at a time is in memory."""
        joined, count, classes = self._joined(min(hours), max(hours) + HOUR, hours)
        if count <= ROWS_AT_ONCE:
            whole = joined.toArrow()
            for hour in sorted(hours):
                of_hour = pc.field(EVENT_US)
                chosen = (of_hour >= to_us(hour)) & (of_hour < to_us(hour + HOUR))
                yield self._hour(hour, whole.filter(chosen), written, classes=classes)
            return
        joined = joined.persist(StorageLevel.DISK_ONLY)
        try:
            for hour in sorted(hours):
                within = (sf.col(EVENT_US) >= to_us(hour)) & (sf.col(EVENT_US) < to_us(hour + HOUR))
                yield self._hour(hour, joined.where(within).toArrow(), written, classes=classes)
        finally:
            joined.unpersist()

    def _hour(self, hour: datetime, table: pa.Table, written: Mapping[datetime, int], *, classes: bool) -> LabelledHour:
        segments, has_score = self._segments(table), self._score() is not None
        rows = labelled_rows(table, classes=classes, has_score=has_score, segments=segments)
        return LabelledHour(Span(hour, hour + HOUR), rows, coverage(table).to_json(), written.get(hour, 0))

    def touched(
        self,
        labels: DataFrame,
        joined: Mapping[LabelPartition, int],
        up_to: Mapping[LabelPartition, int] | None = None,
    ) -> tuple[set[datetime], list[LabelDay]]:
        """Return the hours of which new labels are, and the days on which labels came.

        `joined`: up to where labels are in the figures, by partition; what is beyond is new. `up_to`: up to where they
        are looked at, because another run may be about to keep more; None: wherever they are.
        """
        if up_to is not None:
            labels = labels.where(_before(up_to))
        is_new = ~_before(joined)
        day = sf.floor(sf.col("arrived_us") / sf.lit(DAY // MICROSECOND)).cast("int")
        distinct = labels.dropDuplicates(["topic_id", "partition", "offset", "item"])
        told = distinct.groupBy("key", "place", day.alias("day")).agg(
            sf.max(is_new).alias("is_new"), sf.count("*").alias("received")
        )
        by_subject = self._with_rows(told).groupBy("day", "key", "place", "is_new", "received")
        # The first and the last hour of a subject, not a set of them: of ten million subjects these do not fit a heap.
        found = by_subject.agg(sf.min("hour").alias("first"), sf.max("hour").alias("last")).groupBy("day")
        is_found = sf.col("first").isNotNull()
        days = found.agg(
            sf.count("*").alias("subjects"),
            sf.sum("received").alias("received"),
            sf.count_if(is_found).alias("matched"),
            sf.collect_set(sf.when(sf.col("is_new") & is_found, sf.struct("first", "last"))).alias("stretches"),
        ).collect()
        # By entity an hour between two others may be looked at in vain, which changes nothing.
        stretches = {(stretch.first, stretch.last) for row in days for stretch in row.stretches}
        hours = {hour for first, last in stretches for hour in range(first, last + 1)}
        return {datetime.fromtimestamp(hour * 3600, UTC) for hour in hours}, [self._day(row) for row in days]

    def _day(self, row: Any) -> LabelDay:
        day = date.fromordinal(date(1970, 1, 1).toordinal() + row.day)
        end = datetime(day.year, day.month, day.day, tzinfo=UTC) + DAY
        return LabelDay(
            model=self.spec.model.name,
            version=self.spec.model.version,
            day=day,
            received=row.received,
            subjects=row.subjects,
            matched=row.matched or 0,
            is_over=end + self.horizon <= self.now,
        )

    def _with_rows(self, told: DataFrame) -> DataFrame:
        """Return each label's subject with the hour of every row that it may be, and with null where there is none.

        By entity one with null may also stand beside others.
        """
        rows = self._rows(self.reach, self.now + DAY).select(
            sf.col(KEY).alias("of"), ROW, EVENT_US, sf.floor(sf.col(EVENT_US) / 3_600_000_000).alias("hour")
        )
        about = sf.col("of") == sf.col("key")
        if not self._by_entity:
            return told.join(rows, about & (sf.col(ROW) == sf.col("place")), "left")
        # By key and stretch of time: of an entity that is asked about all day, a label meets the rows around it alone.
        tolerance = self.spec.labels.tolerance // MICROSECOND
        stretch = max(tolerance, 1)
        at_row, at_label = (sf.floor(sf.col(name) / stretch) for name in (EVENT_US, "place"))
        near = sf.abs(sf.col(EVENT_US) - sf.col("place")) <= tolerance
        rows = rows.withColumn("stretch", at_row)
        beside = sf.array(*(at_label + step for step in ((-1, 0, 1) if tolerance else (0,))))
        told = told.withColumn("beside", sf.explode(beside))
        return told.join(rows, about & (sf.col("stretch") == sf.col("beside")) & near, "left")

    @property
    def _by_entity(self) -> bool:
        return self.spec.labels.match == "entity"

    def _rows(self, start: datetime, end: datetime) -> DataFrame:
        frame = archived_rows(
            self.spark,
            self.settings.archive_root,
            self.spec.model.name,
            self.spec.model.version,
            start=start,
            end=end,
        )
        return frame.withColumn(KEY, self._key(frame)).withColumn(EVENT_US, sf.unix_micros(sf.col(EVENT_TIME)))

    def _key(self, frame: DataFrame) -> Column:
        if not self._by_entity:
            return sf.col(EVENT_ID)
        parts = []
        for name in self.spec.label_keys:
            plain = (key_column(name), feature_column(name))
            there = [each for each in (*plain, *map(hashed_column, plain)) if each in frame.columns]
            if not there:
                return sf.lit(None).cast("string")
            parts.append([sf.col(f"`{each}`") for each in there])
        return entity_keys(parts)

    def _joined(self, start: datetime, end: datetime, hours: Sequence[datetime]) -> tuple[DataFrame, int, bool]:
        """Return rows with their labels, how many rows there are, and whether their answers are classes."""
        frame = self._rows(start, end)
        wanted = [to_us(hour) // 3_600_000_000 for hour in hours]
        frame = frame.where(sf.floor(sf.col(EVENT_US) / 3_600_000_000).isin(wanted))
        predicted, score = self._prediction(frame), self._score()
        parts = [self._segment(frame, place, one) for place, one in enumerate(self._parts)]
        rows = frame.select(
            *parts,
            KEY,
            EVENT_US,
            EVENT_ID,
            ROW,
            sf.col(f"`{predicted}`").alias("answer"),
            (sf.col(f"`{score}`").try_cast("double") if score in frame.columns else sf.lit(None).cast("double")).alias(
                SCORE
            ),
        )
        labels = self.kept((start - self.horizon).date())
        if labels is None:
            labels = self.spark.createDataFrame([], _LABELS)
        count = rows.count()
        buckets = count // BUCKET_ROWS + 1
        bucket = sf.pmod(sf.xxhash64(sf.coalesce(sf.col(KEY), sf.lit(""))), sf.lit(buckets))
        how = Matching(
            by_entity=self._by_entity,
            horizon_us=self.horizon // MICROSECOND,
            tolerance_us=self.spec.labels.tolerance // MICROSECOND if self._by_entity else 0,
        )

        segments = [f"segment_{place}" for place in range(len(self._parts))]
        kinds = [f"segment_{place} {_KINDS[one.feature.field.kind]}, " for place, one in enumerate(self._parts)]

        def meet(left: pa.Table, right: pa.Table) -> pa.Table:
            answer = left.column("answer").combine_chunks()
            category, number = answers(answer)
            table = left.drop_columns(["answer", "bucket"])
            table = table.append_column(PREDICTED, category).append_column("predicted_number", number)
            joined = with_labels(table, LabelArrays.of_arrow(right.drop_columns(["bucket"])), how)
            order = [*segments, EVENT_US, EVENT_ID, ROW, PREDICTED, "predicted_number", SCORE, *OF_LABELS.names]
            return joined.select(order)

        left = rows.withColumn("bucket", bucket).groupBy("bucket")
        right = labels.withColumn("bucket", bucket).groupBy("bucket")
        return (
            left.cogroup(right).applyInArrow(meet, f"{''.join(kinds)}{_JOINED}"),
            count,
            self._has_classes(frame, predicted),
        )

    @property
    def _parts(self) -> Sequence[ColumnSegments]:
        """Return the columns that part rows into segments, as the baseline knows them."""
        return () if self.baseline is None else self.baseline.segments.segments.columns

    def _segment(self, frame: DataFrame, place: int, one: ColumnSegments) -> Column:
        """Return a segmenting column by a name of its own; null where it is not archived, as where it is private."""
        name, kind = feature_column(one.column), _KINDS[one.feature.field.kind]
        column = sf.col(f"`{name}`") if name in frame.columns else sf.lit(None)
        # Where a field was of another kind once the archive is read as text.
        return column.try_cast(kind).alias(f"segment_{place}")

    def _segments(self, table: pa.Table) -> list[Objects]:
        return [
            one.texts(table.column(f"segment_{place}").to_numpy().astype(_TYPES[one.feature.field.kind]))
            for place, one in enumerate(self._parts)
        ]

    def _prediction(self, frame: DataFrame) -> str:
        """Return the column of the answers that labels are about. Raises NotFound."""
        performance = None if self.baseline is None else self.baseline.performance
        name = self.spec.labels.prediction or (None if performance is None else performance.prediction)
        if name is not None and (column := prediction_column(name)) in frame.columns:
            return column
        there = [each for each in frame.columns if each.startswith(prediction_column(""))]
        if len(there) != 1 or name is not None:
            given = ", ".join(each.removeprefix(prediction_column("")) for each in there) or "none"
            raise NotFound(
                f"labels.prediction: expected an archived prediction of {self.spec.key}, of which there are "
                f"{given}; given {name or 'none'}. No label was joined."
            )
        return there[0]

    def _score(self) -> str | None:
        performance = None if self.baseline is None else self.baseline.performance
        if performance is None or performance.score is None:
            return None
        is_prediction = self.baseline is not None and any(
            field.name == performance.score for field in self.baseline.layout.schema.of_role(Role.PREDICTION)
        )
        return prediction_column(performance.score) if is_prediction else feature_column(performance.score)

    def _has_classes(self, frame: DataFrame, predicted: str) -> bool:
        """Say whether answers are classes: as the baseline's labelled rows are; without such, all but numbers are."""
        performance = None if self.baseline is None else self.baseline.performance
        if performance is not None:
            return performance.counts.is_of_classes
        # The archive has numeric fields as numbers and all others as text: `pegel.archive.row_columns.field_type`.
        return dict(frame.dtypes)[predicted] == "string"


def _before(ends: Mapping[LabelPartition, int]) -> Column:
    """Say of labels whether they lie before the ends (exclusive) of their partitions."""
    found = sf.lit(False)
    for where, end in ends.items():
        of_topic = (sf.col("topic_id") == where.topic_id) & (sf.col("partition") == where.partition)
        found = found | (of_topic & (sf.col("offset") < end))
    return found


_KINDS = {Kind.NUMERIC: "double", Kind.CATEGORICAL: "string"}
_TYPES: dict[Kind, Any] = {Kind.NUMERIC: np.float64, Kind.CATEGORICAL: np.object_}
_LABELS = (
    "key string, place bigint, category string, number double, at_us bigint, arrived_us bigint, "
    "topic_id string, partition int, offset bigint, item bigint"
)
