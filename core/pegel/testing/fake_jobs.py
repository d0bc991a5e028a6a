"""Streaming drivers that exist in memory only."""

from __future__ import annotations

from datetime import timedelta

from pegel.reconcile.job_backend import JobDocument, JobState, Sighting
from pegel.spec.clock import Clock
from pegel.testing.manual_clock import ManualClock


class MemoryJobBackend:
    """Keeps jobs in a dictionary. `exit` and `vanish` stand for what happens to real processes."""

    def __init__(self, clock: Clock | None = None) -> None:
        """Take the time from `clock`; by default a clock that stands still."""
        self._clock = clock or ManualClock()
        self.seen: dict[str, Sighting] = {}
        """What `observe` shows, by group; a test may put any world here."""
        self.documents: dict[str, JobDocument] = {}
        """What each group's driver was last told."""

    def ensure(self, job: JobDocument, generation: int) -> None:
        """Start `job` unless its group already runs."""
        known = self.seen.get(job.group)
        if known is not None and known.state is not JobState.EXITED:
            return
        self.documents[job.group] = job
        self.seen[job.group] = Sighting(
            group=job.group,
            fingerprint=job.fingerprint,
            generation=generation,
            state=JobState.RUNNING,
            started_at=self._clock.now(),
        )

    def stop(self, group: str, *, grace: timedelta) -> None:  # noqa: ARG002  nothing in memory needs time to end
        """End the group's driver with exit code 0; nothing of one that lingers is left."""
        known = self.seen.get(group)
        if known is not None and known.lingers:
            self.vanish(group)
        elif known is not None and known.state is not JobState.EXITED:
            self.exit(group, 0)

    def observe(self) -> list[Sighting]:
        """List every driver, running or exited."""
        return list(self.seen.values())

    def exit(self, group: str, code: int, detail: str = "") -> None:
        """Let a driver end by itself. Raises KeyError for an unknown group."""
        known = self.seen[group]
        self.seen[group] = Sighting(
            group=group,
            fingerprint=known.fingerprint,
            generation=known.generation,
            state=JobState.EXITED,
            started_at=known.started_at,
            exit_code=code,
            detail=detail,
        )

    def vanish(self, group: str) -> None:
        """Let a driver and every trace of it disappear: a machine that was replaced."""
        self.seen.pop(group, None)
