"""Labels: joined with archived rows, by a job of the Spark environment, and hours of models judged by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from pegel.errors import SetupError
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.finite_job import FiniteJob, JobWish, result_of, taken_up

if TYPE_CHECKING:
    from pegel.manifests.objects import Manifest
    from pegel.spec.cluster_settings import ClusterSettings
    from pegel.store.job_results import JobResult


class LabelsJoinJob(FiniteJob):
    """Joins labels with rows; returns `{"taken": n, "refused": {kind: n}, "hours": {key: n}, "failed": {what: why}}`.

    `model`, `version` (templated): of one model alone; empty: of all. It looks at whatever is new and at what a run
    before left undone, so run again, late, or beside another run, it leaves the same figures. Where no model has labels
    Spark is not started. A model that fails is told and keeps no other waiting; the run fails then. Raises
    PermanentError when the job was refused.
    """

    template_fields: Sequence[str] = ("model", "version")

    def __init__(self, *, model: str = "", version: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model = model
        self.version = version

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit, wait, read the result."""
        settings, wish = Settings(), _wish(self.model, self.version)
        outcome = self.run_if_needed(
            *(wish, settings, f"labels, {context.get('run_id')}"),
            is_needed=lambda: _has_labels(settings, self.model, self.version),
            nothing={"taken": 0, "refused": {}, "hours": {}, "failed": {}},
        )
        return _told(outcome, wish)

    def resume(self, context: Context, event: dict[str, str], *, job_id: str) -> dict[str, Any]:  # noqa: ARG002  Airflow's
        """Read what the job of the cluster left. Raises Unavailable if it failed without a word of its own."""
        wish = _wish(self.model, self.version)
        return _told(taken_up(services.stores(Settings()).jobs.take(job_id), event, wish.title), wish)


def _wish(model: str, version: str) -> JobWish:
    if version and not (model and str(version).isdigit()):
        raise SetupError(f"expected a model and the number of its version; given {model!r}, {version!r}.")
    named = (("--model", model), ("--version", str(version)))
    arguments = tuple(part for option, value in named if value for part in (option, value))

    def application(job_id: str, settings: Settings, cluster: ClusterSettings) -> Manifest:
        from pegel.manifests.spark_application import labels_application

        return labels_application(arguments, job_id, settings, cluster)

    return JobWish(
        title="job that joins labels",
        name="pegel-labels",
        launcher="join_labels",
        arguments=arguments,
        asks_hopsworks=False,
        application=application,
        unchanged="What is missing is joined by the next run.",
    )


def _has_labels(settings: Settings, model: str, version: str) -> bool:
    """Say whether a model that is meant has labels; whether there are new ones only the job can see."""
    specs = (spec for spec in services.stores(settings).registry.list() if spec.labels.is_used)
    return any(model in ("", spec.model.name) and str(version) in ("", str(spec.model.version)) for spec in specs)


def _told(outcome: JobResult | None, wish: JobWish) -> dict[str, Any]:
    made = result_of(outcome, wish)
    print(f"labels taken: {made['taken']:,}")  # noqa: T201 - a task's output is its log
    for kind, count in sorted(made["refused"].items()):
        print(f"no labels: {count:,} {kind}")  # noqa: T201 - the same
    for key, hours in sorted(made["hours"].items()):
        print(f"{key}: {hours:,} hours looked at")  # noqa: T201 - the same
    return made
