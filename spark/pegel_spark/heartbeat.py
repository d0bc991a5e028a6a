"""The heartbeat of a driver: what reconciliation believes, whatever a process list says."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from pegel.errors import Unavailable
from pegel.spec.clock import Clock
from pegel.spec.limits import HEARTBEAT_EVERY
from pegel.stream.result_rows import Heartbeat
from pegel_spark.group_stream import GroupStream
from pegel_spark.job import Job
from pegel_spark.progress import Progress

log = structlog.get_logger()


@dataclass(slots=True)
class HeartbeatWriter:
    """Says every `HEARTBEAT_EVERY` what the driver does, while its main loop turns."""

    job: Job
    stream: GroupStream
    progress: Progress
    clock: Clock
    started_at: datetime
    _waiting_for: str = ""
    """What the driver waits for that is not its own: nothing can be read, so that no progress is none of its faults."""
    _waited_at: datetime | None = None
    """When it was last found to be away."""
    _last: float = field(default=float("-inf"))

    def waits_for(self, what: str, reason: str) -> None:
        """Say that the driver waits for something that is not its own."""
        if self._waiting_for != what:
            log.warning("waiting", for_what=what, reason=reason[:300])
        self._waiting_for, self._waited_at = what, self.clock.now()

    def waits_for_nothing(self) -> None:
        """Say that everything is there."""
        if self._waiting_for:
            log.info("waited", for_what=self._waiting_for)
            self._waited_at = self.clock.now()
        self._waiting_for = ""

    def write_if_due(self) -> None:
        """Write a heartbeat if it is time. Raises Superseded when another driver holds the group."""
        if time.monotonic() - self._last >= HEARTBEAT_EVERY.total_seconds():
            self.write()

    def write(self, *, state: str = "running", error: str | None = None) -> None:
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
            state=state,
            doing=self.doing,
            error=error,
            specs=models.fingerprints,
            baselines=baselines,
        )
        try:
            self.stream.persistence.store.heartbeat(self.stream.persistence.claim, beat)
        except Unavailable as failure:
            log.warning("heartbeat not written", error=str(failure)[:300])

    @property
    def progressed_at(self) -> datetime:
        """Return when the stream last did something: a commit, or a look that found nothing to read.

        A batch that hangs, in whatever way, does neither. A look that found something missing that is not the driver's
        own counts as well: such looks are taken between batches only.
        """
        instants = (self.started_at, self.stream.committed_at, self.progress.idle_at, self._waited_at)
        return max(instant for instant in instants if instant is not None)

    @property
    def doing(self) -> str:
        """Return what the driver is at."""
        if self.stream.persistence.wait.since is not None:
            return "waiting for the database"
        if self.stream.is_busy:
            return "processing a batch"
        return f"waiting for {self._waiting_for}" if self._waiting_for else "reading"
