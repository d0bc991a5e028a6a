"""The heartbeat of a driver: what reconciliation believes, whatever a process list says."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Thread

import structlog

from pegel.errors import Superseded, Unavailable
from pegel.spec.clock import Clock
from pegel.spec.limits import HEARTBEAT_EVERY
from pegel.stream.result_rows import Heartbeat
from pegel_spark.group_stream import GroupStream
from pegel_spark.job import Job
from pegel_spark.missing_parts import MissingParts
from pegel_spark.progress import Progress

log = structlog.get_logger()


@dataclass(slots=True)
class HeartbeatWriter:
    """Says every `HEARTBEAT_EVERY` what the driver does: while its main loop turns, and while it starts.

    Each step of a start is progress, so that nobody ends a driver that gets on, however slow its machine is.
    """

    job: Job
    stream: GroupStream
    progress: Progress
    clock: Clock
    started_at: datetime
    missing: MissingParts = field(init=False)
    state: str = "starting"
    """What the driver says that it is, until it stops."""
    _doing: str = "reading"
    _step_at: datetime | None = None
    """When the newest step of its start began."""
    _last: float = field(default=float("-inf"))

    def __post_init__(self) -> None:
        """Begin with nothing missing."""
        self.missing = MissingParts(self.clock)

    def write_if_due(self) -> None:
        """Write a heartbeat if it is time. Raises Superseded when another driver holds the group."""
        if time.monotonic() - self._last >= HEARTBEAT_EVERY.total_seconds():
            self.write()

    @contextmanager
    def meanwhile(self, doing: str) -> Iterator[None]:
        """Say that a step of the start begins, and go on saying so in a thread while it takes up the main one.

        Raises Superseded when it begins; if it happens later, the next word of the main thread meets it.
        """
        self._doing, self._step_at = doing, self.clock.now()
        self.write()
        over = Event()
        thread = Thread(target=self._go_on, args=(over,), name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def runs(self) -> None:
        """Say that the start is over, and records are read. Raises Superseded."""
        self.state, self._doing, self._step_at = "running", "reading", self.clock.now()
        self.write()

    def _go_on(self, over: Event) -> None:
        while not over.wait(HEARTBEAT_EVERY.total_seconds()):
            try:
                self.write()
            except Superseded:
                return

    def write(self, *, state: str | None = None, error: str | None = None) -> None:
        """Write a heartbeat now; while the database is away there is nobody to tell. Raises Superseded."""
        self._last = time.monotonic()
        models = self.stream.models
        baselines = {key: baseline for key, baseline in models.baselines.items() if baseline is not None}
        beat = Heartbeat(
            group=self.job.document.group,
            generation=self.job.generation,
            fingerprint=self.job.document.fingerprint,
            batch_id=self.stream.batches,
            lag=self.progress.lag,
            event_time_head=self.stream.head,
            at=self.clock.now(),
            started_at=self.started_at,
            progressed_at=self.progressed_at,
            pid=os.getpid(),
            state=state or self.state,
            doing="processing a batch" if self.stream.is_busy else self._doing,
            missing=self.words_of_missing,
            error=error,
            note=self.stream.realtime.note,
            specs=models.fingerprints,
            baselines=baselines,
        )
        try:
            self.stream.persistence.store.heartbeat(self.stream.persistence.claim, beat)
        except Unavailable as failure:
            self.stream.persistence.wait.is_away(failure)
            log.warning("heartbeat not written", error=str(failure)[:300])
        else:
            self.stream.persistence.wait.answers()

    @property
    def progressed_at(self) -> datetime:
        """Return when the driver last did something: a step of its start, a commit, a look that found nothing to read.

        A batch that hangs, in whatever way, does neither. A look that found something missing that is not the driver's
        own counts as well: such looks are taken between batches only.
        """
        instants = (
            self.started_at,
            self._step_at,
            self.stream.committed_at,
            self.progress.idle_at,
            self.missing.looked_at,
        )
        return max(instant for instant in instants if instant is not None)

    @property
    def words_of_missing(self) -> str:
        """Return what is missing that is not the driver's own, also while a batch is processed; empty: nothing."""
        away_since = self.stream.persistence.wait.since
        database = "" if away_since is None else f"waiting for the database since {away_since:%H:%M:%S} UTC"
        return "; ".join(filter(None, (database, self.missing.words)))
