"""Every row of a table, counted in the cells of a layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame

from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Role
from pegel.stats.layout import Layout
from pegel.stats.seasons import Seasons
from pegel.stats.segment_counts import SegmentCounts
from pegel.stats.segments import Segments
from pegel.stats.summary import Summary
from pegel_spark.timed_rows import by_season

WHOLE = ""
"""Stands where a segment's text stands: all rows."""


@dataclass(frozen=True, slots=True)
class CountedRows:
    """All rows of a table, with exact sums, and the same rows by segment."""

    whole: Summary
    segments: SegmentCounts

    @classmethod
    def none(cls, layout: Layout, segments: Segments) -> CountedRows:
        """Return the counts of no rows."""
        return cls(Summary.empty(layout, exact=True), SegmentCounts(layout, segments))

    def add(self, batch: pa.RecordBatch, seasons: Seasons | None) -> None:
        """Count the rows of a batch."""
        layout = self.whole.layout
        columns = {role: columns_of(layout.schema.of_role(role), batch) for role in layout.schema.roles}
        features = columns.get(Role.FEATURE)
        codes = [] if features is None else self.segments.segments.rows(layout, features)
        for season, chosen in by_season(batch, seasons):
            own = codes if chosen is None else [one[chosen] for one in codes]
            for role, rows in columns.items():
                of_season = rows if chosen is None else rows.take(chosen)
                self.whole.update(of_season, role, season)
                self.segments.update(of_season, role, own, season)

    def merge(self, segment: str, packed: bytes) -> None:
        """Add what another part of the table counted, of the whole or of one segment."""
        part = Summary.from_bytes(packed, self.whole.layout)
        if segment == WHOLE:
            self.whole.merge(part)
        else:
            self.segments.merge(SegmentCounts(self.whole.layout, self.segments.segments, {segment: part}))

    @property
    def packed(self) -> dict[str, bytes]:
        """Return everything counted, by segment."""
        return {WHOLE: self.whole.to_bytes()} | self.segments.to_bytes()


def summarise(
    frame: DataFrame, layout: Layout, seasons: Seasons | None = None, segments: Segments | None = None
) -> CountedRows:
    """Count every row of a table in the cells of a layout, with exact sums; by season and by segment, if asked to."""
    wanted = segments or Segments()

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        counted = CountedRows.none(layout, wanted)
        for batch in batches:
            counted.add(batch, seasons)
        packed = counted.packed
        yield pa.RecordBatch.from_pydict({"segment": list(packed), "data": list(packed.values())})

    total = CountedRows.none(layout, wanted)
    rows = frame.mapInArrow(run, "segment string, data binary").toArrow()
    for segment, data in zip(rows.column("segment").to_pylist(), rows.column("data").to_pylist(), strict=True):
        total.merge(segment, data)
    return total
