"""Launcher of the job that joins labels with rows: `jobs/join_labels.py [--model NAME/VERSION]... [--id ID]`.

It is told everything by its arguments and its environment, as the baseline job is, and says under `--id` in the results
database how it ended. Where one model failed the others are done, and it ends as failed with a sentence for each. Exit
codes: 0 done, 1 failed, 2 refused.
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
from pegel_spark.labels_job import JoinedLabelsOfRun, LabelsJob
from pegel_spark.launched_job import LaunchedJob


def main(arguments: list[str]) -> int:
    """Run the job; return its exit code."""
    parser = argparse.ArgumentParser(description="Join labels with archived rows, and judge how models did.")
    parser.add_argument("--model", action="append", default=[], help="`name/version`, again for each; all without")
    parser.add_argument("--id", help="under which the results database keeps how the job ended")
    options = parser.parse_args(arguments)
    job = LaunchedJob(
        partial(_joined, frozenset(options.model)),
        fails_by=(Py4JError, PySparkException, OSError, MemoryError),
        told="Spark could not finish the job: {}. What is missing is joined by the next run.",
    )
    return job.run(options.id)


def _joined(models: frozenset[str], settings: Settings, engine: Engine) -> JoinedLabelsOfRun:
    if not any(spec.labels.is_used for spec in Registry(engine).list()):
        return JoinedLabelsOfRun()
    with session.stopped_after(session.build("pegel-labels", settings)) as spark:
        done = LabelsJob(spark, settings, engine, datetime.now(UTC)).run(models)
    if done.failed:
        words = "; ".join(f"{what}: {sentence}" for what, sentence in sorted(done.failed.items()))
        raise Unavailable(f"labels of {len(done.failed)} of the models were not joined, the others are: {words}")
    return done


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
