"""Jobs of the Spark environment that end: submitted by Airflow's Spark connection, or as a SparkApplication.

Such a job says in the results database how it ended. What it makes of that is each operator's own.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator, Connection
from airflow.sdk.exceptions import AirflowException

from pegel.errors import PermanentError, SetupError, Unavailable
from pegel.spec.limits import JOB_WITHIN, TRIGGERER_LATE_BY
from pegel.spec.outside_text import shown
from pegel.spec.settings import KUBERNETES, Settings
from pegel_airflow import services

if TYPE_CHECKING:
    from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

    from pegel.manifests.objects import Manifest
    from pegel.spec.cluster_settings import ClusterSettings
    from pegel.store.job_results import JobResult

JOBS_VARIABLE = "PEGEL_SPARK_JOBS"
"""Folder or URL of the Spark launchers, as spark-submit sees it; unset means this checkout's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWish:
    """A job that is to run. `title`: in words, `baseline job of delays/1`; `name`: among Spark's.

    `launcher`: the file it is started by; `arguments`: what it is told beside its id. `asks_hopsworks`: whether it
    needs the API key. `application` makes its object in a cluster, of its id. `unchanged`: what stays if it leaves no
    word.
    """

    title: str
    name: str
    launcher: str
    arguments: tuple[str, ...]
    asks_hopsworks: bool
    application: Callable[[str, Settings, ClusterSettings], Manifest]
    unchanged: str


def launcher(job: str) -> str:
    """Return where the launcher of `job` is, as spark-submit sees it."""
    here = Path(__file__).resolve().parents[2] / "spark" / "pegel_spark" / "jobs"
    return f"{os.environ.get(JOBS_VARIABLE, str(here)).rstrip('/')}/{job}.py"


class FiniteJob(BaseOperator):
    """Submits a job and waits for its end.

    The connection decides where Spark runs: `local[2]` or YARN. With `PEGEL_JOB_BACKEND=kubernetes` the job is a
    SparkApplication: the task waits in the triggerer, another try of it finds the job again, and a person who clears or
    marks the task ends the job.

    The provider's own operator imports two Kubernetes clients when a workflow file is parsed (seconds, each time), so
    this one holds the provider's hook instead and imports it when the task runs.
    """

    def __init__(self, *, conn_id: str = "spark_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self._hook: SparkSubmitHook | None = None

    def submit(self, wish: JobWish, settings: Settings) -> JobResult | None:
        """Run the job to its end; return its own word on how it ended, or None if it left none."""
        job_id = f"{wish.title}, {uuid.uuid4()}"
        failure: AirflowException | None = None
        try:
            with _asking(wish, settings) as variables:
                self._submit(wish, job_id, variables)
        except AirflowException as error:
            failure = error
        # Asked for whatever spark-submit made of the job's end: the job's own word counts.
        outcome = services.stores(settings).jobs.take(job_id)
        if failure is not None and outcome is None:
            raise failure
        return outcome

    def wait_in_cluster(self, wish: JobWish, settings: Settings, job_id: str, **kept: Any) -> NoReturn:
        """Start the job unless it runs, and leave the waiting to the triggerer; `resume` is given what is `kept`."""
        from pegel_airflow.kubernetes.finite_jobs import start

        trigger = start(lambda cluster: wish.application(job_id, settings, cluster))
        # The trigger ends what takes longer; Airflow's own bound is for a triggerer that is away.
        within = JOB_WITHIN + TRIGGERER_LATE_BY
        self.defer(trigger=trigger, method_name="resume", kwargs={"job_id": job_id, **kept}, timeout=within)

    def on_kill(self) -> None:
        """End the job when a person clears the task: whatever it was doing is done again."""
        if self._hook is not None:
            self._hook.on_kill()

    def _submit(self, wish: JobWish, job_id: str, variables: dict[str, str]) -> None:
        from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

        self._hook = SparkSubmitHook(
            conn_id=self.conn_id,
            name=wish.name,
            application_args=[*wish.arguments, "--id", job_id],
            env_vars=variables or None,
        )
        _refuse_kubernetes(self._hook.get_connection(self.conn_id), wish)
        self._hook.submit(launcher(wish.launcher))


def taken_up(outcome: JobResult | None, event: dict[str, str], title: str) -> JobResult | None:
    """Return how a job of a cluster ended. Raises Unavailable if it failed without a word of its own."""
    if outcome is None and event["state"] != "COMPLETED":
        why = event["message"] or "the Spark operator does not say why"
        raise Unavailable(f"the {title} ended as {event['state'] or 'unknown'}: {why}")
    return outcome


def result_of(outcome: JobResult | None, wish: JobWish) -> dict[str, Any]:
    """Return what a job that has ended made.

    Raises PermanentError when it was refused, or left nothing, Unavailable when it says that something else went wrong.
    """
    from pegel.store.job_results import JobEnd

    if outcome is not None and outcome.state is JobEnd.REFUSED:
        raise PermanentError(f"the {wish.title} refused its input: {outcome.sentence}")
    if outcome is not None and outcome.state is JobEnd.FAILED:
        raise Unavailable(f"the {wish.title} failed: {outcome.sentence}")
    if outcome is None or outcome.result is None:
        raise PermanentError(
            f"expected the {wish.title} to leave its result in the results database; it ended without one: do both use "
            f"the same database? {wish.unchanged} The job's log says more."
        )
    return outcome.result


@contextmanager
def _asking(wish: JobWish, settings: Settings) -> Iterator[dict[str, str]]:
    """Yield the variables that a job needs beside its own environment: those of Airflow's connection to Hopsworks.

    None where it does not ask there, or its environment says how already.
    """
    if not wish.asks_hopsworks or settings.hopsworks_key_file is not None:
        yield {}
        return
    from pegel_airflow.hopsworks_hook import HopsworksHook

    with HopsworksHook().job_environment() as variables:
        yield variables


def _refuse_kubernetes(connection: Connection, wish: JobWish) -> None:
    """Raise SetupError for a connection by which spark-submit would make pods: those are made of a SparkApplication."""
    master = f"{connection.conn_type}://{connection.host or ''}"
    if "k8s" in master:
        raise SetupError(
            f"expected Airflow's connection {connection.conn_id!r} to be local[N] or YARN; given {shown(master)}. In a "
            f"cluster the {wish.title} is a SparkApplication: set PEGEL_JOB_BACKEND={KUBERNETES}. "
            "Nothing was submitted."
        )
