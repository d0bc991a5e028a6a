"""The one way an action reaches a backend."""

from __future__ import annotations

from datetime import datetime, timedelta

from pegel.reconcile.actions import Action, ActionKind, Runs
from pegel.reconcile.job_backend import JobBackend
from pegel.reconcile.serving_backend import ServingBackend
from pegel.spec.limits import STOP_GRACE


def carry_out(
    action: Action,
    jobs: JobBackend,
    serving: ServingBackend,
    *,
    observed_at: datetime,
    grace: timedelta = STOP_GRACE,
) -> None:
    """Do what `action` says. Doing it twice, or beside another run that does it too, changes nothing more.

    `observed_at` is when the target was looked at: what was started since then is left alone. `grace` bounds how long a
    driver may take to finish its batch.
    """
    if action.target.runs is Runs.DRIVER:
        _to_driver(action, jobs, grace)
    else:
        _to_endpoint(action, serving, observed_at)


def _to_driver(action: Action, jobs: JobBackend, grace: timedelta) -> None:
    if action.kind in {ActionKind.STOP, ActionKind.REPLACE, ActionKind.RESTART}:
        jobs.stop(action.target.name, grace=grace)
    if action.job is not None:
        jobs.ensure(action.job, action.generation)


def _to_endpoint(action: Action, serving: ServingBackend, observed_at: datetime) -> None:
    if action.kind is ActionKind.STOP:
        serving.delete(action.target.name)
    if action.spec is None:
        return
    if action.kind is ActionKind.RESTART:
        serving.restart(action.spec, started_before=observed_at)
    else:
        serving.apply(action.spec)
