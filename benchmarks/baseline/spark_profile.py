"""Makes the baseline of a table of Delta as its job does; prints the seconds that took, without Spark's start."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

from pegel.featurestore.stored_table import StoredTable
from pegel.spec.settings import Settings
from pegel.spec.table_reference import TableRef
from pegel.testing.samples import brief_spec
from pegel_spark import baseline_job, session
from pegel_spark.table_training_data import TableTrainingData


def main() -> None:
    """Profile the table that the argument names."""
    spec = brief_spec(baseline={"source": f"delta:{sys.argv[1]}"})
    ref, spark = TableRef.parse(spec.baseline.source), session.build("benchmark", Settings())
    session.warm(spark)
    there = TableTrainingData(spark, ref, StoredTable.of(ref, Settings()))
    begin = time.perf_counter()
    baseline_job.build(spark, spec, there, now=datetime.now(UTC))
    print(time.perf_counter() - begin)


if __name__ == "__main__":
    main()
