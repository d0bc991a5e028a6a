"""One run over the tables of all models that are only scored in batches: read, archived, counted and judged.

A table that cannot be read is its own model's state, with the reason, and keeps no other waiting; the next run goes on
from there. What was judged stays as it is, so a run may be repeated, overlap another, or be of an old time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pyarrow as pa
import structlog
from py4j.protocol import Py4JError
from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as sf
from sqlalchemy import Engine

from pegel.archive.folders import HOUR, Kept, floor_hour
from pegel.archive.half_rows import RowMaking
from pegel.archive.prepared_rows import TIME_US, archived_table
from pegel.archive.row_columns import EVENT_TIME
from pegel.baseline.baseline import Baseline
from pegel.batch.table_windows import TableJudge, WindowToJudge, few_at_once, time_to_look_at, windows_to_judge
from pegel.batch.window_counting import CountedWindow, TableCounting, TablePlan, merged
from pegel.data.instants import MICROSECOND, from_us, to_us
from pegel.data.keyed_hash import KeyedHash
from pegel.data.private_fields import PrivateFields
from pegel.data.spans import Span
from pegel.errors import PegelError, SetupError, Superseded
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.archive_store import ArchiveStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.registry import Registry
from pegel.store.registry_view import RegistryView
from pegel.store.table_reads import TableRead, TableReads
from pegel_spark.archive_hours import ArchiveHours
from pegel_spark.archived_rows import unioned
from pegel_spark.read_failures import failure_words
from pegel_spark.scored_table import NOTHING_JUDGED, ScoredTable, open_table

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TablesRead:
    """What a run did: windows judged and rows in them by model, and what failed with one sentence each."""

    windows: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class TablesJob:
    """A run at the instant `now`. `since`, `until`: the time that is asked for; None: what is new."""

    spark: SparkSession
    settings: Settings
    engine: Engine
    now: datetime
    since: datetime | None = None
    until: datetime | None = None

    def run(self, models: Sequence[str] = ()) -> TablesRead:
        """Read the tables of these models, by `name` or `name/version`; of all where none is named."""
        done = TablesRead()
        for spec in Registry(self.engine).list():
            if spec.model.is_table and (not models or spec.key in models or spec.model.name in models):
                self._model(spec, done)
        return done

    def _model(self, spec: MonitorSpec, done: TablesRead) -> None:
        table = OneTable(self.spark, self.settings, self.engine, spec, self.now)
        try:
            table.run(self.since, self.until)
        except Superseded:
            # Another run is at it, and does the rest.
            log.info("left to another run", model=spec.key)
        except PegelError as error:
            done.failed[spec.key] = str(error)
        except (Py4JError, PySparkException, OSError, MemoryError) as error:
            log.exception("a table could not be read", model=spec.key)
            done.failed[spec.key] = f"Spark could not finish: {failure_words(error)}"
        except Exception as error:  # a model's own parts run here; its failure keeps no other waiting
            log.exception("a table could not be judged", model=spec.key)
            done.failed[spec.key] = failure_words(error)
        done.windows[spec.key], done.rows[spec.key] = table.windows, table.rows
        if spec.key in done.failed:
            table.note_problem(done.failed[spec.key])


@dataclass(slots=True)
class OneTable:
    """The table of one model in one run. `windows`, `rows`: what was judged of it."""

    spark: SparkSession
    settings: Settings
    engine: Engine
    spec: MonitorSpec
    now: datetime
    windows: int = 0
    rows: int = 0

    def run(self, since: datetime | None, until: datetime | None) -> None:
        """Judge what is new or has other rows now. Raises what is wrong with the table; what was judged stays."""
        name, version = self.spec.model.name, self.spec.model.version
        store, baselines = TableReads(self.engine), BaselineStore(self.engine)
        view = RegistryView(Registry(self.engine), baselines, self.spec.group)
        current = baselines.current(name, version)
        if current is None:
            raise SetupError(f"expected a baseline to judge by; there is none yet. {NOTHING_JUDGED}")
        private = PrivateFields(self.spec.archive.private, KeyedHash(self.settings.secret))
        if self.spec.archive.is_used and private.lacks_secret:
            raise SetupError("archive.private: expected PEGEL_ENTITY_SECRET with 16 bytes or more, by which is hashed.")
        read = store.of(name, version)
        span = time_to_look_at(self.spec.windowing, read, since, until, now=self.now)
        frame = open_table(self.spark, self.settings, self.spec)
        table = ScoredTable(frame, self.spec, view.baseline(current).layout.schema)
        table.refuse_unfit()
        begun = read or TableRead(model=name, version=version, at=self.now, newest=None if span is None else span.start)
        begun = replace(begun, at=self.now, untimed=table.untimed(), problem="", problem_since=None)
        if span is None:
            store.note(begun)
            return
        before = store.judged(name, version, span.start, span.end)
        wanted = windows_to_judge(table.windows(span), before, self.spec.windowing.length, current)
        judge = TableJudge(self.spec, view, begun)
        lost = self._pieces(wanted, judge, view, private, frame) if wanted else []
        up_to = span.end if judge.read.up_to is None else max(judge.read.up_to, span.end)
        store.note(replace(judge.read, up_to=up_to))
        if lost:
            raise SetupError(f"windows that could not be judged: {'; '.join(lost[:3])}, {len(lost)} in all")

    def note_problem(self, problem: str) -> None:
        """Keep why the table could not be read, and since when that is so."""
        store, name, version = TableReads(self.engine), self.spec.model.name, self.spec.model.version
        read = store.of(name, version) or TableRead(model=name, version=version, at=self.now)
        since = read.problem_since if read.problem else self.now
        store.note(replace(read, at=self.now, problem=problem, problem_since=since))

    def _pieces(
        self,
        wanted: Sequence[WindowToJudge],
        judge: TableJudge,
        view: RegistryView,
        private: PrivateFields,
        frame: DataFrame,
    ) -> list[str]:
        """Count, archive and judge windows, a few at a time; return which could not be judged, and why."""
        hours = ArchiveHours.of(self.spark, self.settings.archive_root, self.spec, ArchiveStore(self.engine))
        store, lost = TableReads(self.engine), list[str]()
        for piece in few_at_once(wanted):
            baseline = view.baseline(piece[0].baseline_id)
            table = ScoredTable(frame, self.spec, baseline.layout.schema)
            table.refuse_unfit()
            rows = table.rows([window.span for window in piece]).persist(StorageLevel.DISK_ONLY)
            try:
                counted = self._counted(rows, baseline, view.document(baseline.id), private)
                if self.spec.archive.is_used:
                    self._archive(rows, piece, hours, RowMaking(baseline.layout.schema, self.spec.entity_keys, private))
            finally:
                rows.unpersist()
            made = judge.judge(piece, counted, now=self.now)
            store.write(hours.number, judge.read, made.windows, made.findings, made.outliers)
            lost += made.lost
            self.windows += len(piece)
            self.rows += sum(window.rows for window in counted.values())
        hours.end()
        return lost

    def _counted(
        self, rows: DataFrame, baseline: Baseline, document: bytes, private: PrivateFields
    ) -> Mapping[Span, CountedWindow]:
        length = self.spec.windowing.length
        plan = TablePlan(baseline.id, document, length // MICROSECOND, private)

        def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            counting = TableCounting(plan)
            for batch in batches:
                counting.add(batch)
            yield from counting.packed()

        schema = "window_us bigint, segment string, rows bigint, summary binary, outliers binary"
        found = merged(rows.mapInArrow(count, schema).toArrow(), baseline)
        return {Span(from_us(start), from_us(start) + length): window for start, window in found.items()}

    def _archive(self, rows: DataFrame, piece: Sequence[WindowToJudge], hours: ArchiveHours, making: RowMaking) -> None:
        """Put the rows of windows into their hours, in the place of those of the same windows."""

        def make(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                yield from archived_table(making, batch).to_batches()

        schema = self.spark.createDataFrame(making.columns.empty_table()).schema
        hour_us = sf.col(TIME_US) - sf.pmod(sf.col(TIME_US), sf.lit(HOUR // MICROSECOND))
        counts = {
            from_us(row["hour_us"]): row["count"] for row in rows.groupBy(hour_us.alias("hour_us")).count().collect()
        }
        for hour in _hours_of(piece):
            count, files = counts.get(hour, 0), hours.visible(Kept.ROWS, hour)
            if not count and not files:
                continue
            own = (sf.col(TIME_US) >= to_us(hour)) & (sf.col(TIME_US) < to_us(hour + HOUR))
            new = rows.where(own).mapInArrow(make, schema)
            if files:
                known = hours.read(files).where(~_within(piece))
                count += known.count()
                new = unioned(known, new)
            hours.write(Kept.ROWS, hour, new, count)


def _hours_of(piece: Sequence[WindowToJudge]) -> list[datetime]:
    """Return the hours that windows touch."""
    touched = set()
    for window in piece:
        hour = floor_hour(window.span.start)
        while hour < window.span.end:
            touched.add(hour)
            hour += timedelta(hours=1)
    return sorted(touched)


def _within(piece: Sequence[WindowToJudge]) -> Column:
    """Say of an archived row that it is of one of these windows."""
    us, is_own = sf.unix_micros(EVENT_TIME), sf.lit(False)
    for window in piece:
        is_own = is_own | ((us >= to_us(window.span.start)) & (us < to_us(window.span.end)))
    return is_own
