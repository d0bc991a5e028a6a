"""Launcher of the baseline job: `spark-submit jobs/baseline.py --spec JSON [--id ID]`.

It is told everything by its arguments and its environment, and leaves nothing on a disk: the baseline stands in the
results database, and so does, under `--id`, how the job ended: done with what it made, refused or failed with one
sentence. The same stands on standard output or error for people. Exit codes: 0 done, 1 failed, 2 refused.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from sqlalchemy import Engine

from pegel.baseline.baseline import Baseline
from pegel.featurestore import LocalFeatureStore, TrainingData
from pegel.featurestore.hopsworks.training_data import HopsworksTrainingData
from pegel.featurestore.stored_table import StoredTable
from pegel.spec.hopsworks_reference import is_hopsworks
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.spec.table_reference import TableRef, is_table
from pegel.store.baseline_store import BaselineStore
from pegel_spark import session
from pegel_spark.baseline_job import Profile, profile
from pegel_spark.launched_job import LaunchedJob
from pegel_spark.stored_training_data import StoredTrainingData
from pegel_spark.table_training_data import TableTrainingData


def main(arguments: list[str]) -> int:
    """Run the job; return its exit code."""
    parser = argparse.ArgumentParser(description="Build the baseline of a model and keep it.")
    parser.add_argument("--spec", required=True, help="the MonitorSpec, JSON or YAML text")
    parser.add_argument("--id", help="under which the results database keeps how the job ended")
    options = parser.parse_args(arguments)
    job = LaunchedJob(
        partial(_asked, options.spec),
        fails_by=(Py4JError, PySparkException, OSError, MemoryError),
        told="Spark could not finish the job: {}. No baseline was kept.",
    )
    return job.run(options.id)


def _asked(spec_text: str, settings: Settings, engine: Engine) -> Profile:
    return _profile(MonitorSpec.from_yaml(spec_text), settings, engine)


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
        _refuse_folder("PEGEL_FEATURE_STORE", str(settings.features), settings)
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
        _refuse_folder("baseline.source", ref.place, settings)
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
    with session.stopped_after(spark):
        return profile(spark, spec, features, BaselineStore(engine), now=datetime.now(UTC), remarks=remarks)


def _refuse_folder(what: str, folder: str, settings: Settings) -> None:
    session.refuse_folder_of_one_machine(what, folder, settings, does="reads", unchanged="No baseline was built.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
