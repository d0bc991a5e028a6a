"""Training data as Spark reads them, whatever keeps them: what is read is one table from beginning to end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from py4j.protocol import Py4JJavaError
from pyspark.errors.exceptions.captured import CapturedException
from pyspark.sql import DataFrame, SparkSession

from pegel.featurestore.stored_table import StoredTable, TableFormat
from pegel_spark import database_table, delta_table, iceberg_table
from pegel_spark.read_failures import read_failure
from pegel_spark.store_addresses import hadoop_address


def pinned(table: StoredTable) -> StoredTable:
    """Return a table as it is now, whatever is written to it later; only those of Delta and Iceberg have versions.

    Raises as `read` does for what cannot be found.
    """
    if table.pin is not None:
        return table
    if table.format is TableFormat.DELTA:
        return replace(table, pin=delta_table.newest_version(hadoop_address(table.address)))
    if table.format is TableFormat.ICEBERG:
        return replace(table, pin=iceberg_table.newest_snapshot(table))
    return table


def read(spark: SparkSession, place: Path | StoredTable, *, whole: bool = True) -> DataFrame:
    """Return the rows of a table; nothing but its schema is read by then.

    `whole`: whether they are read as a whole, and be it several times: then those of a database are kept. Else the
    database is asked for what is looked at, each time.

    Raises NotFound where there is none, SetupError where Spark has no way to it, Unavailable where it cannot read what
    is there, InvalidSpec for a table of Delta or Iceberg whose files do not say what its rows are.
    """
    table = StoredTable(str(place)) if isinstance(place, Path) else place
    address = hadoop_address(table.address)
    try:
        if table.format is TableFormat.DELTA:
            return delta_table.read(spark, address, table.pin)
        if table.format is TableFormat.ICEBERG:
            return iceberg_table.read(spark, table)
        if table.database is not None:
            return database_table.read(spark, table, table.database, whole=whole)
        return spark.read.format(table.format.value).load(address)
    except (CapturedException, Py4JJavaError) as failure:
        raise read_failure(failure, address, database=table.database) from failure
