"""Tables of models that are only scored in batches: read and judged by a job of the Spark environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.finite_job import JobWish
from pegel_airflow.models_job import ModelsJob
from pegel_airflow.write_back_operator import interval

if TYPE_CHECKING:
    from pegel.manifests.objects import Manifest
    from pegel.spec.cluster_settings import ClusterSettings


class TablesReadJob(ModelsJob):
    """Judges what tables have anew; returns `{"windows": {key: n}, "rows": {key: n}, "failed": {key: why}}`.

    `since`, `until`: ISO 8601 (templated); empty: those of the run, with what is new beside them. Run again, late, or
    beside another run, it leaves the same windows. Where no model is in a table Spark is not started. A table that
    cannot be read is told of its model, keeps no other waiting, and fails the task in the end; the next run goes on
    from there. Raises PermanentError when the job was refused.
    """

    template_fields: Sequence[str] = ("since", "until", "models")
    nothing = {"windows": {}, "rows": {}, "failed": {}}  # noqa: RUF012 - never changed

    def __init__(self, *, since: str = "", until: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.since = since
        self.until = until

    def wish(self, context: Context) -> JobWish:
        """Return the job of the time and the models that are meant."""
        from pegel.batch.long_span_maker import LOOK_BACK

        start, end = interval(self.since, self.until, context)
        begin = start if self.since else start - LOOK_BACK
        arguments = ("--since", begin.isoformat(), "--until", end.isoformat(), *self.arguments(context))

        def application(job_id: str, settings: Settings, cluster: ClusterSettings) -> Manifest:
            from pegel.manifests.spark_application import tables_application

            return tables_application(arguments, job_id, settings, cluster)

        return JobWish(
            title="job that reads tables",
            name="pegel-tables",
            launcher="read_tables",
            arguments=arguments,
            asks_hopsworks=False,
            application=application,
            unchanged="What is missing is judged by the next run.",
        )

    def is_needed(self, settings: Settings) -> bool:
        """Say whether a model that is meant stands in a table; whether it has new rows only the job can see."""
        return any(spec.model.is_table and self.means(spec.key) for spec in services.stores(settings).registry.list())

    def told(self, made: dict[str, Any]) -> dict[str, Any]:
        """Print what was judged of each model."""
        for key, windows in sorted(made["windows"].items()):
            print(f"{key}: {windows:,} windows judged, {made['rows'][key]:,} rows")  # noqa: T201 - a task's output is its log
        return made
