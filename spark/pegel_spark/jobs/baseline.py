"""Launcher of the baseline job: `spark-submit jobs/baseline.py --spec FILE --result FILE`.

The spec is JSON or YAML. The result is one JSON object, in the file and as the last line of standard output:
`{"baseline_id": ..., "rows": ..., "features": ..., "changed": ...}`.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from pegel.errors import PegelError
from pegel.featurestore import LocalFeatureStore
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, migrate
from pegel_spark import logs, session
from pegel_spark.baseline_job import profile

REFUSED = 2


def main(arguments: list[str]) -> int:
    """Run the job; return its exit code: 0 done, 2 refused with one sentence on standard error."""
    parser = argparse.ArgumentParser(description="Build the baseline of a model and make it the current one.")
    parser.add_argument("--spec", type=Path, required=True, help="the MonitorSpec, JSON or YAML")
    parser.add_argument("--result", type=Path, help="file that gets the result as one JSON object")
    options = parser.parse_args(arguments)
    logs.configure()
    settings = Settings()
    try:
        spec = MonitorSpec.from_file(options.spec)
        features = LocalFeatureStore(settings.features)
        # Asked before Spark starts: a wrong reference is told within a second.
        features.describe(spec.baseline.source)
        engine = connect(settings.database)
        migrate(engine)
        spark = session.build(f"pegel-baseline-{spec.endpoint}", settings, jars=[])
        done = profile(spark, spec, features, BaselineStore(engine), now=datetime.now(UTC))
    except PegelError as error:
        sys.stderr.write(f"{error}\n")
        return REFUSED
    if options.result is not None:
        options.result.write_bytes(done.to_json())
    sys.stdout.write(f"{done.to_json().decode()}\n")
    spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
