"""Reads every column of a table of Delta in Spark and only counts; prints the seconds, without Spark's start."""

from __future__ import annotations

import sys
import time

from pyspark.sql import functions as sf

from pegel.featurestore.stored_table import StoredTable, TableFormat
from pegel.spec.settings import Settings
from pegel_spark import session, training_table


def main() -> None:
    """Count the values of the table that the argument names."""
    spark = session.build("benchmark", Settings())
    session.warm(spark)
    begin = time.perf_counter()
    frame = training_table.read(spark, StoredTable(sys.argv[1], TableFormat.DELTA))
    frame.agg(*(sf.count(name) for name in frame.columns)).collect()
    print(time.perf_counter() - begin)


if __name__ == "__main__":
    main()
