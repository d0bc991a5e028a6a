"""The words of reconciling: what is desired, what is done about it and to what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from pegel.reconcile.job_backend import JobDocument
from pegel.spec.monitor_spec import MonitorSpec


class ActionKind(StrEnum):
    """What is done about one target, or why nothing is."""

    KEEP = "keep"
    START = "start"
    REPLACE = "replace"
    RESTART = "restart"
    STOP = "stop"
    QUARANTINE = "quarantine"
    HOLD = "hold"


MOVES = frozenset({ActionKind.START, ActionKind.REPLACE, ActionKind.RESTART, ActionKind.STOP})
"""The kinds that touch a backend; the others say why nothing moves."""
LAUNCHES = MOVES - {ActionKind.STOP}
"""Those that start something."""


class Runs(StrEnum):
    """What a target is."""

    DRIVER = "driver"
    ENDPOINT = "endpoint"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """What an action is about. `name` is the group of a driver, an endpoint's, or the namespace of a worker.

    >>> str(Target.endpoint("delays-v1"))
    'endpoint/delays-v1'
    """

    runs: Runs
    name: str

    @classmethod
    def driver(cls, group: str) -> Self:
        """Return the streaming driver of a group."""
        return cls(Runs.DRIVER, group)

    @classmethod
    def endpoint(cls, name: str) -> Self:
        """Return a model's endpoint."""
        return cls(Runs.ENDPOINT, name)

    @classmethod
    def worker(cls, namespace: str) -> Self:
        """Return the attribution worker of a namespace."""
        return cls(Runs.WORKER, namespace)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what `str` wrote. Raises ValueError for anything else."""
        runs, _, name = text.partition("/")
        return cls(Runs(runs), name)

    def __str__(self) -> str:
        """Return it as the log of actions keeps it."""
        return f"{self.runs.value}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What one group should be. `monitors` maps a monitor's key to its spec's fingerprint.

    `ready` says whether at least one of its models has an endpoint that is ready; `waiting_for` names the others.
    """

    group: str
    job: JobDocument
    monitors: Mapping[str, str]
    ready: bool = True
    waiting_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One step for one target. `generation` is that of the driver to start, or of the one that the step is about.

    Endpoints have no generations: theirs is 0.
    """

    kind: ActionKind
    target: Target
    reason: str
    generation: int = 0
    job: JobDocument | None = None
    """The driver to start; None for actions that start none."""
    spec: MonitorSpec | None = None
    """Whose endpoint to start; None for actions that start none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAction:
    """A line of the log of actions."""

    kind: ActionKind
    target: Target
    reason: str
    generation: int
    at: datetime


def launched(actions: Iterable[PastAction], target: Target) -> int:
    """Return the newest generation of a driver that the actions started; 0 if none did."""
    return max((each.generation for each in actions if each.target == target and each.kind in LAUNCHES), default=0)
