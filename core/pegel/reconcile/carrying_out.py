"""The one way an action reaches a backend."""

from __future__ import annotations

from datetime import datetime, timedelta

from pegel.reconcile.actions import Action, ActionKind, Runs
from pegel.reconcile.job_backend import JobBackend
from pegel.reconcile.serving_backend import ServingBackend
from pegel.reconcile.worker_backend import WorkerBackend
from pegel.spec.limits import STOP_GRACE


def carry_out(
    action: Action,
    jobs: JobBackend,
    serving: ServingBackend,
    *,
    observed_at: datetime,
    grace: timedelta = STOP_GRACE,
    workers: WorkerBackend | None = None,
) -> None:
    """Do what `action` says. Doing it twice, or beside another run that does it too, changes nothing more.

    `observed_at` is when the target was looked at: what was started since then is left alone. `grace` bounds how long a
    driver or a worker may take to finish. `workers`: None where somebody else runs them.
    """
    if action.target.runs is Runs.DRIVER:
        _to_driver(action, jobs, grace)
    elif action.target.runs is Runs.WORKER:
        if workers is not None:
            _to_worker(action, workers, grace)
    else:
        _to_endpoint(action, serving, observed_at)


def _to_driver(action: Action, jobs: JobBackend, grace: timedelta) -> None:
    if action.kind in {ActionKind.STOP, ActionKind.REPLACE, ActionKind.RESTART}:
        jobs.stop(action.target.name, grace=grace)
    if action.job is not None:
        jobs.ensure(action.job, action.generation)


def _to_worker(action: Action, workers: WorkerBackend, grace: timedelta) -> None:
    if action.kind in {ActionKind.STOP, ActionKind.RESTART}:
        workers.stop(action.target.name, grace=grace)
    if action.kind in {ActionKind.START, ActionKind.RESTART}:
        workers.ensure(action.target.name, action.generation)


def _to_endpoint(action: Action, serving: ServingBackend, observed_at: datetime) -> None:
    if action.kind is ActionKind.STOP:
        serving.delete(action.target.name)
    if action.spec is None:
        return
    if action.kind is ActionKind.RESTART:
        serving.restart(action.spec, started_before=observed_at)
    else:
        serving.apply(action.spec)
