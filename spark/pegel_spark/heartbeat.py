"""The heartbeat of a driver: what reconciliation believes, whatever a process list says."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import datetime

from pegel.store.results import Results
from pegel.stream.result_rows import Heartbeat
from pegel_spark.group_stream import Monitor
from pegel_spark.job import Job
from pegel_spark.progress import Progress

EVERY_S = 2.0


@dataclass(slots=True)
class Heart:
    """Beats every two seconds while the main loop turns."""

    job: Job
    monitor: Monitor
    progress: Progress
    results: Results
    started_at: datetime
    _last: float = field(default=float("-inf"))

    def beat_if_due(self) -> bool:
        """Write a heartbeat if two seconds have passed. False: a newer generation of this group has spoken."""
        if time.monotonic() - self._last < EVERY_S:
            return True
        return self.beat()

    def beat(self, *, state: str = "running", error: str | None = None) -> bool:
        """Write a heartbeat now. False: a newer generation of this group has spoken, and this one was not heard."""
        self._last = time.monotonic()
        wishes = self.monitor.wishes
        baselines = {key: found for key, found in wishes.baselines.items() if found is not None}
        return self.results.heartbeat(
            Heartbeat(
                group=self.job.document.group,
                generation=self.job.generation,
                fingerprint=self.job.document.fingerprint,
                batch_id=self.monitor.manager.last_batch,
                lag=self.progress.lag,
                event_time_head=self.monitor.manager.head,
                at=self.monitor.clock.now(),
                started_at=self.started_at,
                pid=os.getpid(),
                state=state,
                error=error,
                specs=wishes.fingerprints,
                baselines=baselines,
            )
        )
