"""Launcher of what tells outliers in real time: `python -m pegel_spark.jobs.outliers FD BROKER`, by a driver alone."""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection

# A matrix of a few rows is no work for several threads. Said before numpy is imported.
for _library in ("OPENBLAS", "OMP", "MKL"):
    os.environ.setdefault(f"{_library}_NUM_THREADS", "1")

from pegel_spark import logs  # noqa: E402  after the number of threads is said
from pegel_spark.realtime_reader import RealtimeReader  # noqa: E402


def main(arguments: list[str]) -> None:
    """Read until the driver at the other end of the connection is gone."""
    logs.configure()
    with Connection(int(arguments[0])) as connection:
        try:
            RealtimeReader(connection, arguments[1]).run()
        except (EOFError, ConnectionError):
            return


if __name__ == "__main__":
    main(sys.argv[1:])
