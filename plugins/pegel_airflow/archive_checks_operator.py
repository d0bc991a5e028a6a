"""Archived rows of a time looked at: their quality, and what was served beside its table, by a job of Spark."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from pegel.data.instants import told_instant
from pegel.errors import PermanentError, SetupError
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.finite_job import JobWish
from pegel_airflow.models_job import ModelsJob

if TYPE_CHECKING:
    from pegel.manifests.objects import Manifest
    from pegel.spec.cluster_settings import ClusterSettings


class ArchiveChecksJob(ModelsJob):
    """Looks at the archived rows of `[since, until)` of each model that asks for it; returns what it said of each.

    `since`, `until`: ISO 8601, UTC without an offset (templated); both empty: the time of the run, `behind` earlier, as
    the archive has the rows of all of it; a run without a time of its own, as an asset starts, is skipped then.
    Where none of the models asks for it Spark is not started. Run again, it leaves
    the same, with what came since. Raises PermanentError when the job was refused, or rows of a model could not be
    looked at; those of the others were.
    """

    template_fields: Sequence[str] = ("since", "until", "models")
    nothing = {"lines": [], "failed": []}  # noqa: RUF012 - never changed

    def __init__(
        self,
        *,
        since: str = "",
        until: str = "",
        behind: timedelta = timedelta(0),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.behind = behind
        self.since = since
        self.until = until

    def wish(self, context: Context) -> JobWish:
        """Return the job of the time and the models that are meant."""
        start, end = context.get("data_interval_start"), context.get("data_interval_end")
        if not self.since and not self.until:
            if start is None or end is None:
                raise AirflowSkipException("a run without a time of its own, and none was stated: no rows are meant")
            start, end = start - self.behind, end - self.behind
        since, until = _instant(self.since, "since", start), _instant(self.until, "until", end)
        if since >= until:
            raise SetupError(
                f"expected since before until; given {since.isoformat()} and {until.isoformat()}. {_NOTHING}"
            )
        arguments = ("--since", since.isoformat(), "--until", until.isoformat(), *self.arguments(context))

        def application(job_id: str, settings: Settings, cluster: ClusterSettings) -> Manifest:
            from pegel.manifests.spark_application import archive_checks_application

            return archive_checks_application(arguments, job_id, settings, cluster)

        return JobWish(
            title="job that looks at archived rows",
            name="pegel-archive-checks",
            launcher="archive_checks",
            arguments=arguments,
            asks_hopsworks=False,
            application=application,
            unchanged="What was looked at is kept.",
        )

    def is_needed(self, settings: Settings) -> bool:
        """Say whether a model that is meant has its archived rows looked at."""
        from pegel.quality.archive_checks_wanted import wants_archive_checks

        specs = services.stores(settings).registry.list()
        return any(wants_archive_checks(spec) and self.means(spec.key) for spec in specs)

    def told(self, made: dict[str, Any]) -> dict[str, Any]:
        """Print what was said of each model."""
        for line in made["lines"]:
            print(line)  # noqa: T201 - a task's output is its log
        if made["failed"]:
            raise PermanentError(f"archived rows that could not be looked at: {'; '.join(made['failed'])}")
        return made


_NOTHING = "Nothing was submitted."


def _instant(text: str, name: str, default: datetime | None) -> datetime:
    instant = told_instant(text, unzoned=UTC) if text else default
    if instant is None:
        given = repr(text) if text else "none, and a run without a time of its own"
        raise SetupError(f"{name}: expected an instant, ISO 8601; given {given}. {_NOTHING}")
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
