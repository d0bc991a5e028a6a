"""Archive: rows that the stream has counted as files, by a job of the Spark environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from pegel.errors import PermanentError
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.finite_job import JobWish
from pegel_airflow.models_job import ModelsJob

if TYPE_CHECKING:
    from pegel.manifests.objects import Manifest
    from pegel.spec.cluster_settings import ClusterSettings


class ArchiveJob(ModelsJob):
    """Archives what the stream has counted; returns `{"rows": {key: rows}, "files": n, "left_out": []}`.

    It takes up whatever is not archived yet, so run again, late, or beside another run, it leaves the same rows; where
    everything is archived, Spark is not started. A model that fails is left out and holds up no other; the next run
    makes it good. Raises PermanentError when the job was refused, and when it has left models out, after the others are
    archived.
    """

    nothing = {"rows": {}, "files": 0, "left_out": []}  # noqa: RUF012 - never changed

    def wish(self, context: Context) -> JobWish:
        """Return the job of the models that are meant."""
        arguments = self.arguments(context)

        def application(job_id: str, settings: Settings, cluster: ClusterSettings) -> Manifest:
            from pegel.manifests.spark_application import archive_application

            return archive_application(arguments, job_id, settings, cluster)

        return JobWish(
            title="job that archives rows",
            name="pegel-archive",
            launcher="archive",
            arguments=arguments,
            asks_hopsworks=False,
            application=application,
            unchanged="What is missing is archived by the next run.",
        )

    def is_needed(self, settings: Settings) -> bool:
        """Say whether rows wait to be archived."""
        from pegel.store.archive_store import ArchiveStore

        archive = ArchiveStore(services.engine(settings.database))
        return any(self.means(each.spec.key) for each in archive.unarchived())

    def told(self, made: dict[str, Any]) -> dict[str, Any]:
        """Print the rows of each model, and what was left out."""
        for key, rows in made["rows"].items():
            print(f"{key}: {rows:,} rows")  # noqa: T201 - a task's output is its log
        for line in made["left_out"]:
            print(f"left out: {line}")  # noqa: T201 - the same
        if made["left_out"]:
            raise PermanentError(f"rows that are not archived: {'; '.join(made['left_out'])}. Those of the others are.")
        return made
