"""Profile: the Spark batch job that makes a baseline of training data, submitted through Airflow's Spark connection.

The job keeps the baseline in the results database, and how it ended beside it. Nothing becomes current here.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

from airflow.sdk import BaseOperator, Connection, Context
from airflow.sdk.exceptions import AirflowException

from pegel.errors import Conflict, PermanentError, SetupError, Unavailable
from pegel.spec import names
from pegel.spec.hopsworks_reference import is_hopsworks
from pegel.spec.limits import JOB_WITHIN, TRIGGERER_LATE_BY
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import shown
from pegel.spec.settings import KUBERNETES, Settings
from pegel_airflow import services

if TYPE_CHECKING:
    from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

    from pegel.store.job_results import JobResult

JOBS_VARIABLE = "PEGEL_SPARK_JOBS"
"""Folder or URL of the Spark launchers, as spark-submit sees it; unset means this checkout's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfiledModel:
    """What the baseline job made for one model version, as it travels between tasks."""

    model: str
    version: int
    baseline_id: str
    rows: int
    features: int
    request_row: list[dict[str, Any]]
    """One row of the training data as a client would send it: see `pegel.data.example_request.Row`."""
    current: str | None
    """The baseline that was current when the job was submitted."""
    remarks: list[str] = field(default_factory=list)
    """What is worth knowing of the baseline, a line each."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return what `asdict` wrote."""
        return cls(**data)


def launcher(job: str) -> str:
    """Return where the launcher of `job` is, as spark-submit sees it."""
    here = Path(__file__).resolve().parents[2] / "spark" / "pegel_spark" / "jobs"
    return f"{os.environ.get(JOBS_VARIABLE, str(here)).rstrip('/')}/{job}.py"


