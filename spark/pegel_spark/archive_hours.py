"""Hours of the archive, each written as a whole, behind a mark that says that all of it is there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession

from pegel.archive.folders import (
    COMPLETE,
    Kept,
    hour_folder,
    model_folder,
    visible_hours,
    written_folder,
    written_numbers,
)
from pegel.spec.monitor_spec import MonitorSpec
from pegel_spark.archived_rows import read_together
from pegel_spark.hadoop_files import HadoopFiles

FILE_VALUES = 16_000_000
"""Values of one file, some 100 MB before they are compressed."""
BLOCK_BYTES = 16 * 1024 * 1024
"""Bytes of a row group: what is read at least of an hour, where its statistics let the others out."""


@dataclass(slots=True)
class ArchiveHours:
    """The hours of one model version, as the writer of a number writes them.

    `require_newest` raises Superseded if another writer has come since. `files`: how many were written.
    """

    spark: SparkSession
    root: str
    spec: MonitorSpec
    number: int
    require_newest: Callable[[], None]
    files: int = 0
    _superseded: list[str] = field(default_factory=list)

    def listed(self, kept: Kept, hour: datetime) -> list[str]:
        """Return every file that lies in an hour, read or not."""
        return HadoopFiles(self.spark, self.root).files(self._folder(kept, hour))

    def visible(self, kept: Kept, hour: datetime) -> list[str]:
        """Return the files of an hour that are read."""
        return [path for found in visible_hours(self.listed(kept, hour)) for path in found.files]

    def read(self, files: Sequence[str]) -> DataFrame:
        """Return what files hold, with the columns of all of them."""
        return read_together(self.spark, files)

    def write(self, kept: Kept, hour: datetime, rows: DataFrame, count: int) -> None:
        """Put rows, about so many, in the place of what an hour holds; nobody sees a part of them.

        Raises Superseded; then nobody sees any of them.
        """
        files = HadoopFiles(self.spark, self.root)
        folder = self._folder(kept, hour)
        own = f"{folder}/{written_folder(self.number)}"
        listed = files.files(folder)
        self._clear(files, folder, listed)
        # Without it Spark writes times that have no statistics, by which files are left out.
        self.spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        parts = max(1, math.ceil(count * len(rows.columns) / FILE_VALUES))
        ordered = rows.coalesce(parts).sortWithinPartitions("event_time")
        written = ordered.write.mode("overwrite").option("parquet.block.size", str(BLOCK_BYTES))
        written.option("compression", "zstd").parquet(own)
        self.require_newest()
        files.create_empty(f"{own}/{COMPLETE}")
        self.files += len([path for path in files.files(own) if path.endswith(".parquet")])
        # Read until the run ends: somebody may be at it.
        self._superseded += [f"{folder}/{written_folder(found.written)}" for found in visible_hours(listed)]

    def highest_number(self) -> int:
        """Return the highest number that any writer of the model's files had, as far as files tell."""
        files = HadoopFiles(self.spark, self.root)
        name, version = self.spec.model.name, self.spec.model.version
        folders = (
            model_folder(self.root, kept, self.spec.namespace, name, version) for kept in (Kept.ROWS, Kept.UNREADABLE)
        )
        return max((number for folder in folders for _, number in written_numbers(files.files(folder))), default=0)

    def end(self) -> None:
        """Delete what was replaced; whoever read it meanwhile has read it."""
        files = HadoopFiles(self.spark, self.root)
        for folder in self._superseded:
            if not folder.endswith(written_folder(self.number)):
                files.delete(folder)
        self._superseded.clear()

    def _clear(self, files: HadoopFiles, folder: str, listed: Sequence[str]) -> None:
        """Delete what killed writers left in an hour, and what was replaced and not deleted."""
        read = {found.written for found in visible_hours(listed)}
        for _, number in written_numbers(listed):
            if number not in read and number != self.number:
                files.delete(f"{folder}/{written_folder(number)}")

    def _folder(self, kept: Kept, hour: datetime) -> str:
        name, version = self.spec.model.name, self.spec.model.version
        return f"{model_folder(self.root, kept, self.spec.namespace, name, version)}/{hour_folder(hour)}"
