"""Launcher of the job that reads tables: `jobs/read_tables.py [--model NAME ...] [--since I] [--until I] [--id ID]`.

It is told everything by its arguments and its environment, as the baseline job is, and says under `--id` in the results
database how it ended. It judges what the tables of models that are only scored in batches have anew; where one could
not be read the others are, and it ends as failed with a sentence for each. Exit codes: 0 done, 1 failed, 2 refused.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from functools import partial

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from sqlalchemy import Engine

from pegel.errors import Unavailable
from pegel.spec.settings import Settings
from pegel.store.registry import Registry
from pegel_spark import session
from pegel_spark.launched_job import LaunchedJob, instant_of
from pegel_spark.tables_job import TablesJob, TablesRead


def main(arguments: list[str]) -> int:
    """Run the job; return its exit code."""
    parser = argparse.ArgumentParser(description="Judge what tables of predictions have anew.")
    parser.add_argument("--model", action="append", default=[], help="`name` or `name/version`, again for each")
    parser.add_argument("--since", help="from when on rows are looked at, ISO 8601; without it, what is new")
    parser.add_argument("--until", help="until when, exclusive; without it, until now")
    parser.add_argument("--id", help="under which the results database keeps how the job ended")
    options = parser.parse_args(arguments)
    job = LaunchedJob(
        partial(_asked, tuple(options.model), options.since, options.until),
        fails_by=(Py4JError, PySparkException, OSError, MemoryError),
        told="Spark could not finish the job: {}. What is missing is judged by the next run.",
    )
    return job.run(options.id)


def _asked(
    models: tuple[str, ...], since: str | None, until: str | None, settings: Settings, engine: Engine
) -> TablesRead:
    if not any(spec.model.is_table for spec in Registry(engine).list()):
        return TablesRead()
    begin = None if since is None else instant_of(since, "--since")
    end = None if until is None else instant_of(until, "--until")
    if "://" not in settings.archive_root:
        session.refuse_folder_of_one_machine(
            "PEGEL_ARCHIVE", settings.archive_root, settings, does="writes to", unchanged="Nothing was judged."
        )
    with session.stopped_after(session.build("pegel-tables", settings)) as spark:
        done = TablesJob(spark, settings, engine, datetime.now(UTC), begin, end).run(models)
    if done.failed:
        words = "; ".join(f"{key}: {sentence}" for key, sentence in sorted(done.failed.items()))
        raise Unavailable(f"tables of {len(done.failed)} of the models were not judged, the others are: {words}")
    return done


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
