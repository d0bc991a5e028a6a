"""Launcher of a streaming driver: `python -m pegel_spark.jobs.monitor JOBDIR`."""

from __future__ import annotations

import sys
from pathlib import Path

from pegel.errors import PegelError
from pegel.spec.settings import Settings
from pegel_spark import logs
from pegel_spark.driver import Driver
from pegel_spark.job import read_job

USAGE = 2


def main(arguments: list[str]) -> int:
    """Run the driver whose folder is the one argument; return its exit code."""
    if len(arguments) != 1:
        sys.stderr.write("expected one argument, the job's folder with its job.json; nothing was started\n")
        return USAGE
    logs.configure()
    try:
        return Driver(read_job(Path(arguments[0]).resolve()), Settings()).run()
    except PegelError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
