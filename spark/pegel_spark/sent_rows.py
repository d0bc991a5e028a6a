"""How rows of training were sent, learnt in one more pass over them where the spec asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from pegel.baseline.row_learning import LearntRows, RowLearning, RowWish
from pegel.baseline.row_reference import RowReference
from pegel.baseline.session_blocks import SessionBlocks
from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Role
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel_spark.timed_rows import INSTANT, Timed


def row_reference(timed: Timed, counted: Summary, spec: MonitorSpec) -> RowReference | None:
    """Return what rows are compared with to see how they are sent; None where the spec does not ask for it.

    Args:
        timed: The rows of training.
        counted: All of them, in the cells of the baseline.
        spec: What is asked for.
    """
    asked = spec.adversarial
    wish = RowWish(asked.off_grid, asked.combinations, asked.probing)
    if not wish.is_any:
        return None
    has_times = spec.baseline.time_column is not None
    learning = RowLearning(counted, wish)
    if learning.needs_blocks and has_times:
        learning = replace(learning, blocks=SessionBlocks.of(timed.instants(), spec.expected_rows))
    fields = counted.layout.schema.of_role(Role.FEATURE)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        whole: LearntRows | None = None
        for batch in batches:
            instants = None
            if has_times:
                instants = np.asarray(batch.column(INSTANT).to_numpy(zero_copy_only=False), dtype=np.int64)
            part = learning.of_rows(columns_of(fields, batch), instants)
            whole = part if whole is None else learning.total([whole, part])
        if whole is not None:
            yield pa.RecordBatch.from_pydict({"data": pa.array([whole.to_bytes()], type=pa.binary())})

    parts = timed.frame.mapInArrow(run, "data binary").toArrow().column("data").to_pylist()
    learnt = learning.total(map(LearntRows.from_bytes, parts))
    return learning.reference(
        learnt,
        window_rows=spec.expected_rows,
        timed=has_times,
        time_like=spec.baseline.time_column or "",
    )
