"""Write back: results as feature groups of Hopsworks, by a job of the Spark environment, which has its client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from pegel.data.instants import told_instant
from pegel.errors import SetupError
from pegel.spec.settings import Settings
from pegel_airflow.finite_job import JobWish
from pegel_airflow.told_job import ToldJob

if TYPE_CHECKING:
    from pegel.manifests.objects import Manifest
    from pegel.spec.cluster_settings import ClusterSettings

OVERLAP = timedelta(hours=1)
"""How much of the time before is written again: a driver that waits for its database commits a window later than it was
judged. Rows have keys, so what is there already stays the same."""


class WriteBackJob(ToldJob):
    """Writes what became final in a time to Hopsworks; returns `{"rows": {group: rows}, "reports": n, "left_out": []}`.

    `since`, `until`: ISO 8601 with an offset (templated); empty: those of the run, with what no run has written since
    the last that succeeded, and `OVERLAP` before. Run again, or beside another run, it leaves the same rows. Raises
    PermanentError when the job was refused; what it could not read is printed.
    """

    template_fields: Sequence[str] = ("since", "until")

    def __init__(self, *, since: str, until: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.since = since
        self.until = until

    def wish(self, context: Context) -> JobWish:
        """Return the job of the time that is written."""
        since, until = interval(self.since, self.until, context)
        arguments = ("--since", since.isoformat(), "--until", until.isoformat())

        def application(job_id: str, settings: Settings, cluster: ClusterSettings) -> Manifest:
            from pegel.manifests.spark_application import write_back_application

            return write_back_application(arguments, job_id, settings, cluster)

        return JobWish(
            title="job that writes back",
            name="pegel-write-back",
            launcher="write_back",
            arguments=arguments,
            asks_hopsworks=True,
            application=application,
            unchanged="What is missing is written by the next run by the clock.",
        )

    def told(self, made: dict[str, Any]) -> dict[str, Any]:
        """Print the rows of each feature group, the new reports, and what was left out."""
        for name, rows in made["rows"].items():
            print(f"{name}: {rows:,} rows")  # noqa: T201 - a task's output is its log
        if made["reports"]:
            print(f"validation reports that were not there: {made['reports']:,}")  # noqa: T201 - the same
        for line in made["left_out"]:
            print(f"left out: {line}")  # noqa: T201 - the same
        return made


def interval(since: str, until: str, context: Mapping[str, Any]) -> tuple[datetime, datetime]:
    """Return the time that is written: what was asked for, else that of the run and what was not written before it.

    Runs that failed, or were left out while the workflow was paused, are made good by the next one. A run without a
    time of its own, as Airflow's API starts, has the hour before it. Raises SetupError.
    """
    end = _instant(until, "until") or context.get("data_interval_end") or context["dag_run"].run_after
    begin = _instant(since, "since") or _unwritten(end, context) - OVERLAP
    if begin >= end:
        raise SetupError(f"expected since before until; given {begin.isoformat()} and {end.isoformat()}. {_NOTHING}")
    # Airflow's own instants are of a class whose differences are none of the standard library's.
    return datetime.fromisoformat(begin.isoformat()), datetime.fromisoformat(end.isoformat())


def _unwritten(end: datetime, context: Mapping[str, Any]) -> datetime:
    """Return from when on nothing is known to be written: the run's own begin, or the end of the last success."""
    start = context.get("data_interval_start") or end - _HOUR
    written = context.get("prev_data_interval_end_success")
    return min(start, written) if written else start


_HOUR = timedelta(hours=1)
_NOTHING = "Nothing was submitted."


def _instant(text: str, name: str) -> datetime | None:
    if not text:
        return None
    instant = told_instant(text, unzoned=UTC)
    if instant is None:
        raise SetupError(f"{name}: expected an instant, ISO 8601; given {text!r}. {_NOTHING}")
    return instant