class BaselineJob(BaseOperator):
    """Makes the baseline of one model and returns a `ProfiledModel` as plain JSON.

    `spec` is the complete spec as JSON (templated). The connection decides where Spark runs: `local[2]` or YARN. With
    `PEGEL_JOB_BACKEND=kubernetes` the job is a SparkApplication: the task waits in the triggerer, another try of it
    finds the job again, and a person who clears or marks the task ends the job. Raises PermanentError when the job says
    that its input is wrong, SetupError for a connection to Kubernetes; other failures may be tried again.

    The provider's own operator imports two Kubernetes clients when a workflow file is parsed (seconds, each time), so
    this one holds the provider's hook instead and imports it when the task runs.
    """

    template_fields: Sequence[str] = ("spec",)

    def __init__(self, *, spec: Any, conn_id: str = "spark_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.conn_id = conn_id
        self._hook: SparkSubmitHook | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit, wait, read the result."""
        settings = Settings()
        if settings.job_backend != KUBERNETES:
            return asdict(self.profile(settings))
        spec, stores = MonitorSpec.parse(self.spec), services.stores(settings)
        # The same for each try, so that one that follows a lost worker finds what that one has started.
        job_id = f"baseline of {spec.key}, {context['run_id']}, {context['ti'].map_index}"
        current, outcome = stores.baselines.current(spec.model.name, spec.model.version), stores.jobs.take(job_id)
        if outcome is None:
            self._wait_in_cluster(settings, spec, job_id, current)
        return asdict(_profiled(spec, outcome, current))

    def resume(self, context: Context, event: dict[str, str], *, job_id: str, current: str | None) -> dict[str, Any]:  # noqa: ARG002 - Airflow hands it in
        """Read what the job of the cluster left. Raises Unavailable if it failed without a word of its own."""
        spec = MonitorSpec.parse(self.spec)
        outcome = services.stores(Settings()).jobs.take(job_id)
        if outcome is None and event["state"] != "COMPLETED":
            why = event["message"] or "the Spark operator does not say why"
            raise Unavailable(f"the baseline job of {spec.key} ended as {event['state'] or 'unknown'}: {why}")
        return asdict(_profiled(spec, outcome, current))

    def _wait_in_cluster(self, settings: Settings, spec: MonitorSpec, job_id: str, current: str | None) -> NoReturn:
        from pegel_airflow.kubernetes.finite_jobs import start_baseline

        trigger = start_baseline(settings, spec, job_id)
        kept = {"job_id": job_id, "current": current}
        # The trigger ends what takes longer; Airflow's own bound is for a triggerer that is away.
        self.defer(trigger=trigger, method_name="resume", kwargs=kept, timeout=JOB_WITHIN + TRIGGERER_LATE_BY)

    def profile(self, settings: Settings) -> ProfiledModel:
        """Submit the job, wait for its end and return what it made. Raises PermanentError when it was refused."""
        spec = MonitorSpec.parse(self.spec)
        stores = services.stores(settings)
        name, version = spec.model.name, spec.model.version
        current = stores.baselines.current(name, version)
        job_id = f"baseline of {spec.key}, {uuid.uuid4()}"
        failure: AirflowException | None = None
        try:
            with _asking(spec, settings) as variables:
                wish = json.dumps(spec.to_json())
                self._submit(f"pegel-baseline-{spec.endpoint}", ["--spec", wish, "--id", job_id], variables)
        except AirflowException as error:
            failure = error
        # Asked for whatever spark-submit made of the job's end: the job's own word counts.
        outcome = stores.jobs.take(job_id)
        if failure is not None and outcome is None:
            raise failure
        return _profiled(spec, outcome, current)

    def on_kill(self) -> None:
        """End the job when a person clears the task: a baseline is made from nothing, so nothing is lost."""
        if self._hook is not None:
            self._hook.on_kill()

    def _submit(self, name: str, arguments: list[str], variables: dict[str, str]) -> None:
        from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

        self._hook = SparkSubmitHook(
            conn_id=self.conn_id, name=name, application_args=arguments, env_vars=variables or None
        )
        _refuse_kubernetes(self._hook.get_connection(self.conn_id))
        self._hook.submit(launcher("baseline"))


@contextmanager
def _asking(spec: MonitorSpec, settings: Settings) -> Iterator[dict[str, str]]:
    """Yield the variables that a job needs beside its own environment: those of Airflow's connection to Hopsworks.

    None where it does not ask there, or its environment says how already.
    """
    if not is_hopsworks(spec.baseline.source) or settings.hopsworks_key_file is not None:
        yield {}
        return
    from pegel_airflow.hopsworks_hook import HopsworksHook

    with HopsworksHook().job_environment() as variables:
        yield variables


def _refuse_kubernetes(connection: Connection) -> None:
    """Raise SetupError for a connection by which spark-submit would make pods: those are made of a SparkApplication."""
    master = f"{connection.conn_type}://{connection.host or ''}"
    if "k8s" in master:
        raise SetupError(
            f"expected Airflow's connection {connection.conn_id!r} to be local[N] or YARN; given {shown(master)}. In a "
            f"cluster a baseline is a SparkApplication: set PEGEL_JOB_BACKEND={KUBERNETES}. Nothing was submitted."
        )


def _profiled(spec: MonitorSpec, outcome: JobResult | None, current: str | None) -> ProfiledModel:
    """Return what a job that has ended made.

    Raises PermanentError when it was refused, or left nothing, Unavailable when it says that something else went wrong.
    """
    from pegel.store.job_results import JobEnd

    if outcome is not None and outcome.state is JobEnd.REFUSED:
        raise PermanentError(f"the baseline job of {spec.key} refused its input: {outcome.sentence}")
    if outcome is not None and outcome.state is JobEnd.FAILED:
        raise Unavailable(f"the baseline job of {spec.key} failed: {outcome.sentence}")
    if outcome is None or outcome.result is None:
        raise PermanentError(
            f"expected the baseline job of {spec.key} to leave its result in the results database; it ended without "
            f"one: do both use the same database? The current baseline stays. The job's log says more."
        )
    return ProfiledModel(model=spec.model.name, version=spec.model.version, current=current, **outcome.result)


def specs_to_profile(settings: Settings, models: Sequence[str]) -> list[dict[str, Any]]:
    """Return the specs to profile: those of `models` (`name` or `name/version`), or all when none is named."""
    specs = services.stores(settings).registry.list()
    return [spec.to_json() for spec in specs if not models or spec.key in models or spec.model.name in models]


def promote_changed(settings: Settings, results: Sequence[dict[str, Any]]) -> list[str]:
    """Make the new baselines current; return the ids of those that were not, and print one line per model.

    A model whose baseline somebody else changed since its job was submitted keeps that one.
    """
    baselines, now = services.stores(settings).baselines, datetime.now(UTC)
    promoted = []
    for profiled in map(ProfiledModel.from_json, results):
        model, version, baseline_id = profiled.model, profiled.version, profiled.baseline_id
        try:
            changed = baselines.promote(model, version, baseline_id, profiled.current, by="baseline_refresh", now=now)
            change = "changed" if changed else "unchanged, nothing restarts"
        except Conflict as error:
            changed, change = False, f"left alone: {error}"
        key = names.monitor_key(model, version)
        print(f"{key} {baseline_id[:19]} {profiled.rows:>12,} rows  {change}")  # noqa: T201 - a task's output is its log
        for remark in profiled.remarks:
            print(f"{key} {remark}")  # noqa: T201 - the same
        promoted += [baseline_id] if changed else []
    return promoted
