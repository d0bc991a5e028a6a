"""Profile: the Spark batch job that makes a baseline of training data, submitted through Airflow's Spark connection.

The job keeps the baseline in the results database, and how it ended beside it. Nothing becomes current here.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException

from pegel.errors import Conflict, PermanentError
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_airflow import services

if TYPE_CHECKING:
    from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

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

    `spec` is the complete spec as JSON (templated). The connection decides where Spark runs: `local[2]`, YARN or
    Kubernetes. Raises PermanentError when the job says that its input is wrong; other failures may be tried again.

    The provider's own operator imports two Kubernetes clients when a workflow file is parsed (seconds, each time), so
    this one holds the provider's hook instead and imports it when the task runs.
    """

    template_fields: Sequence[str] = ("spec",)

    def __init__(self, *, spec: Any, conn_id: str = "spark_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec
        self.conn_id = conn_id
        self._hook: SparkSubmitHook | None = None

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 - Airflow hands it in
        """Submit, wait, read the result."""
        return asdict(self.profile(Settings()))

    def profile(self, settings: Settings) -> ProfiledModel:
        """Submit the job, wait for its end and return what it made. Raises PermanentError when it was refused."""
        spec = MonitorSpec.parse(self.spec)
        stores = services.stores(settings)
        name, version = spec.model.name, spec.model.version
        current = stores.baselines.current(name, version)
        job_id = f"baseline of {spec.key}, {uuid.uuid4()}"
        failure: AirflowException | None = None
        try:
            self._submit(f"pegel-baseline-{spec.endpoint}", ["--spec", json.dumps(spec.to_json()), "--id", job_id])
        except AirflowException as error:
            failure = error
        # Asked for whatever spark-submit made of the job's end: the job's own word counts.
        outcome = stores.jobs.take(job_id)
        if outcome is not None and outcome.refused:
            raise PermanentError(f"the baseline job of {spec.key} refused its input: {outcome.sentence}") from failure
        if failure is not None:
            raise failure
        if outcome is None or outcome.result is None:
            raise PermanentError(
                f"expected the baseline job of {spec.key} to leave its result in the results database; it ended "
                f"without one: do both use the same database? The current baseline stays. The job's log is above."
            )
        return ProfiledModel(model=name, version=version, current=current, **outcome.result)

    def on_kill(self) -> None:
        """End the job when a person clears the task: a baseline is made from nothing, so nothing is lost."""
        if self._hook is not None:
            self._hook.on_kill()

    def _submit(self, name: str, arguments: list[str]) -> None:
        from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

        self._hook = SparkSubmitHook(conn_id=self.conn_id, name=name, application_args=arguments)
        self._hook.submit(launcher("baseline"))


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
        promoted += [baseline_id] if changed else []
    return promoted
