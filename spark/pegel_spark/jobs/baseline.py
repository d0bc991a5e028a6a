"""Launcher of the baseline job: `spark-submit jobs/baseline.py --spec JSON [--id ID]`.

It is told everything by its arguments and its environment, and leaves nothing on a disk: the baseline stands in the
results database, and so does, under `--id`, how the job ended: done with what it made, refused or failed with one
sentence. The same stands on standard output or error for people. Exit codes: 0 done, 1 failed, 2 refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime

import structlog
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from sqlalchemy import Engine

from pegel.baseline.baseline import Baseline
from pegel.errors import PegelError, PermanentError, SetupError, TemporaryError
from pegel.featurestore import LocalFeatureStore, TrainingData
from pegel.featurestore.hopsworks.training_data import HopsworksTrainingData
from pegel.featurestore.stored_table import StoredTable
from pegel.spec.hopsworks_reference import is_hopsworks
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.spec.table_reference import TableRef, is_table
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, migrate
from pegel.store.job_results import JobEnd, JobResult, JobResults
from pegel_spark import logs, session
from pegel_spark.baseline_job import Profile, profile
from pegel_spark.stored_training_data import StoredTrainingData
from pegel_spark.table_training_data import TableTrainingData

FAILED, REFUSED = 1, 2
CODES = {JobEnd.DONE: 0, JobEnd.FAILED: FAILED, JobEnd.REFUSED: REFUSED}
LONGEST_FAILURE = 500
"""Characters of what Spark says that are told."""
log = structlog.get_logger()


def main(arguments: list[str]) -> int:
    """Run the job; return its exit code."""
    parser = argparse.ArgumentParser(description="Build the baseline of a model and keep it.")
    parser.add_argument("--spec", required=True, help="the MonitorSpec, JSON or YAML text")
    parser.add_argument("--id", help="under which the results database keeps how the job ended")
    options = parser.parse_args(arguments)
    try:
        settings = Settings.of_environment()
        logs.configure(settings.log_format)
        engine = connect(settings.database)
        migrate(engine)
    except PegelError as error:
        # There is nowhere else to say it.
        sys.stderr.write(f"{error}\n")
        return REFUSED if isinstance(error, PermanentError) else FAILED
    result = _run(options.spec, settings, engine)
    if options.id is not None:
        with suppress(TemporaryError):
            JobResults(engine).put(options.id, result, datetime.now(UTC))
    if result.state is not JobEnd.DONE:
        sys.stderr.write(f"{result.sentence}\n")
    else:
        sys.stdout.write(f"{json.dumps(result.result)}\n")
    return CODES[result.state]


def _run(spec_text: str, settings: Settings, engine: Engine) -> JobResult:
    """Make the baseline and say how that ended. What nobody expects is a failure, too, and its trace is logged."""
    try:
        made = _profile(MonitorSpec.from_yaml(spec_text), settings, engine)
    except PermanentError as error:
        return JobResult(state=JobEnd.REFUSED, sentence=str(error))
    except TemporaryError as error:
        return JobResult(state=JobEnd.FAILED, sentence=str(error))
    except (Py4JError, PySparkException, OSError, MemoryError) as error:
        log.exception("failed")
        words = f"{type(error).__name__}: {error}"[:LONGEST_FAILURE].partition("\n")[0]
        return JobResult(
            state=JobEnd.FAILED, sentence=f"Spark could not finish the job: {words}. No baseline was kept."
        )
    return JobResult(state=JobEnd.DONE, result=asdict(made))


def _profile(spec: MonitorSpec, settings: Settings, engine: Engine) -> Profile:
    name = f"pegel-baseline-{spec.endpoint}"
    if is_hopsworks(spec.baseline.source):
        # Asked before Spark starts, and not any more afterwards.
        there = HopsworksTrainingData.of(spec, settings)
        there.read_training_data(spec.baseline.source)
        return _profiled(session.build(name, settings), spec, there, engine, there.remarks)
    if is_table(spec.baseline.source):
        return _of_table(name, spec, settings, engine)
    if settings.features_address:
        spark = session.build(name, settings)
        features: TrainingData = StoredTrainingData(spark, settings.features_address)
    else:
        _require_one_machine(settings, "PEGEL_FEATURE_STORE", str(settings.features))
        features = LocalFeatureStore(settings.features)
        # Asked before Spark starts: a wrong reference is told within a second.
        features.describe(spec.baseline.source)
        spark = session.build(name, settings)
    return _profiled(spark, spec, features, engine)


def _of_table(name: str, spec: MonitorSpec, settings: Settings, engine: Engine) -> Profile:
    ref = TableRef.parse(spec.baseline.source)
    # A database that no file names is told before Spark starts.
    table = StoredTable.of(ref, settings)
    if table.is_of_this_machine:
        _require_one_machine(settings, "baseline.source", ref.place)
    spark = session.build(name, settings)
    there = TableTrainingData(spark, ref, table, spec.baseline.time_column)
    return _profiled(spark, spec, there, engine, there.remarks)


def _profiled(
    spark: SparkSession,
    spec: MonitorSpec,
    features: TrainingData,
    engine: Engine,
    remarks: Callable[[Baseline], list[str]] = lambda _: [],
) -> Profile:
    try:
        return profile(spark, spec, features, BaselineStore(engine), now=datetime.now(UTC), remarks=remarks)
    finally:
        with suppress(Py4JError, OSError):
            spark.stop()


def _require_one_machine(settings: Settings, what: str, folder: str) -> None:
    """Raise SetupError where executors are on other machines, which have no such folder."""
    master = session.master(settings)
    if not session.is_here(master):
        raise SetupError(
            f"expected {what} to be an address that every executor reads (s3a://, gs://, abfs://, hdfs://), as Spark's "
            f"master is {master}; given the folder {folder}. No baseline was built."
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
