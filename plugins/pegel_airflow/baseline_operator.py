"""Profile: the Spark batch job that makes a baseline of training data, submitted through Airflow's Spark connection."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowException

from pegel.errors import PermanentError
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_airflow import services

if TYPE_CHECKING:
    from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

JOBS_VARIABLE = "PEGEL_SPARK_JOBS"
"""Folder or URL of the Spark launchers, as spark-submit sees it; unset means this checkout's own."""

REFUSED = "Error code is: 2."
"""How the hook tells exit code 2, by which the job says that trying again unchanged gives the same answer."""


def launcher(job: str) -> str:
    """Return where the launcher of `job` is, as spark-submit sees it."""
    here = Path(__file__).resolve().parents[2] / "spark" / "pegel_spark" / "jobs"
    return f"{os.environ.get(JOBS_VARIABLE, str(here)).rstrip('/')}/{job}.py"


class BaselineJob(BaseOperator):
    """Makes the baseline of one model and returns `{"baseline_id", "rows", "features", "changed"}`.

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
        return self._profile()

    def _profile(self) -> dict[str, Any]:
        spec = MonitorSpec.parse(self.spec)
        with TemporaryDirectory(prefix="pegel-baseline-") as folder:
            wish, result = Path(folder, "spec.json"), Path(folder, "result.json")
            wish.write_text(json.dumps(spec.to_json()), encoding="utf-8")
            self._submit(f"pegel-baseline-{spec.endpoint}", ["--spec", str(wish), "--result", str(result)])
            if not result.exists():
                raise PermanentError(
                    f"expected the baseline job of {spec.key} to write its result; it ended without one. "
                    f"The current baseline stays. Its log is above."
                )
            made: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        return made

    def on_kill(self) -> None:
        """End the job when a person clears the task: a baseline is made from nothing, so nothing is lost."""
        if self._hook is not None:
            self._hook.on_kill()

    def _submit(self, name: str, arguments: list[str]) -> None:
        from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

        self._hook = SparkSubmitHook(conn_id=self.conn_id, name=name, application_args=arguments)
        try:
            self._hook.submit(launcher("baseline"))
        except AirflowException as error:
            if REFUSED in str(error):
                # The hook's message ends with the last lines of the job's output, which say why.
                raise PermanentError(f"the baseline job refused its input; no baseline was made. {error}") from error
            raise


def wishes(settings: Settings, models: Sequence[str]) -> list[dict[str, Any]]:
    """Return the specs to profile: those of `models` (`name` or `name/version`), or all when none is named."""
    specs = services.stores(settings).registry.list()
    return [spec.to_json() for spec in specs if not models or spec.key in models or spec.model.name in models]


def changed(results: Sequence[dict[str, Any]]) -> list[str]:
    """Return the ids of baselines that became current, and print one line per model."""
    for result in results:
        what = "changed" if result["changed"] else "unchanged, nothing restarts"
        print(f"{result['baseline_id'][:19]} {result['rows']:>12,} rows  {what}")  # noqa: T201 - a task's output is its log
    return [result["baseline_id"] for result in results if result["changed"]]
