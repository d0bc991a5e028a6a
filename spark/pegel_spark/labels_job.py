"""One run over the labels of all models: taken from topics and tables, joined with archived rows, judged and kept.

A model that fails keeps nobody else's labels waiting; what a run left undone the next one does.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from pyspark.sql import SparkSession
from sqlalchemy import Engine

from pegel.archive.folders import HOUR
from pegel.baseline.baseline import Baseline
from pegel.batch.complete_hours import CompleteHours
from pegel.data.instants import DAY
from pegel.data.keyed_hash import KeyedHash
from pegel.data.spans import Span, floor
from pegel.errors import PegelError
from pegel.judge.labelled_hours import Followers, IsComplete, Stored, as_given
from pegel.judge.performance.concept_charts import require_readable
from pegel.judge.performance.performance_rows import ConceptChartRow, PerformanceRow
from pegel.judge.performance.reach import reach, usual_reach
from pegel.judge.performance.settling import is_labelled
from pegel.labels.label_arrays import THE_TABLE, LabelPartition
from pegel.labels.label_keys import LabelKeys
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.concept_chart_store import ConceptCharts
from pegel.store.erasure_store import ErasureStore
from pegel.store.label_store import LabelStore
from pegel.store.performance_store import PerformanceStore
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.store.window_keys import WindowKeys
from pegel_spark.hour_portions import by_day, few
from pegel_spark.label_intake import LabelIntake, TakenLabels
from pegel_spark.label_joining import LabelledHour, ModelLabels
from pegel_spark.label_tables import LabelTable
from pegel_spark.read_failures import failure_words

log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class JoinedLabelsOfRun:
    """What a run did: labels taken and refused, hours looked at by model, and what failed with one sentence each."""

    taken: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    hours: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class LabelsJob:
    """A run. `now` is the instant up to which labels have come."""

    spark: SparkSession
    settings: Settings
    engine: Engine
    now: datetime

    def run(self, models: Collection[str] = ()) -> JoinedLabelsOfRun:
        """Do all models with labels, or those that are named, `name/version` each; topics are taken in as a whole."""
        done = JoinedLabelsOfRun()
        labelled = [spec for spec in Registry(self.engine).list() if spec.labels.is_used]
        of_topics = [spec for spec in labelled if spec.labels.by_topic]
        taken = 0
        for namespace in sorted({spec.namespace for spec in of_topics}):
            own = [spec for spec in of_topics if spec.namespace == namespace]
            found = _tried(done.failed, f"topic of {namespace}", partial(self._take, namespace, own, done.failed))
            if found is not None:
                taken += found.labels
                for kind, count in found.refused.items():
                    done.refused[kind] = done.refused.get(kind, 0) + count
        for spec in labelled:
            if not models or spec.key in models:
                joining = OneModel(self.spark, self.settings, self.engine, spec, self.now)
                hours = _tried(done.failed, spec.key, joining.run)
                done.hours[spec.key] = hours or 0
                taken += joining.of_table
        return JoinedLabelsOfRun(taken, done.refused, done.hours, done.failed)

    def _take(self, namespace: str, specs: Sequence[MonitorSpec], failed: dict[str, str]) -> TakenLabels:
        keys = LabelKeys.of_specs(specs, self.settings.secret)
        failed |= keys.held
        erased = ErasureStore(self.engine).erased(KeyedHash(self.settings.secret))
        intake = LabelIntake(self.spark, self.settings, LabelStore(self.engine), erased)
        return intake.take(namespace, keys, self.now)


@dataclass(slots=True)
class OneModel:
    """The labels of one model version in one run. `of_table`: labels that its table had anew."""

    spark: SparkSession
    settings: Settings
    engine: Engine
    spec: MonitorSpec
    now: datetime
    of_table: int = 0
    _rows: dict[tuple[Span, str], PerformanceRow] = field(default_factory=dict)
    _charts: list[ConceptChartRow] = field(default_factory=list)
    _is_complete: IsComplete = as_given

    def run(self) -> int:
        """Join and judge; return how many hours were looked at."""
        name, version = self.spec.model.name, self.spec.model.version
        labels, baseline = LabelStore(self.engine), BaselineStore(self.engine).in_force(name, version)
        self._load()
        horizon, newest = self.spec.labels.horizon, labels.newest_hour(name, version)
        since = reach(horizon, self.now, self._rows.values(), self._charts if baseline else [], newest)
        model = ModelLabels(self.spark, self.settings, labels, self.spec, baseline, self.now, since)
        joined = labels.joined(name, version)
        up_to = self._taken(model, labels)
        kept = model.kept(model.reach.date())
        hours, days = model.touched(kept, joined, up_to) if kept is not None else (set[datetime](), [])
        # Said before anything is listed or read: what it is told to have read by then may be there.
        beat = next((one for one in Results(self.engine).heartbeats(damaged={}) if one.group == self.spec.group), None)
        written, known = model.written(), labels.hours(name, version, model.reach)
        root, keys = self.settings.archive_root, WindowKeys(self.engine)
        self._is_complete = CompleteHours(root, keys, self.spec, beat, written)
        changed = {start for start, number in written.items() if known.get(start) != number}
        gone = self._gone(written)
        # What time alone settles is settled first: charts wait for it.
        asked_for = self._follow(baseline, [], labels, gone)
        wanted = (hours | changed | self._due(model.horizon) | self._ripe() | asked_for) & written.keys()
        looked_at: set[datetime] = set()
        while wanted:
            asked_for = set()
            for day in by_day(wanted):
                for some in few(model.labelled(day, written)):
                    asked_for |= self._follow(baseline, some, labels, gone)
            looked_at |= wanted
            wanted = (asked_for - looked_at) & written.keys()
        # Of days before that, rows are out of reach that their labels are about.
        labels.note_joined(name, version, up_to, [day for day in days if day.start >= since + horizon])
        return len(looked_at)

    def _taken(self, model: ModelLabels, labels: LabelStore) -> dict[LabelPartition, int]:
        """Return up to where labels are kept, by partition, of former topics too; those of a table are taken first."""
        if self.spec.labels.by_topic:
            held = labels.held(self.spec.model.name, self.spec.model.version)
            # What was passed over is not in the figures: it is new once it is kept.
            kept = labels.positions(self.spec.namespace).items()
            return {where: min(end, held.get(where, end)) for where, end in kept}
        table = LabelTable(self.spark, self.settings, self.spec)
        reading = table.take(model.kept(), self.now)
        labels.note_table(self.spec.namespace, self.spec.key, reading.refused)
        self.of_table = reading.labels
        return {THE_TABLE: reading.number + 1}

    def _load(self) -> None:
        performance = PerformanceStore(self.engine)
        name, version = self.spec.model.name, self.spec.model.version
        charts = ConceptCharts(self.engine, require_readable)
        for line in charts.begin_anew(name, version, self.now):
            log.warning("a chart over labelled events begins anew", of=self.spec.key, why=line)
        self._charts = charts.of(name, version)
        unsettled = performance.oldest_unsettled(name, version)
        ends = [chart.up_to for chart in self._charts] + ([] if unsettled is None else [unsettled])
        begin = floor(min([usual_reach(self.spec.labels.horizon, self.now), *ends]), DAY)
        rows = performance.rows(name, version, begin, segment=None, damaged=[])
        self._rows = {(row.span, row.segment): row for row in rows}

    def _due(self, horizon: timedelta) -> set[datetime]:
        """Return hours whose horizon has ended since they were looked at."""
        return {
            span.start
            for (span, _), row in self._rows.items()
            if not row.settled and span.end - span.start == HOUR and span.end + horizon <= self.now
        }

    def _ripe(self) -> set[datetime]:
        """Return hours that wait for nothing any more: all labels came before, and all their rows are there now."""
        labelled = {
            span
            for (span, _), row in self._rows.items()
            if not row.settled and span.end - span.start == HOUR and is_labelled(row.counts) and span.end <= self.now
        }
        return {span.start for span in labelled if self._is_complete(span, (span,))}

    def _gone(self, written: Mapping[datetime, int]) -> set[Span]:
        """Return stored hours without archived rows. An archive that has no hour at all is away, and none is gone."""
        hours = {span for span, _ in self._rows if span.end - span.start == HOUR}
        gone = {span for span in hours if span.start not in written} if written else set[Span]()
        lost = {span for (span, _), row in self._rows.items() if span in gone and not row.settled}
        if lost:
            first = min(span.start for span in lost).isoformat()
            log.warning("hours settle without the rest of their labels", of=self.spec.key, hours=len(lost), first=first)
        return gone

    def _follow(
        self, baseline: Baseline | None, hours: Sequence[LabelledHour], labels: LabelStore, gone: set[Span]
    ) -> set[datetime]:
        """Judge some hours of a day and keep them; return the hour that charts ask for next."""
        wishes = self.spec.labels
        covered = {(hour.span, ""): hour.coverage for hour in hours}
        followers = Followers(
            *(self.spec, baseline, wishes.horizon, self.now),
            asked=wishes.charts,
            coverage=covered,
            gone=gone,
            is_complete=self._is_complete,
        )
        stored = Stored(list(self._rows.values()), self._charts)
        followed = followers.follow({hour.span: hour.rows for hour in hours}, stored)
        if followed.rows or followed.charts:
            store = PerformanceStore(self.engine)
            store.write(followed.rows, followed.findings, followed.charts, gone_on_from=self._charts)
        self._rows |= {(row.span, row.segment): row for row in followed.rows}
        if followed.charts:
            moved = {(chart.segment, chart.chart) for chart in followed.charts}
            rest = [chart for chart in self._charts if (chart.segment, chart.chart) not in moved]
            self._charts = [*rest, *followed.charts]
        for hour in hours:
            labels.note_hour(self.spec.model.name, self.spec.model.version, hour.span.start, hour.written)
        return set() if followed.wanted is None else {followed.wanted.start}


def _tried(failed: dict[str, str], what: str, step: Callable[[], T]) -> T | None:
    """Do one step; what fails is noted under its name, and logged with its trace where it is none of our sentences."""
    try:
        return step()
    except PegelError as error:
        failed[what] = str(error)
    except Exception as error:  # a model's own labels are counted here; its failure keeps no other waiting
        log.exception("labels of one model failed", of=what)
        failed[what] = failure_words(error)
    return None
