"""Every row of a table, counted in the cells of a layout."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame

from pegel.data.arrow_columns import columns_of
from pegel.stats.layout import Layout
from pegel.stats.seasons import Seasons
from pegel.stats.summary import Summary
from pegel_spark.timed_rows import by_season


def summarise(frame: DataFrame, layout: Layout, seasons: Seasons | None = None) -> Summary:
    """Count every row of a table in the cells of a layout, with exact sums; by season, if asked to."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        summary = Summary.empty(layout, exact=True)
        for batch in batches:
            for role in layout.schema.roles:
                for season, rows in by_season(batch, columns_of(layout.schema.of_role(role), batch), seasons):
                    summary.update(rows, role, season)
        yield pa.RecordBatch.from_pydict({"data": [summary.to_bytes()]})

    packed = frame.mapInArrow(run, "data binary").toArrow().column("data").to_pylist()
    return reduce(_merged, (Summary.from_bytes(data, layout) for data in packed), Summary.empty(layout, exact=True))


def _merged(total: Summary, part: Summary) -> Summary:
    total.merge(part)
    return total
