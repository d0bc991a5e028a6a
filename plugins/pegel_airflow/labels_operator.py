"""Labels: joined with archived rows, by a job of the Spark environment, and hours of models judged by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.finite_job import JobWish
from pegel_airflow.models_job import ModelsJob

if TYPE_CHECKING:
    from pegel.manifests.objects import Manifest
    from pegel.spec.cluster_settings import ClusterSettings


class LabelsJoinJob(ModelsJob):
    """Joins labels with rows; returns `{"taken": n, "refused": {kind: n}, "hours": {key: n}, "failed": {what: why}}`.

    It looks at whatever is new and at what a run before left undone, so run again, late, or beside another run, it
    leaves the same figures. Where no model has labels Spark is not started. A model that fails is told and keeps no
    other waiting; the run fails then. Raises PermanentError when the job was refused.
    """

    nothing = {"taken": 0, "refused": {}, "hours": {}, "failed": {}}  # noqa: RUF012 - never changed

    def wish(self, context: Context) -> JobWish:
        """Return the job of the models that are meant."""
        arguments = self.arguments(context)

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

    def is_needed(self, settings: Settings) -> bool:
        """Say whether a model that is meant has labels; whether there are new ones only the job can see."""
        specs = services.stores(settings).registry.list()
        return any(spec.labels.is_used and self.means(spec.key) for spec in specs)

    def told(self, made: dict[str, Any]) -> dict[str, Any]:
        """Print how many labels were taken and refused, and the hours of each model."""
        print(f"labels taken: {made['taken']:,}")  # noqa: T201 - a task's output is its log
        for kind, count in sorted(made["refused"].items()):
            print(f"no labels: {count:,} {kind}")  # noqa: T201 - the same
        for key, hours in sorted(made["hours"].items()):
            print(f"{key}: {hours:,} hours looked at")  # noqa: T201 - the same
        return made
