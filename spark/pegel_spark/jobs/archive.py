"""Launcher of the job that archives rows: `jobs/archive.py [--model NAME/VERSION]... [--id ID]`.

It is told everything by its arguments and its environment, as the baseline job is, and says under `--id` in the results
database how it ended. It archives what the stream has counted and nobody has archived yet, whatever runs before it did
or left undone. Exit codes: 0 done, 1 failed, 2 refused.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from sqlalchemy import Engine

from pegel.spec.settings import Settings
from pegel.store.archive_store import ArchiveStore
from pegel.store.baseline_store import BaselineStore
from pegel.store.erasure_store import ErasureStore
from pegel_spark import session
from pegel_spark.archiving import Archived, Archiving
from pegel_spark.launched_job import LaunchedJob


def main(arguments: list[str]) -> int:
    """Run the job; return its exit code."""
    parser = argparse.ArgumentParser(description="Archive the rows that the stream has counted.")
    parser.add_argument("--model", action="append", default=[], help="`name/version`, again for each; all without")
    parser.add_argument("--id", help="under which the results database keeps how the job ended")
    options = parser.parse_args(arguments)
    job = LaunchedJob(
        partial(_archived, frozenset(options.model)),
        fails_by=(Py4JError, PySparkException, OSError, MemoryError),
        told="Spark could not finish the job: {}. What is missing is archived by the next run.",
    )
    return job.run(options.id)


def _archived(models: frozenset[str], settings: Settings, engine: Engine) -> Archived:
    store = ArchiveStore(engine)
    if not store.unarchived(models):
        return Archived({}, 0, [])
    if "://" not in settings.archive_root:
        session.refuse_folder_of_one_machine(
            "PEGEL_ARCHIVE", settings.archive_root, settings, does="writes to", unchanged="Nothing was archived."
        )
    with session.stopped_after(session.build("pegel-archive", settings)) as spark:
        return Archiving(spark, settings, store, BaselineStore(engine), ErasureStore(engine)).run(models)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
