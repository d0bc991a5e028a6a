"""Rows of a table counted window by window, by the code that counts those of events; counts of parts add up.

::

    rows of a task      |. . ..|.  . .|  ..|      each in the window of its time, whatever their order
    packed by a task    [w1    )[w2   )[w3 )      for the whole and for each segment
    merged              [w1           )[w3 )      of all tasks
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import orjson
import pyarrow as pa

from pegel.archive.prepared_rows import ROW_ID, TIME_US
from pegel.baseline.baseline import Baseline
from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Columns, Role
from pegel.data.private_fields import PrivateFields
from pegel.stats.segment_counts import SegmentCounts
from pegel.stats.summary import Summary
from pegel.stream.counting_plan import load_baseline
from pegel.stream.outlying import MAX_OUTLIERS, outlying_rows
from pegel.stream.partial import OutlyingEvent

COUNTED: Final = pa.schema(
    [
        ("window_us", pa.int64()),
        # Of the whole: the empty text.
        ("segment", pa.string()),
        ("rows", pa.int64()),
        ("summary", pa.binary()),
        ("outliers", pa.binary()),
    ]
)


@dataclass(frozen=True, slots=True)
class TablePlan:
    """How rows are counted: by which baseline, in windows of which length in microseconds, and what is private."""

    baseline_id: str
    document: bytes
    length_us: int
    private: PrivateFields


@dataclass(slots=True)
class CountedWindow:
    """What was counted in one window: `rows`, the whole, and what lies in segments. `outliers`: the highest scores."""

    summary: Summary
    segments: SegmentCounts
    rows: int = 0
    outliers: list[OutlyingEvent] = field(default_factory=list)

    @classmethod
    def none(cls, baseline: Baseline) -> CountedWindow:
        """Return the counts of no rows."""
        return cls(Summary.empty(baseline.layout), SegmentCounts(baseline.layout, baseline.segments.segments))


class TableCounting:
    """Counts the rows of one task."""

    def __init__(self, plan: TablePlan) -> None:
        """Begin with no rows."""
        self._plan = plan
        self._loaded = load_baseline(plan.baseline_id, plan.document)
        self.windows: dict[int, CountedWindow] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Count rows, which have their fields by name, and beside them `TIME_US` and `ROW_ID`."""
        schema = self._loaded.baseline.layout.schema
        columns = {
            role: columns_of(schema.of_role(role), batch)
            for role in (Role.FEATURE, Role.PREDICTION)
            if schema.of_role(role)
        }
        times = batch.column(TIME_US).to_numpy()
        ids = batch.column(ROW_ID)
        starts = times - times % self._plan.length_us
        for start in np.unique(starts).tolist():
            places = np.flatnonzero(starts == start)
            self._count({role: rows.take(places) for role, rows in columns.items()}, start, ids, times, places)

    def _count(
        self,
        columns: Mapping[Role, Columns],
        start: int,
        ids: pa.Array,
        times: np.ndarray[tuple[int], np.dtype[np.int64]],
        places: np.ndarray[tuple[int], np.dtype[np.intp]],
    ) -> None:
        baseline, private = self._loaded.baseline, self._plan.private
        window = self.windows.setdefault(start, CountedWindow.none(baseline))
        window.rows += int(places.size)
        features = columns.get(Role.FEATURE)
        codes = [] if features is None else baseline.segments.segments.rows(baseline.layout, features)
        for role, rows in columns.items():
            window.summary.update(rows, role)
            window.segments.update(rows, role, codes)
        window.summary.blur(private.ways)
        if features is None:
            return

        def tell(row: int) -> tuple[str, int, int, None]:
            at = int(places[row])
            return str(ids[at].as_py()), 0, int(times[at]), None

        scored = outlying_rows(self._loaded, features, tell, private)
        window.summary.n_scored += scored.scored
        window.summary.n_outliers += scored.outlying
        window.outliers = _worst([*window.outliers, *scored.worst])

    def packed(self) -> Iterator[pa.RecordBatch]:
        """Yield what was counted, as `COUNTED`, one batch a window."""
        for start, window in self.windows.items():
            parts = {"": window.summary.to_bytes(), **window.segments.to_bytes()}
            told = orjson.dumps([one.to_json() for one in window.outliers])
            many = len(parts) - 1
            yield pa.RecordBatch.from_arrays(
                [
                    pa.array([start] * (many + 1), pa.int64()),
                    pa.array(list(parts), pa.string()),
                    pa.array([window.rows] + [0] * many, pa.int64()),
                    pa.array(list(parts.values()), pa.binary()),
                    pa.array([told] + [b""] * many, pa.binary()),
                ],
                schema=COUNTED,
            )


def merged(parts: pa.Table, baseline: Baseline) -> dict[int, CountedWindow]:
    """Return by begin of the window what all tasks counted, of `COUNTED`."""
    windows: dict[int, CountedWindow] = {}
    for part in parts.to_pylist():
        window = windows.setdefault(part["window_us"], CountedWindow.none(baseline))
        summary = Summary.from_bytes(part["summary"], baseline.layout)
        if part["segment"]:
            own = {part["segment"]: summary}
            window.segments.merge(SegmentCounts(baseline.layout, baseline.segments.segments, own))
            continue
        window.rows += part["rows"]
        window.summary.merge(summary)
        window.outliers = _worst([*window.outliers, *map(OutlyingEvent.from_json, orjson.loads(part["outliers"]))])
    return windows


def _worst(outliers: list[OutlyingEvent]) -> list[OutlyingEvent]:
    return sorted(outliers, key=lambda one: (-one.score, one.event_id))[:MAX_OUTLIERS]
