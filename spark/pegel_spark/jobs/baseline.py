"""Launcher of the baseline job: `spark-submit jobs/baseline.py --spec JSON [--id ID]`.

It keeps the baseline in the results database and, under `--id`, how it ended: done with what it made, or refused with
one sentence. The same stands on standard output or error for people.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime

from sqlalchemy import Engine

from pegel.errors import PermanentError, TemporaryError
from pegel.featurestore import LocalFeatureStore
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, migrate
from pegel.store.job_results import JobResult, JobResults
from pegel_spark import logs, session
from pegel_spark.baseline_job import Profile, profile

AGAIN, REFUSED = 1, 2


def main(arguments: list[str]) -> int:
    """Run the job; return its exit code: 0 done, 1 may be tried again, 2 refused with one sentence."""
    parser = argparse.ArgumentParser(description="Build the baseline of a model and keep it.")
    parser.add_argument("--spec", required=True, help="the MonitorSpec, JSON or YAML text")
    parser.add_argument("--id", help="under which the results database keeps how the job ended")
    options = parser.parse_args(arguments)
    logs.configure()
    settings = Settings()
    try:
        engine = connect(settings.database)
        migrate(engine)
        result = _run(options.spec, settings, engine)
        if options.id is not None:
            JobResults(engine).put(options.id, result, datetime.now(UTC))
    except (PermanentError, TemporaryError) as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED if isinstance(error, PermanentError) else AGAIN
    if result.refused:
        sys.stderr.write(f"{result.sentence}\n")
        return REFUSED
    sys.stdout.write(f"{json.dumps(result.result)}\n")
    return 0


def _run(spec_text: str, settings: Settings, engine: Engine) -> JobResult:
    try:
        made = _profile(MonitorSpec.from_yaml(spec_text), settings, engine)
    except PermanentError as error:
        return JobResult(refused=True, sentence=str(error))
    return JobResult(refused=False, result=asdict(made))


def _profile(spec: MonitorSpec, settings: Settings, engine: Engine) -> Profile:
    features = LocalFeatureStore(settings.features)
    # Asked before Spark starts: a wrong reference is told within a second.
    features.describe(spec.baseline.source)
    spark = session.build(f"pegel-baseline-{spec.endpoint}", settings, jars=[])
    try:
        return profile(spark, spec, features, BaselineStore(engine), now=datetime.now(UTC))
    finally:
        spark.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
