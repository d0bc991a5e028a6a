"""One monitor group's stream on Spark: ranges of offsets in, commits out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from pyspark import Broadcast
from pyspark.sql import SparkSession

from pegel.data.columns import Role
from pegel.data.keyed_hash import NO_SECRET, KeyedHash
from pegel.spec.clock import Clock, SystemClock
from pegel.spec.names import monitor_key
from pegel.store.attribution_store import AttributionStore
from pegel.store.registry_view import GroupModels, RegistryView
from pegel.stream.baseline_documents import BaselineDocuments
from pegel.stream.commit import Commit, Restored, SetAside
from pegel.stream.counting_plan import CountingPlan
from pegel.stream.group_state import GroupState
from pegel.stream.partition_clocks import PartitionClocks
from pegel.stream.positions import OffsetRange, Positions
from pegel.stream.task_output import DeadLetter, TaskOutput
from pegel.stream.wire_records import Address
from pegel_spark.batch_spans import MOST_OF_BATCH, BatchSpans
from pegel_spark.counting_job import Work, run, shared_out
from pegel_spark.persistence import PatientBaselines, Persistence
from pegel_spark.realtime_outliers import RealtimeChannel
from pegel_spark.realtime_reader import Orders
from pegel_spark.row_quality_thread import RowChannel
from pegel_spark.side_topics import SideChannel
from pegel_spark.topic_partitions import Partitions

log = structlog.get_logger()


@dataclass(slots=True)
class GroupStream:
    """Turns batches into commits. `read` runs in a thread of its own, `tick` in the main thread: never both."""

    registry_view: RegistryView
    persistence: Persistence
    side: SideChannel
    realtime: RealtimeChannel
    clock: Clock = field(default_factory=SystemClock)
    rows: RowChannel | None = None
    """Where rows of final windows are looked at; None: nowhere."""
    hashed: KeyedHash = NO_SECRET
    """How values of private fields are told."""
    explained: AttributionStore | None = None
    """Where baselines of attributions are learned; None: nowhere."""
    spans: BatchSpans | None = None
    """Where events that are traced are told; None: nowhere."""
    clocks: PartitionClocks = field(default_factory=PartitionClocks)
    state: GroupState = field(init=False)
    models: GroupModels = field(init=False)
    batches: int = 0
    """Commits so far of what was read."""
    committed_at: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _documents: BaselineDocuments | None = None
    """What the workers were sent last."""
    _broadcast: Broadcast[BaselineDocuments] | None = None
    """Where they find it."""

    def __post_init__(self) -> None:
        """Watch nothing before the state is restored."""
        self.models = GroupModels(specs={}, elsewhere=frozenset(), baselines={})
        nothing = Restored(offsets={}, states=[], pane_parts=[], failures=[])
        self.state = GroupState.restored(nothing, self.baselines, self.clock.now(), self.hashed)

    def restore(self) -> None:
        """Build the state from the database."""
        self.models = self.persistence.wait.patiently(self.registry_view.read)
        restored = self.persistence.restore()
        self.state = GroupState.restored(restored, self.baselines, self.clock.now(), self.hashed)
        self.clocks.forget_what_was_read()
        self.state.clocks = self.clocks
        log.info("restored", partitions=len(restored.offsets), panes=len(restored.pane_parts), head=str(self.head))

    @property
    def baselines(self) -> PatientBaselines:
        """Return the baselines of the database."""
        return PatientBaselines(self.registry_view, self.persistence.wait)

    def look(self) -> None:
        """Look which models are watched now; close what is due if none of them has anything to read."""
        self.models = self.persistence.wait.patiently(self.registry_view.read)
        if not self.models.specs:
            self.tick(self.clock.now())

    @property
    def topics(self) -> set[str]:
        """Return the topics of the group's models."""
        return {spec.inference_topic for spec in self.models.specs.values()}

    @property
    def head(self) -> datetime | None:
        """Return the newest event time seen."""
        return self.state.manager.head

    def read(
        self, spark: SparkSession, kafka: str, ranges: Sequence[OffsetRange], check: Callable[[], None] = lambda: None
    ) -> TaskOutput:
        """Read, count, judge and commit what ranges hold, or the first of it where that is much; return what was read.

        `check` is called once it was read: what it raises leaves nothing behind. Raises Unavailable when the broker is
        away, Superseded, StoppedWaiting, Py4JError when a worker dies.
        """
        with self._lock:
            began_ns = time.time_ns()
            self.models = self.persistence.wait.patiently(self.registry_view.read)
            plan = self.state.plan(self.models, self.clock.now())
            if self.spans is not None:
                plan = replace(plan, traced=MOST_OF_BATCH)
            self._order_realtime()
            documents = self._sent(spark, plan)
            shares = shared_out(ranges, spark.sparkContext.defaultParallelism)
            read: list[OffsetRange] = []

            def count(by: CountingPlan, alone: bool) -> TaskOutput:
                if read:  # the same records once more
                    share = [tuple(read)] if alone else [(each,) for each in read]
                    return run(spark, [Work(kafka, own, by, is_whole=True) for own in share], documents)
                output = run(spark, [Work(kafka, share, by) for share in shares], documents)
                read.extend(OffsetRange(where, each.start, each.end) for where, each in output.reads.items())
                return output

            output = self.state.count(plan, count)
            check()
            if self.spans is not None:
                self.spans.read(output, began_ns)
            self.take(output)
            return output

    def take(self, output: TaskOutput) -> None:
        """Take in what tasks counted, and commit it."""
        self._commit(self.state.take(output, self.models, self.clock.now()), output.letters)
        self.batches += 1

    def set_aside(self, record: SetAside, output: TaskOutput) -> None:
        """Commit that one record was set aside; `output` counts its arrival."""
        self.models = self.persistence.wait.patiently(self.registry_view.read)
        self._commit(self.state.set_aside(record, output, self.models, self.clock.now()), [])

    def begin_at(self, begin: Positions, there: Partitions) -> None:
        """Commit gaps, and where partitions begin that are new or whose numbers changed; `there`: all there are."""
        self.clocks.looked(there.ends, there.leaderless, self.clock.now())
        for read in begin.reset:
            self.state.offsets[read.topic, read.partition] = read
            self.clocks.begins_anew((read.topic, read.partition))
        if begin.reset or begin.gaps:
            self._commit(Commit(read=begin.reset, gaps=begin.gaps), [])
        for gap in begin.gaps:
            log.error("gap", topic=gap.topic, partition=gap.partition, start=gap.start, end=gap.end, reason=gap.reason)

    def forget_partitions_but(self, present: Collection[Address]) -> None:
        """Note which partitions there are; those that have been away for long enough begin anew if they come back."""
        for gone in self.persistence.partitions_present(present):
            self.state.offsets.pop((gone.topic, gone.partition), None)

    @property
    def is_busy(self) -> bool:
        """Say whether a batch is being processed."""
        return self._lock.locked()

    def tick(self, caught_up_at: datetime | None) -> None:
        """Close what is due although nothing more comes. Returns at once while a batch is being processed."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            self.models = self.registry_view.read()
            commit = self.state.close_idle(self.models, self.clock.now(), caught_up_at)
            if commit is None:
                self._order_realtime()
            else:
                self._commit(commit, [])
        finally:
            self._lock.release()

    def documents(self, plan: CountingPlan) -> BaselineDocuments:
        """Return the documents that a plan needs. One that cannot be read is its model's failure."""
        documents: dict[str, bytes] = {}
        unreadable: dict[str, str] = {}
        for name in sorted(plan.baseline_ids):
            try:
                documents[name] = self.baselines.document(name)
            except Exception as error:  # noqa: BLE001 - told as its model's failure by the tasks
                unreadable[name] = f"{error!r:.300}"
        return BaselineDocuments(documents, unreadable)

    def _order_realtime(self) -> None:
        """Say which models' outliers are to be told in real time, by what, and how far the stream itself is.

        Others cost nothing here: nothing of theirs is planned or read.
        """
        wanted = {key: spec for key, spec in self.models.specs.items() if spec.watch.outliers == "realtime"}
        unscored = tuple(sorted(key for key in wanted if self._is_unscored(key)))
        wanted = {key: spec for key, spec in wanted.items() if key not in unscored}
        if not wanted:
            self.realtime.follow(Orders(unscored=unscored))
            return
        now = self.clock.now()
        plan = CountingPlan.at(now, self.state.monitor_plans(self.models, wanted, now))
        self.realtime.follow(
            Orders(
                monitors=plan.monitors,
                namespaces={key: spec.namespace for key, spec in wanted.items()},
                read={address: read.end for address, read in self.state.offsets.items()},
                documents=self.documents(plan).documents,
                unscored=unscored,
            )
        )

    def _learn(self, commit: Commit) -> None:
        """Make a baseline of attributions of the first explained rows, where this commit brought enough of them.

        Should that fail, the rows are there still, and the next window tries again.
        """
        for model, version in sorted({(window.model, window.version) for window in commit.learned}):
            spec = self.models.specs.get(monitor_key(model, version))
            current = self.models.baselines.get(monitor_key(model, version))
            if spec is None or current is None or self.explained is None:
                continue
            try:
                features = self.baselines.baseline(current).layout.schema.of_role(Role.FEATURE)
                learned = self.explained.learn(spec, [each.name for each in features], now=self.clock.now())
            except Exception as error:  # noqa: BLE001 - one model's explained rows hold up nothing else
                log.warning("no baseline of attributions", model=model, version=version, reason=f"{error!r:.300}")
                continue
            if learned is not None:
                log.info("baseline of attributions", model=model, version=version, rows=learned.rows)

    def _is_unscored(self, key: str) -> bool:
        """Say whether a model's baseline has no cut-off. Of one that cannot be read its tasks say so."""
        current = self.models.baselines[key]
        try:
            return current is not None and self.baselines.baseline(current).outlier_cutoff is None
        except Exception:  # noqa: BLE001 - told as its model's failure by the tasks
            return False

    def _sent(self, spark: SparkSession, plan: CountingPlan) -> Broadcast[BaselineDocuments]:
        """Return a plan's documents where the workers find them; they are sent only when they are others."""
        documents = self.documents(plan)
        if self._broadcast is None or documents != self._documents:
            if self._broadcast is not None:
                # Spark keeps a file of each broadcast until it is told that nobody needs it.
                self._broadcast.destroy()
            self._documents, self._broadcast = documents, spark.sparkContext.broadcast(documents)
        return self._broadcast

    def _commit(self, commit: Commit, letters: list[DeadLetter]) -> None:
        self.persistence.commit(commit)
        self.committed_at = self.clock.now()
        if self.spans is not None:
            self.spans.committed(commit.windows, time.time_ns())
        # Before anything is published: what is counted now need not be told in real time any more.
        self._order_realtime()
        self._learn(commit)
        windows = self.state.rows_of(commit, self.models)
        if self.rows is not None and windows:
            self.rows.look(windows)
        # Told only now: what a commit that failed would have told comes again.
        specs = {(spec.model.name, spec.model.version): spec for spec in self.models.specs.values()}
        untold = (row for row in commit.outliers if not self.realtime.has_told(row))
        self.side.outliers((specs[row.model, row.version], row) for row in untold)
        self.side.letters(letters, {spec.inference_topic: spec.namespace for spec in specs.values()})
        for row in commit.windows:
            if row.final and not row.segment:
                log.info("window final", monitor=row.key, start=row.span.start.isoformat(), rows=row.rows)
        for failure in commit.failures:
            log.error(
                "monitor fails",
                model=failure.model,
                version=failure.version,
                reason=failure.reason,
                windows_lost=failure.windows_lost,
            )
