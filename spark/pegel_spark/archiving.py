"""The batch job that archives: what the stream has counted is read again, and its rows are kept by hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from py4j.protocol import Py4JJavaError
from pyspark import StorageLevel
from pyspark.errors import PySparkException, PythonException
from pyspark.errors.exceptions.captured import CapturedException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as sf

from pegel.archive.folders import HOUR, Kept
from pegel.archive.half_rows import RowMaking
from pegel.archive.logged_events import ArchivedModel
from pegel.archive.round_size import RoundSize
from pegel.archive.row_columns import EVENT_ID, EVENT_TIME, OFFSET, PARTITION
from pegel.archive.unarchived import Unarchived, next_round
from pegel.data.instants import MICROSECOND, from_us
from pegel.data.keyed_hash import KeyedHash
from pegel.data.private_fields import PrivateFields
from pegel.errors import PegelError, SetupError, Unavailable
from pegel.spec.clock import Clock, SystemClock
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.archive_store import ArchiveStore
from pegel.store.archived_ranges import ArchivedRange
from pegel.store.baseline_store import BaselineStore
from pegel.store.erasure_store import ErasureStore
from pegel.stream.positions import OffsetRange
from pegel.stream.wire_records import Address
from pegel_spark import session
from pegel_spark.archive_events import EventReading, events_table
from pegel_spark.archive_hours import ArchiveHours
from pegel_spark.archive_rows import BODY, HOUR_US, IS_ANSWER, PROBLEM, UNREADABLE, RowPlan, joined_again, rows_table
from pegel_spark.archived_rows import unioned
from pegel_spark.hadoop_files import HadoopFiles
from pegel_spark.read_failures import damaged_file
from pegel_spark.topic_partitions import TopicPartitions

log = structlog.get_logger()
ROUND_RECORDS, ROUND_BYTES = 500_000, 2 * 1024**3
"""Records that are read in one round, and about the bytes of their bodies: what Spark keeps on its disks meanwhile, and
what is done again after a kill."""
_HOUR_US = HOUR // MICROSECOND
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Archived:
    """What was archived. `rows`: of requests, by model; `files`: how many were written; `left_out`: what, and why."""

    rows: dict[str, int]
    files: int
    left_out: list[str]


@dataclass(slots=True)
class Archiving:
    """Archives models. One that fails is left out, and made good by the next run; the others go on."""

    spark: SparkSession
    settings: Settings
    store: ArchiveStore
    baselines: BaselineStore
    erasures: ErasureStore
    clock: Clock = field(default_factory=SystemClock)
    round_records: int = ROUND_RECORDS
    round_bytes: int = ROUND_BYTES
    rows: Counter[str] = field(default_factory=Counter)
    left_out: dict[str, str] = field(default_factory=dict)
    _hours: dict[str, ArchiveHours] = field(default_factory=dict)

    def run(self, models: Collection[str] = ()) -> Archived:
        """Archive all that the stream has counted, of all models or of these. Raises Unavailable, SetupError.

        `models`: `name/version` each.
        """
        HadoopFiles(self.spark, self.settings.archive_root)
        wanted = self.store.unarchived(models)
        topics, failed = sorted({each.spec.inference_topic for each in wanted}), []
        for topic in topics:
            try:
                self._topic([each for each in wanted if each.spec.inference_topic == topic])
            except Unavailable as error:
                failed.append(error)
                self.left_out[topic] = str(error)
        for key, hours in self._hours.items():
            with self._alone(f"{key}, what was replaced"):
                hours.end()
        if failed and len(failed) == len(topics):
            raise failed[0]
        files = sum(hours.files for hours in self._hours.values())
        told = [f"{key}: {why}" for key, why in sorted(self.left_out.items())]
        return Archived(dict(sorted(self.rows.items())), files, told)

    def _topic(self, wanted: Sequence[Unarchived]) -> None:
        there = TopicPartitions(self.settings.kafka)
        try:
            ends = {(each.topic, each.partition): each for each in there.look({wanted[0].spec.inference_topic}).ends}
        finally:
            there.close()
        begins = {where: (one.topic_id, one.beginning) for where, one in ends.items()}
        left = []
        for each in wanted:
            with self._alone(each.spec.key):
                left.append(self._present(each, begins))
        size = RoundSize(self.round_records, self.round_bytes)
        while left := [each for each in left if each.ranges and each.spec.key not in self.left_out]:
            read = next_round(left, size.records)
            records = sum(each.records for each in read.values())
            size.saw(records, self._round(left, read, size.pieces(records)))
            left = [_behind(each, read) for each in left]

    def _present(self, wanted: Unarchived, there: Mapping[Address, tuple[str | None, int]]) -> Unarchived:
        """Return what of it the broker still has; what it has not is told, and noted as archived without a row."""
        ranges, lost = [], []
        for each in wanted.ranges:
            topic_id, beginning = there.get(each.address, (None, each.end))
            known = wanted.topics.get(each.address)
            if known is not None and topic_id is not None and known != topic_id:
                beginning = each.end
            start = min(max(each.start, beginning), each.end)
            ranges += [OffsetRange(each.address, start, each.end)] if start < each.end else []
            lost += [OffsetRange(each.address, each.start, start)] if each.start < start else []
        if lost:
            told = "; ".join(map(str, lost))
            self.left_out.setdefault(f"{wanted.spec.key}, lost", f"the broker has no longer {told}")
            log.error("records are gone before they were archived", model=wanted.spec.key, ranges=told)
            found = Unarchived(wanted.spec, tuple(lost), wanted.topics)
            self.store.record(self._writer(wanted.spec).number, self._ranges(found, Counter(), 0))
        return Unarchived(wanted.spec, tuple(ranges), wanted.topics)

    def _round(self, wanted: Sequence[Unarchived], read: Mapping[Address, OffsetRange], pieces: int) -> int:
        """Archive what lies in some ranges, in so many pieces; return how many bytes of bodies that was."""
        now = self.clock.now()
        parts = [each.within(read) for each in wanted]
        models = {
            each.spec.endpoint: ArchivedModel(each.spec.key, each.ranges, has_keys=each.spec.online.is_used)
            for each in parts
        }
        reading = EventReading(self.settings.kafka, tuple(read.values()), models, now, pieces)
        events = events_table(self.spark, reading).persist(StorageLevel.DISK_ONLY)
        try:
            sizes = events.groupBy("key").agg(sf.sum(sf.octet_length("body")).alias("bytes"), sf.count("*").alias("n"))
            found = _asked(sizes)
            there = {row["key"]: int(row["bytes"] or 0) for row in found}
            self._hand_over(sum(row["n"] for row in found), sum(there.values()))
            for each in parts:
                self._model(each, events.where(sf.col("key") == each.spec.key), is_there=each.spec.key in there)
        finally:
            events.unpersist()
        return sum(there.values())

    def _hand_over(self, events: int, size: int) -> None:
        """Let workers be given about ARROW_BATCH_BYTES of events at once, however long these are."""
        fit = session.ARROW_BATCH_BYTES * events // max(size, 1)
        self.spark.conf.set(session.ARROW_ROWS, str(max(1, min(session.ARROW_BATCH_ROWS, fit))))

    def _model(self, part: Unarchived, events: DataFrame, *, is_there: bool) -> None:
        if not part.ranges:
            return
        with self._alone(part.spec.key):
            hours = self._writer(part.spec)
            rows, before = Counter[Address](), hours.files
            if is_there:
                rows = self._write(part.spec, events)
            self.store.record(hours.number, self._ranges(part, rows, hours.files - before))
            self.rows[part.spec.key] += sum(rows.values())

    @contextmanager
    def _alone(self, what: str) -> Iterator[None]:
        """Leave out, and tell of, a model that fails: a damaged file of its own, or a writer beside this one."""
        try:
            with _working():
                yield
        except PegelError as error:
            self.left_out[what] = str(error)
            log.warning("a model is left out", model=what, reason=str(error))
        except Exception as error:  # a model's own parts run here; its failure keeps no other waiting
            log.exception("a model is left out", model=what)
            self.left_out[what] = f"{type(error).__name__}: {error}".partition("\n")[0][:_LONGEST]

    def _write(self, spec: MonitorSpec, events: DataFrame) -> Counter[Address]:
        """Write the rows of events; return how many rows of requests each partition gave."""
        plan, hours = self._plan(spec), self._writer(spec)
        schema = self.spark.createDataFrame(plan.rows.empty_table()).schema
        placed = rows = rows_table(events, plan, schema).persist(StorageLevel.DISK_ONLY)
        try:
            counted = _asked(
                rows.groupBy(
                    HOUR_US,
                    PARTITION,
                    sf.col(PROBLEM).isNotNull().alias(PROBLEM),
                    sf.col(OFFSET).isNotNull().alias(OFFSET),
                ).agg(sf.count("*").alias("rows"))
            )
            if any(not row[PROBLEM] and not row[OFFSET] for row in counted):
                placed = self._beside_requests(rows, hours)
            of_rows, of_others = Counter[int](), Counter[int]()
            for row in counted:
                (of_others if row[PROBLEM] else of_rows)[row[HOUR_US]] += row["rows"]
            if placed is not rows:
                asked = placed.where(sf.col(PROBLEM).isNull()).groupBy(HOUR_US).agg(sf.count("*").alias("rows"))
                of_rows = Counter({row[HOUR_US]: row["rows"] for row in _asked(asked)})
            self._write_rows(placed, plan, hours, of_rows)
            self._write_unreadable(rows, hours, of_others)
        finally:
            placed.unpersist()
            rows.unpersist()
        found = Counter[Address]()
        for row in counted:
            if row[OFFSET] and not row[PROBLEM]:
                found[spec.inference_topic, row[PARTITION]] += row["rows"]
        return found

    def _write_rows(self, rows: DataFrame, plan: RowPlan, hours: ArchiveHours, counts: Mapping[int, int]) -> None:
        further = (HOUR_US, IS_ANSWER, PROBLEM, BODY)
        for hour_us, fresh in sorted(counts.items()):
            hour, count = from_us(hour_us), fresh
            new = rows.where((sf.col(HOUR_US) == hour_us) & sf.col(PROBLEM).isNull()).drop(*further)
            if files := hours.visible(Kept.ROWS, hour):
                known = hours.read(files)
                count += known.count()
                new = joined_again(unioned(known, new), plan)
            hours.write(Kept.ROWS, hour, new, count)

    def _write_unreadable(self, rows: DataFrame, hours: ArchiveHours, counts: Mapping[int, int]) -> None:
        for hour_us, count in sorted(counts.items()):
            hour = from_us(hour_us)
            new = rows.where((sf.col(HOUR_US) == hour_us) & sf.col(PROBLEM).isNotNull()).select(*UNREADABLE.names)
            if files := hours.visible(Kept.UNREADABLE, hour):
                new = hours.read(files).unionByName(new, allowMissingColumns=True)
            new = new.dropDuplicates(["topic", "partition", "offset", IS_ANSWER])
            hours.write(Kept.UNREADABLE, hour, new, count)

    def _beside_requests(self, rows: DataFrame, hours: ArchiveHours) -> DataFrame:
        """Return rows in which an answer alone is in the hour of its request, if that is archived and nearby.

        They are joined there.
        """
        is_alone = sf.col(PROBLEM).isNull() & sf.col(OFFSET).isNull()
        own = [row[HOUR_US] for row in _asked(rows.where(is_alone).select(HOUR_US).distinct())]
        near = sorted({from_us(each + at * _HOUR_US) for each in own for at in (-1, 0, 1)})
        files = [path for hour in near for path in hours.visible(Kept.ROWS, hour)]
        if not files:
            return rows
        us = sf.unix_micros(EVENT_TIME)
        archived = (
            hours.read(files).where(sf.col(OFFSET).isNotNull()).select(EVENT_ID, (us - us % _HOUR_US).alias("_at"))
        )
        places = archived.groupBy(EVENT_ID).agg(sf.min("_at").alias("_at"))
        moved = is_alone & (sf.abs(sf.col("_at") - sf.col(HOUR_US)) <= _HOUR_US)
        hour = sf.when(moved, sf.col("_at")).otherwise(sf.col(HOUR_US))
        return rows.join(places, EVENT_ID, "left").withColumn(HOUR_US, hour).drop("_at").persist(StorageLevel.DISK_ONLY)

    def _plan(self, spec: MonitorSpec) -> RowPlan:
        current = self.baselines.current(spec.model.name, spec.model.version)
        if current is None:
            raise SetupError("expected a baseline, which says which fields its rows have; there is none yet.")
        private = PrivateFields(spec.archive.private, KeyedHash(self.settings.secret))
        if private.lacks_secret:
            raise SetupError("archive.private: expected PEGEL_ENTITY_SECRET with 16 bytes or more, by which is hashed.")
        schema = self.baselines.get(current).layout.schema
        making = RowMaking(schema, spec.entity_keys, private)
        return RowPlan(making, spec.windowing.step // MICROSECOND, self.erasures.erased(private.hashed))

    def _writer(self, spec: MonitorSpec) -> ArchiveHours:
        """Return the hours of a model, as this run writes them."""
        if spec.key not in self._hours:
            self._hours[spec.key] = ArchiveHours.of(self.spark, self.settings.archive_root, spec, self.store)
        return self._hours[spec.key]

    def _ranges(self, part: Unarchived, rows: Mapping[Address, int], files: int) -> list[ArchivedRange]:
        now = self.clock.now()
        first: dict[Address, OffsetRange] = {}
        for each in part.ranges:
            known = first.get(each.address, each)
            first[each.address] = OffsetRange(each.address, min(known.start, each.start), max(known.end, each.end))
        return [
            ArchivedRange(
                model=part.spec.model.name,
                version=part.spec.model.version,
                topic=address[0],
                partition=address[1],
                start=whole.start,
                end=whole.end,
                topic_id=part.topics.get(address),
                rows=rows.get(address, 0),
                files=files,
                at=now,
            )
            for address, whole in sorted(first.items())
        ]


def _behind(wanted: Unarchived, read: Mapping[Address, OffsetRange]) -> Unarchived:
    """Return what is left once ranges were read."""
    left = []
    for each in wanted.ranges:
        end = read[each.address].end if each.address in read else each.start
        if each.end > end:
            left.append(OffsetRange(each.address, max(each.start, end), each.end))
    return Unarchived(wanted.spec, tuple(left), wanted.topics)


def _asked(frame: DataFrame) -> list[Row]:
    """Return what is in a small table. Raises Unavailable if Spark could not find out."""
    with _working():
        return frame.collect()


@contextmanager
def _working() -> Iterator[None]:
    """Tell a failure of Spark's as ours: a broker or a file system that was away is asked again by the next run."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        log.exception("failed")
        raise Unavailable(f"Spark could not finish: {_said(error)[:_LONGEST]}") from error


def _said(error: PySparkException | Py4JJavaError) -> str:
    """Return the line that says most: which file is damaged, what a worker raised, or what Spark calls it."""
    if isinstance(error, CapturedException | Py4JJavaError) and (damage := damaged_file(error)):
        return damage
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if isinstance(error, PythonException):
        return next((line for line in reversed(lines) if "Error" in line or "Unavailable" in line), lines[0])
    return lines[0]
