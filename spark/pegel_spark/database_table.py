"""A table or a view of a database, read once by Spark over JDBC and kept on its own disks while the job runs."""

from __future__ import annotations

import hashlib

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession

from pegel.featurestore.known_database import KnownDatabase
from pegel.featurestore.stored_table import StoredTable

ROWS_AT_ONCE = 10_000
"""Rows that come in one answer: without a number some drivers hold the whole table."""


def read(spark: SparkSession, table: StoredTable, database: KnownDatabase, *, whole: bool = True) -> DataFrame:
    """Return the rows. A job that asks again gets the same ones: a baseline is of one table, not of three.

    Not `whole`, they are read by the database as they are each time, and only those that are asked for.

    Raises Py4JJavaError and AnalysisException, which `read_failures` reads.
    """
    # By this name the session knows what it has read.
    view = f"pegel_{hashlib.sha256(f'{database.url} {table.table}'.encode()).hexdigest()[:32]}"
    reader = spark.read.format("jdbc").options(**database.options)
    reader = reader.options(url=database.url, dbtable=table.table, fetchsize=ROWS_AT_ONCE)
    if not whole:
        return reader.load()
    if not spark.catalog.tableExists(view):
        reader.load().persist(StorageLevel.DISK_ONLY).createOrReplaceTempView(view)
    return spark.table(view)
