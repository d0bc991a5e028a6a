"""The archived rows of a model as a table of Spark; `pegel.archive.opened_archive` reads the same files without it."""

from __future__ import annotations

from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from pegel.archive.folders import (
    HOUR,
    LONGEST_ANSWER,
    Kept,
    date_folder,
    days_between,
    floor_hour,
    visible_hours,
)
from pegel.archive.row_columns import ANSWERED_AT, EVENT_TIME, OF_EVERY_ROW
from pegel_spark.hadoop_files import HadoopFiles


def archived_rows(
    spark: SparkSession,
    root: str,
    model: str,
    version: int,
    *,
    start: datetime,
    end: datetime,
    time: str = EVENT_TIME,
) -> DataFrame:
    """Return the rows of a model version with a time in `[start, end)`, as `pegel.archive.row_columns` calls them.

    `time`: `event_time`, when requests came, or `answered_at`, when answers ended; rows without it are left out. Files
    of other hours are not opened. A column that some files have not is null in their rows.
    """
    paths = hour_files(spark, root, model, version, start=start, end=end, time=time)
    frame = spark.read.option("mergeSchema", "true").parquet(*paths) if paths else _none(spark)
    return frame.where((sf.col(time) >= sf.lit(start)) & (sf.col(time) < sf.lit(end)))


def hour_files(
    spark: SparkSession,
    root: str,
    model: str,
    version: int,
    *,
    start: datetime,
    end: datetime,
    time: str = EVENT_TIME,
    kept: Kept = Kept.ROWS,
) -> list[str]:
    """Return the files of the hours that may hold rows of a time."""
    files = HadoopFiles(spark, root)
    reach = LONGEST_ANSWER if time == ANSWERED_AT else 0 * HOUR
    first, last = floor_hour(start - reach), end + reach
    below = f"model={model}/version={version}"
    listed = [
        path
        for space in files.folders(f"{root}/{kept}")
        for day in days_between(first, last)
        for path in files.files(f"{space}/{below}/{date_folder(day)}")
    ]
    return [path for hour in visible_hours(listed) if first <= hour.start < last for path in hour.files]


def _none(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(OF_EVERY_ROW.empty_table().to_pandas(), _schema_of_every_row())


def _schema_of_every_row() -> str:
    kinds = {
        "string": "string",
        "int32": "int",
        "int64": "bigint",
        "double": "double",
        "timestamp[us, tz=UTC]": "timestamp",
        "list<item: string>": "array<string>",
        "list<element: string>": "array<string>",
    }
    return ", ".join(f"`{column.name}` {kinds[str(column.type)]}" for column in OF_EVERY_ROW)
