"""The seam to what runs streaming drivers. It has a local implementation and a shipped fake in `pegel.testing`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from pegel.errors import SetupError


class JobState(StrEnum):
    """What a job is seen to do."""

    STARTING = "starting"
    PENDING = "pending"
    """What runs it is about to start it, or to start it again, and alone decides when: nobody else does."""
    RUNNING = "running"
    EXITED = "exited"


WAITING_NOTE = "waiting"
"""The file in a job's folder in which its driver says what it waits for while it cannot tell the database."""
SCHEMA_VERSION = 3
"""Of the job document. A driver refuses any other than its own: it and the reconciler are of different releases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDocument:
    """Everything a streaming driver is told when it starts. JSON on disk or in a ConfigMap; never an import.

    `fingerprint` stands for the release of Pegel and the version of kept state that the driver goes on with; only its
    change replaces the driver. Which models the group watches, on which topics, is not in here: the driver reads that
    from the registry while it runs.
    """

    group: str
    fingerprint: str
    kafka: str
    trigger: timedelta = timedelta(seconds=1)

    def to_json(self, generation: int) -> dict[str, Any]:
        """Return what a driver of a generation is told, as plain JSON. Durations carry their unit in the name."""
        return {
            "schema_version": SCHEMA_VERSION,
            "group": self.group,
            "fingerprint": self.fingerprint,
            "generation": generation,
            "kafka": self.kafka,
            "trigger_ms": round(self.trigger / timedelta(milliseconds=1)),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> tuple[JobDocument, int]:
        """Return the document and the generation that `to_json` wrote.

        Raises SetupError for a document of another schema version, KeyError or TypeError for what is none.
        """
        if data["schema_version"] != SCHEMA_VERSION:
            raise SetupError(
                f"expected a job document of schema version {SCHEMA_VERSION}, given {data['schema_version']}: driver "
                f"and reconciler are of different releases; update the older one. No driver was started."
            )
        document = cls(
            group=data["group"],
            fingerprint=data["fingerprint"],
            kafka=data["kafka"],
            trigger=timedelta(milliseconds=data["trigger_ms"]),
        )
        return document, data["generation"]


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
    """Last lines of the log of a job that exited; of any other, what it waits for. Empty if for nothing."""
    edited: str = ""
    """What somebody else has changed of it since it was started, in words; empty if nothing."""
    lingers: bool = False
    """Whether something of it has to be removed, also once it has exited."""


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
