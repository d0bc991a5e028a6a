"""Launcher of a streaming driver: `python -m pegel_spark.jobs.monitor [JOB]`.

JOB is the driver's folder with its job.json, on one machine, or the job document alone, as a pod has it; see
`pegel_spark.container`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from pegel.errors import PegelError, SetupError
from pegel.spec.kafka_security import KafkaSecurity
from pegel.spec.settings import Settings
from pegel_spark import logs
from pegel_spark.driver import Driver
from pegel_spark.job import Job, read_job

USAGE = 2
DOCUMENT = "/etc/pegel/job.json"
"""Where a pod has its job document, from a ConfigMap."""


def main(arguments: list[str]) -> int:
    """Run the driver; return its exit code."""
    if len(arguments) > 1:
        sys.stderr.write("expected one argument, the job's document or its folder; nothing was started\n")
        return USAGE
    try:
        settings = Settings.of_environment()
        logs.configure(settings.log_format)
        KafkaSecurity.of(settings)
        job = read_job(Path(*arguments or [DOCUMENT]).resolve())
        _require_database(job, settings)
        return Driver(job, settings).run()
    except PegelError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE


def _require_database(job: Job, settings: Settings) -> None:
    """Raise SetupError where a driver without a folder would keep its results on a disk that goes with it."""
    if job.folder is None and settings.database_url is None:
        raise SetupError(
            "expected PEGEL_DATABASE_URL, the results database that everybody shares: a driver in a pod keeps nothing; "
            "it is not set. No driver was started."
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
