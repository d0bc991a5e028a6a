"""Training data with times: in which order its rows happened, and in which season."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from pegel.data.columns import Schema
from pegel.detect.noise_assessment import RowTimes, assess, with_repeats
from pegel.errors import InvalidSpec
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.layout import Layout
from pegel.stats.noise import Noise
from pegel.stats.seasons import Seasons
from pegel_spark.large_table import LargeTable
from pegel_spark.training_columns import AT_ONCE, TrainingColumns, check

INSTANT = "__pegel_instant_us"
"""Column that holds the time of a row, microseconds since 1970 in UTC."""


@dataclass(frozen=True, slots=True)
class Timed:
    """The columns that are measured, with the time of each row if the wish names the column that holds it.

    `left_out`: rows without a time.
    """

    frame: DataFrame
    spec: MonitorSpec
    left_out: int = 0

    @classmethod
    def of(cls, frame: DataFrame, schema: Schema, spec: MonitorSpec) -> Timed:
        """Choose the measured columns.

        Raises InvalidSpec when columns are absent or of a wrong type.
        """
        check(frame, schema)
        chosen = [sf.col(f"`{field.name}`") for field in schema.fields]
        column = spec.baseline.time_column
        if column is None:
            return cls(frame.select(*chosen), spec)
        kind = dict(frame.dtypes).get(column)
        if kind not in {"timestamp", "timestamp_ntz", "date"}:
            raise InvalidSpec(
                f"baseline.time_column: expected a column of times, given {column}, "
                f"{'which is not there' if kind is None else 'which holds ' + kind}; no baseline was built."
            )
        instant = sf.unix_micros(sf.col(f"`{column}`").cast("timestamp")).alias(INSTANT)
        timed = frame.select(*chosen, instant)
        left_out = timed.where(sf.col(INSTANT).isNull()).count()
        return cls(timed.where(sf.col(INSTANT).isNotNull()), spec, left_out)

    @property
    def ordered(self) -> DataFrame:
        """Return the rows in order of time; rows of one instant in an order of their own, always the same."""
        if self.spec.baseline.time_column is None:
            return self.frame
        return self.frame.orderBy(INSTANT, *(name for name in self.frame.columns if name != INSTANT))

    def columns(self, schema: Schema, *, at_once: int = AT_ONCE) -> TrainingColumns | LargeTable:
        """Return the rows as what layouts are made of: where they are many and in no order, in bounded memory.

        Rows in order of time are replayed, for which their columns are needed one after the other.
        """
        rows = self.frame.count()
        if self.spec.baseline.time_column is None and rows * len(schema.fields) > at_once:
            return LargeTable(self.frame, schema, rows)
        return TrainingColumns(self.ordered, schema, at_once=at_once)

    def noise(self, layout: Layout, values: TrainingColumns | LargeTable) -> Noise:
        """Return what clean windows of the training data do: where rows have times, and where rows are repeated."""
        return with_repeats(self._replayed(layout, values), layout, *values.repeats(layout))

    def _replayed(self, layout: Layout, values: TrainingColumns | LargeTable) -> Noise:
        if self.spec.baseline.time_column is None or isinstance(values, LargeTable):
            return Noise(why="not assessed: the spec names no `baseline.time_column`")
        length = self.spec.windowing.length
        row_times = RowTimes(self.instants(in_order=True), length, timedelta(hours=self.spec.baseline.utc_offset))
        found = assess(layout, values, self.spec.expected_rows, row_times)
        if not self.left_out:
            return found
        return replace(found, why=f"{found.why}; {self.left_out:,} rows without a time were left out of the baseline")

    def instants(self, *, in_order: bool = False) -> NDArray[np.int64]:
        """Return when each row happened, shape (rows,): those of rows in order of time, or in any."""
        column = (self.ordered if in_order else self.frame).select(INSTANT).toArrow().column(INSTANT)
        return np.asarray(column.to_numpy(), dtype=np.int64)


def by_season(batch: pa.RecordBatch, seasons: Seasons | None) -> Iterator[tuple[int | None, NDArray[np.bool_] | None]]:
    """Yield which rows of a batch are of each season; None, for all of them, where seasons are not told apart."""
    if seasons is None:
        yield None, None
        return
    instants = np.asarray(batch.column(INSTANT).to_numpy(zero_copy_only=False), dtype=np.int64)
    of_row = seasons.season_of(instants)
    for season in np.unique(of_row).tolist():
        yield season, of_row == season
