"""Hours of the archive, each written as a whole, behind a mark that says that all of it is there."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
from pegel.store.archive_store import ArchiveStore
from pegel_spark.archived_rows import read_together
from pegel_spark.hadoop_files import HadoopFiles

FILE_VALUES = 16_000_000
"""Values of one file, some 100 MB before they are compressed."""
BLOCK_BYTES = 16 * 1024 * 1024
"""Bytes of a row group: what is read at least of an hour, where its statistics let the others out."""


@dataclass(slots=True)
class ArchiveHours:
    """The hours of one model version, as one writer writes them. Raises Superseded once another writer has come.

    `number`: that of its newest write; each one has its own, so an hour that is written again keeps what it has until
    all of the new one is there. `files`: how many were written.
    """

    spark: SparkSession
    root: str
    spec: MonitorSpec
    store: ArchiveStore
    number: int
    files: int = 0
    _replaced: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, spark: SparkSession, root: str, spec: MonitorSpec, store: ArchiveStore) -> ArchiveHours:
        """Return those of a new writer: none that was there before it writes any more."""
        return cls(spark, root, spec, store, store.next_number(spec.model.name, spec.model.version))

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

        Raises Superseded; then nobody sees any of them. Whatever is raised, what was there stays.
        """
        files = HadoopFiles(self.spark, self.root)
        folder = self._folder(kept, hour)
        listed = files.files(folder)
        there = written_numbers(listed)
        # Above what lies there, too: a results database made anew knows nothing of the writes before it.
        self.number = self.store.next_number(*self._model, above=max(there, default=0), after=self.number)
        own = f"{folder}/{written_folder(self.number)}"
        # Without it Spark writes times that have no statistics, by which files are left out.
        self.spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        parts = max(1, math.ceil(count * len(rows.columns) / FILE_VALUES))
        ordered = rows.coalesce(parts).sortWithinPartitions("event_time")
        written = ordered.write.mode("errorifexists").option("parquet.block.size", str(BLOCK_BYTES))
        written.option("compression", "zstd").parquet(own)
        self.store.require_newest(*self._model, self.number)
        files.create_empty(f"{own}/{COMPLETE}")
        self.files += len([path for path in files.files(own) if path.endswith(".parquet")])
        read = {found.written for found in visible_hours(listed)}
        for number in there - read:
            # Of a killed writer, or replaced and not deleted since.
            files.delete(f"{folder}/{written_folder(number)}")
        # Read until the run ends, or writes the hour again: somebody may be at it.
        self._replaced += [f"{folder}/{written_folder(number)}" for number in read]

    def end(self) -> None:
        """Delete what was replaced; whoever read it meanwhile has read it."""
        files = HadoopFiles(self.spark, self.root)
        while self._replaced:
            files.delete(self._replaced[-1])
            self._replaced.pop()

    @property
    def _model(self) -> tuple[str, int]:
        return self.spec.model.name, self.spec.model.version

    def _folder(self, kept: Kept, hour: datetime) -> str:
        return f"{model_folder(self.root, kept, self.spec.namespace, *self._model)}/{hour_folder(hour)}"
