"""The one way an action reaches a backend."""

from __future__ import annotations

from datetime import timedelta

from pegel.reconcile.actions import Action, Kind
from pegel.reconcile.job_backend import JobBackend

GRACE = timedelta(seconds=30)
"""How long a driver may take to finish its batch before it is ended."""


def carry_out(action: Action, backend: JobBackend, grace: timedelta = GRACE) -> None:
    """Do what `action` says. Doing it twice, or beside another run that does it too, changes nothing more."""
    if action.kind in {Kind.STOP, Kind.REPLACE, Kind.RESTART}:
        backend.stop(action.group, grace=grace)
    if action.job is not None:
        backend.ensure(action.job, action.generation)
