"""The seam to what runs attribution workers on a machine. In a cluster Kubernetes does, from a manifest."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from pegel.reconcile.job_backend import Sighting


class WorkerBackend(Protocol):
    """Runs one attribution worker for each namespace. Every call may be repeated without harm."""

    def ensure(self, namespace: str, generation: int) -> None:
        """Start the namespace's worker as `generation` unless one runs; a running one is never disturbed."""
        ...

    def stop(self, namespace: str, *, grace: timedelta) -> None:
        """Ask the worker to bring away what it has, wait at most `grace`, then end it. No worker: nothing happens."""
        ...

    def observe(self) -> list[Sighting]:
        """List every worker that carries our mark, running or exited; `group` is its namespace."""
        ...
