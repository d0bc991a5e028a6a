"""Jobs of which the task's result is what the job says of itself: one life for all of them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from airflow.sdk import Context

from pegel.spec.settings import KUBERNETES, Settings
from pegel_airflow import services
from pegel_airflow.finite_job import FiniteJob, JobWish, result_of, taken_up


class ToldJob(FiniteJob):
    """Runs a job to its end, here or in a cluster, and returns the job's own word.

    Where it `is_needed` by nothing, Spark is not started, and the result is `nothing`. A job of a cluster that has
    ended since an earlier try is asked first.
    """

    nothing: dict[str, Any]
    """What a job that is not needed made."""

    @abstractmethod
    def wish(self, context: Context) -> JobWish:
        """Return the job that is to run."""

    @abstractmethod
    def told(self, made: dict[str, Any]) -> dict[str, Any]:
        """Print what a job made for the log; return it. Raises PermanentError where something of it is left out."""

    def is_needed(self, settings: Settings) -> bool:  # noqa: ARG002 - others look
        """Say whether there is anything for it to do."""
        return True

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit, wait, read the result."""
        settings, wish = Settings(), self.wish(context)
        in_cluster = settings.job_backend == KUBERNETES
        # The same for each try, so that one that follows a lost worker finds what that one has started.
        job_id = f"{wish.title}, {self.task_id}, {context.get('run_id')}"
        ended = services.stores(settings).jobs.take(job_id) if in_cluster else None
        if ended is not None:
            return self.told(result_of(ended, wish))
        if not self.is_needed(settings):
            print(f"nothing to do for the {wish.title}: Spark was not started")  # noqa: T201 - a task's log
            return self.told(self.nothing)
        if in_cluster:
            self.wait_in_cluster(wish, settings, job_id)
        return self.told(result_of(self.submit(wish, settings), wish))

    def resume(self, context: Context, event: dict[str, str], *, job_id: str) -> dict[str, Any]:
        """Read what the job of the cluster left. Raises Unavailable if it failed without a word of its own."""
        wish = self.wish(context)
        outcome = taken_up(services.stores(Settings()).jobs.take(job_id), event, wish.title)
        return self.told(result_of(outcome, wish))
