"""What moved in the logger, and what waits: by this it is told whether it does its work."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pegel_serving.logger.memory_queue import MemoryQueue
from pegel_serving.logger.spool import Spool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggerProgress:
    """What moved, and what waits. Ages in seconds; None: never since the start."""

    acknowledged_s: float | None
    """Since the broker last took an event."""
    spooled_s: float | None
    """Since the disk last took one."""
    waiting_events: int
    waiting_bytes: int
    backlog_s: float
    """For how long the oldest event on disk has been waiting; 0 when none is."""
    stuck_s: float
    """For how long the broker took nothing although something waits; 0 when nothing waits."""
    disk: str
    """Why the disk refused the last write; empty when it took it."""


@dataclass(slots=True)
class LastMoves:
    """When something last moved, in seconds of the pipeline's clock; None: never since the start."""

    moved: float | None = None
    """When the broker took something, or nothing waited for it."""
    acknowledged: float | None = None
    spooled: float | None = None

    def progress(self, now: float, in_memory: MemoryQueue, spool: Spool) -> LoggerProgress:
        """Say what moved, and what waits in memory and on disk."""
        waits = len(in_memory) > 0 or not spool.empty
        since = spool.since
        return LoggerProgress(
            acknowledged_s=None if self.acknowledged is None else now - self.acknowledged,
            spooled_s=None if self.spooled is None else now - self.spooled,
            waiting_events=len(in_memory) + spool.records,
            waiting_bytes=in_memory.bytes + spool.size,
            backlog_s=0.0 if since is None else max(0.0, time.time() - since),
            stuck_s=now - self.moved if waits and self.moved is not None else 0.0,
            disk=spool.refusal,
        )
