"""The words of reconciling: what is desired, what is done about it, and when a driver counts as dead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pegel.reconcile.job_backend import JobDocument


class Kind(StrEnum):
    """What is done about one group, or why nothing is."""

    KEEP = "keep"
    START = "start"
    REPLACE = "replace"
    RESTART = "restart"
    STOP = "stop"
    QUARANTINE = "quarantine"
    HOLD = "hold"


MOVES = frozenset({Kind.START, Kind.REPLACE, Kind.RESTART, Kind.STOP})
"""The kinds that touch a backend; the others say why nothing moves."""


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
    """One step for one group. `generation` is that of the driver to start, or of the one that the step is about."""

    kind: Kind
    group: str
    reason: str
    generation: int
    job: JobDocument | None = None
    """What to start; None for actions that start nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAction:
    """A line of the log of actions."""

    kind: Kind
    group: str
    reason: str
    generation: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When a driver counts as dead, and how patience grows with crashes."""

    stale_after: timedelta = timedelta(seconds=60)
    """Age at which a heartbeat (one every 2 s) no longer proves life; at least twenty triggers."""
    start_within: timedelta = timedelta(seconds=180)
    """Time until the first heartbeat: a JVM, a session, the first batch."""
    free_restarts: int = 3
    """Restarts without waiting; a machine hiccup deserves no patience."""
    first_wait: timedelta = timedelta(minutes=1)
    """Wait after the free restarts; it doubles with each further one."""
    longest_wait: timedelta = timedelta(minutes=30)
    forgiven_after: timedelta = timedelta(hours=1)
    """Restarts older than this before the latest one do not count: the driver was healthy in between."""
