"""The archived rows of a model as a table of Spark; `pegel.archive.opened_archive` reads the same files without it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import reduce

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from pegel.archive.folders import (
    HOUR,
    LONGEST_ANSWER,
    Kept,
    day_folders,
    hours_that_hold,
    visible_hours,
)
from pegel.archive.row_columns import ANSWERED_AT, EVENT_TIME, OF_EVERY_ROW
from pegel_spark.core_texts import number_texts
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
    frame = read_together(spark, paths) if paths else spark.createDataFrame(OF_EVERY_ROW.empty_table())
    return frame.where((sf.col(time) >= sf.lit(start)) & (sf.col(time) < sf.lit(end)))


def read_together(spark: SparkSession, paths: Sequence[str]) -> DataFrame:
    """Return what files hold, with the columns of all of them. Where types of a column differ, it is text."""
    try:
        return spark.read.option("mergeSchema", "true").parquet(*paths)
    except (PySparkException, Py4JJavaError):
        # Spark has no word for two types of a name: of each folder the files have one.
        folders: dict[str, list[str]] = {}
        for path in paths:
            folders.setdefault(path.rpartition("/")[0], []).append(path)
        if len(folders) == 1:
            raise
        return reduce(unioned, (spark.read.parquet(*own) for own in folders.values()))


def unioned(one: DataFrame, other: DataFrame) -> DataFrame:
    """Return the rows of two tables by the names of their columns; where types differ, as categories."""
    kinds = dict(one.dtypes)
    differing = [name for name, kind in other.dtypes if name in kinds and kinds[name] != kind]
    return _as_text(one, differing).unionByName(_as_text(other, differing), allowMissingColumns=True)


def _as_text(frame: DataFrame, names: Sequence[str]) -> DataFrame:
    kinds = dict(frame.dtypes)
    for name in names:
        column = sf.col(f"`{name}`")
        frame = frame.withColumn(name, number_texts(column) if kinds[name] == "double" else column.cast("string"))
    return frame


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
    first, last = hours_that_hold(start, end, reach)
    below = f"model={model}/version={version}"
    listed = [
        path
        for space in files.folders(f"{root}/{kept}")
        for day in day_folders(f"{space}/{below}", first, last, files.folders)
        for path in files.files(day)
    ]
    return [path for hour in visible_hours(listed) if first <= hour.start < last for path in hour.files]
