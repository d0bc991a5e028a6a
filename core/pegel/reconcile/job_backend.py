"""The seam to what runs streaming drivers. It has a local implementation and a shipped fake in `pegel.testing`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol


class JobState(StrEnum):
    """What a job is seen to do."""

    STARTING = "starting"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDocument:
    """Everything a streaming driver is told when it starts. JSON on disk or in a ConfigMap; never an import.

    `fingerprint` is the *state* fingerprint: it chooses the checkpoint, and only its change replaces the driver. Which
    models the group watches is not in here: the driver reads that from the registry while it runs.
    """

    schema_version: int = 1
    group: str
    fingerprint: str
    topics: tuple[str, ...]
    kafka: str
    trigger: timedelta = timedelta(seconds=1)
    max_events_per_trigger: int = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What is really there, as a backend sees it: one streaming driver of one group."""

    group: str
    fingerprint: str
    generation: int
    state: JobState
    started_at: datetime
    exit_code: int | None = None
    detail: str = ""
    """Last lines of the log of a job that exited; empty otherwise."""


class JobBackend(Protocol):
    """Runs streaming drivers. Every call may be repeated without harm."""

    def ensure(self, job: JobDocument, generation: int) -> None:
        """Start `job` as `generation` unless that group already runs; a running job is never disturbed."""
        ...

    def stop(self, group: str, *, grace: timedelta) -> None:
        """Ask the group's driver to finish its batch, wait at most `grace`, then end it. No driver: nothing happens."""
        ...

    def observe(self) -> list[Sighting]:
        """List every driver that carries our mark, running or exited, at most one per group."""
        ...
