"""Archive: rows that the stream has counted as files, by a job of the Spark environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from pegel.errors import PermanentError, SetupError
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.finite_job import FiniteJob, JobWish, result_of, taken_up

if TYPE_CHECKING:
    from pegel.manifests.objects import Manifest
    from pegel.spec.cluster_settings import ClusterSettings
    from pegel.store.job_results import JobResult


class ArchiveJob(FiniteJob):
    """Archives what the stream has counted; returns `{"rows": {key: rows}, "files": n, "left_out": []}`.

    `model`, `version` (templated): of one model alone; empty: of all. It takes up whatever is not archived yet, so run
    again, late, or beside another run, it leaves the same rows; where everything is archived, Spark is not started. A
    model that fails is left out and holds up no other; the next run makes it good. Raises PermanentError when the job
    was refused, and when it has left models out, after the others are archived.
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
            *(wish, settings, f"archive, {context.get('run_id')}"),
            is_needed=lambda: _rows_wait(settings, self.model, self.version),
            nothing={"rows": {}, "files": 0, "left_out": []},
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


def _rows_wait(settings: Settings, model: str, version: str) -> bool:
    from pegel.store.archive_store import ArchiveStore

    waiting = ArchiveStore(services.engine(settings.database)).unarchived(model or None, int(version or 0) or None)
    return bool(waiting)


def _told(outcome: JobResult | None, wish: JobWish) -> dict[str, Any]:
    made = result_of(outcome, wish)
    for key, rows in made["rows"].items():
        print(f"{key}: {rows:,} rows")  # noqa: T201 - a task's output is its log
    for line in made["left_out"]:
        print(f"left out: {line}")  # noqa: T201 - the same
    if made["left_out"]:
        raise PermanentError(f"rows that are not archived: {'; '.join(made['left_out'])}. Those of the others are.")
    return made
