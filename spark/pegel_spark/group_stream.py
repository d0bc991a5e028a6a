"""One monitor group's stream: batches in, judged windows out."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import structlog
from pyspark.sql import DataFrame, SparkSession

from pegel.data.instants import to_us
from pegel.spec.clock import Clock, SystemClock
from pegel.store.chart_states import ChartStates
from pegel.store.registry_view import Wishes, WishList
from pegel.store.results import Results
from pegel.stream.counting_plan import MAX_AHEAD, Plan, known, measure, watch
from pegel.stream.counting_task import Task
from pegel.stream.entries import Batch, Emissions, Entry
from pegel.stream.partial import Partial
from pegel.stream.partial_arrow import SQL_RESULT, Letter, decode
from pegel.stream.window_manager import WindowManager
from pegel_spark.journal import Journal
from pegel_spark.judged_rows import judged, late_rows
from pegel_spark.side_topics import SideChannel

log = structlog.get_logger()


@dataclass(slots=True)
class Monitor:
    """Turns batches into windows. `process` runs in Spark's callback thread, `tick` in the main thread: never both."""

    wish_list: WishList
    journal: Journal
    results: Results
    side: SideChannel
    clock: Clock = field(default_factory=SystemClock)
    manager: WindowManager = field(init=False)
    chart_states: ChartStates = field(init=False)
    wishes: Wishes = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _documents: Any = None
    """Broadcast of the baselines' documents, with the set of ids it holds."""

    def __post_init__(self) -> None:
        """Start without any memory; it is read where it is needed."""
        self.chart_states = ChartStates(self.results)

    def restore(self) -> None:
        """Build the state from the journal and write again what its last entry brought."""
        self.wishes = self.wish_list.read()
        self.chart_states = ChartStates(self.results)
        self.manager, last = self.journal.restore(self.wish_list.unpack)
        self._publish(last, [])
        log.info("restored", batch=self.manager.last_batch, head=str(self.manager.head))

    def process(self, frame: DataFrame, batch_id: int) -> None:
        """Count, record, judge and write one batch. A batch that was recorded before is not counted again."""
        with self._lock:
            if batch_id <= self.manager.last_batch:
                return
            self.wishes = self.wish_list.read()
            partials, letters = self._count(frame)
            batch = Batch(
                id=batch_id, arrived_at=self.clock.now(), monitors=self.wishes.monitored, partials=tuple(partials)
            )
            self._apply(batch, letters)

    def tick(self, caught_up_at: datetime | None) -> None:
        """Close what is due although nothing more comes. Returns at once while a batch is being processed."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            self.wishes = self.wish_list.read()
            closing = self.manager.due(now=self.clock.now(), caught_up_at=caught_up_at)
            if closing is not None:
                self._apply(closing, [])
        finally:
            self._lock.release()

    def _count(self, frame: DataFrame) -> tuple[list[Partial], list[Letter]]:
        plan = self._plan()
        partials, letters = self._run(frame, plan)
        repeated = self.manager.repeated(partials)
        if not repeated:
            return partials, letters
        # Copies are rare, so they are found afterwards and the batch is read once more without them. Two copies in
        # different partitions find each other in a single task.
        again = Plan(plan.watches, plan.elsewhere, plan.latest_us, known(repeated.known))
        return self._run(frame.coalesce(1) if repeated.split else frame, again)

    def _plan(self) -> Plan:
        latest = self.clock.now() + MAX_AHEAD
        watches = {
            spec.endpoint: watch(key, spec.windowing, self.wishes.baselines[key], self.manager)
            for key, spec in self.wishes.specs.items()
        }
        return Plan(watches, self.wishes.elsewhere, to_us(latest))

    def _run(self, frame: DataFrame, plan: Plan) -> tuple[list[Partial], list[Letter]]:
        needed = {
            name for one in plan.watches.values() for names in (one.current, *one.pinned.values()) for name in names
        }
        documents = self._broadcast(frame.sparkSession, needed)

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            found = documents.value
            return Task(plan, lambda name: measure(name, found[name])).run(batches)

        return decode(frame.mapInArrow(run, SQL_RESULT).toArrow())

    def _broadcast(self, spark: SparkSession, needed: set[str]) -> Any:
        """Return the baselines' documents where the workers find them; sent again only when others are needed."""
        if self._documents is None or self._documents[0] != needed:
            documents = {name: self.wish_list.document(name) for name in needed}
            self._documents = (needed, spark.sparkContext.broadcast(documents))
        return self._documents[1]

    def _apply(self, entry: Entry, letters: list[Letter]) -> None:
        # From here on the entry has happened: whoever continues after a crash reads it in the journal.
        self.journal.append(entry)
        self._publish(self.manager.apply(entry), letters)
        self.journal.cut(self.manager)

    def _publish(self, emissions: Emissions, letters: list[Letter]) -> None:
        judged(emissions, self.wishes, self.wish_list, self.chart_states, now=self.clock.now()).write(self.results)
        if emissions.late:
            late_rows(emissions, self.wishes, self.wish_list, self.chart_states, self.results).write(self.results)
        specs = self.wishes.specs
        self.side.outliers((specs[key], item) for key, item in emissions.outliers if key in specs)
        self.side.letters(letters)
        for count in emissions.spans:
            if count.final:
                log.info("window final", monitor=count.key, start=count.span.start.isoformat(), rows=count.rows)
