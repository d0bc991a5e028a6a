"""Counting all rows of a table, on all cores, with a few batches in memory at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from os import cpu_count
from typing import TypeVar

import pyarrow as pa
from threadpoolctl import threadpool_limits

from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Role
from pegel.detect.repeated_rows import RepeatedRows
from pegel.notebook import table_reading
from pegel.notebook.running_numbers import RunningNumbers
from pegel.stats.layout import Layout
from pegel.stats.segment_counts import SegmentCounts
from pegel.stats.segments import Segments
from pegel.stats.summary import Summary

AHEAD = 1
"""Batches read ahead of counting."""
ALONE = 10_000
"""Rows for which threads would cost more than they save."""
Counted = TypeVar("Counted")


def summarise(
    table: table_reading.Table,
    layout: Layout,
    *,
    exact: bool = False,
    repeated: RepeatedRows | None = None,
    running: RunningNumbers | None = None,
    segments: SegmentCounts | None = None,
    progress: table_reading.Progress = table_reading.silent,
) -> Summary:
    """Count all rows of a table, on all cores.

    With `repeated`, count also how often each row of features stands there; `running` is shown the rows in their order;
    the rows are added to `segments`.
    """
    wanted = Segments() if segments is None else segments.segments
    roles = [(role, layout.schema.of_role(role)) for role in layout.schema.roles]

    def count(batch: pa.RecordBatch) -> tuple[Summary, SegmentCounts]:
        part, parts = Summary.empty(layout, exact=exact), SegmentCounts(layout, wanted)
        by_role = {role: columns_of(fields, batch) for role, fields in roles}
        codes = wanted.rows(layout, by_role[Role.FEATURE]) if Role.FEATURE in by_role else []
        for role, columns in by_role.items():
            part.update(columns, role)
            parts.update(columns, role, codes)
            if repeated is not None and role is Role.FEATURE:
                repeated.add(columns.n, columns.numeric.T, columns.categorical)
        return part, parts

    batches = table.batches([field.name for field in layout.schema.fields])
    if running is not None:
        batches = map(running.look, batches)
    whole, done = Summary.empty(layout, exact=exact), 0
    with ExitStack() as stack:
        parts = map(count, batches) if table.rows <= ALONE else _mapped(_workers(stack), count, batches)
        for part, of_segments in parts:
            whole.merge(part)
            if segments is not None:
                segments.merge(of_segments)
            done += part.most_rows
            progress(done / max(1, table.rows))
    return whole


def _workers(stack: ExitStack) -> ThreadPoolExecutor:
    """Return threads whose matrix products take no threads of their own, which would only wait for each other."""
    stack.enter_context(threadpool_limits(1, user_api="blas"))
    return stack.enter_context(ThreadPoolExecutor(cpu_count()))


def _mapped(
    pool: ThreadPoolExecutor, count: Callable[[pa.RecordBatch], Counted], batches: Iterator[pa.RecordBatch]
) -> Iterator[Counted]:
    """Map in order with only a few batches read ahead, so that a file larger than memory does not fill it."""
    waiting: deque[Future[Counted]] = deque()
    for batch in batches:
        waiting.append(pool.submit(count, batch))
        if len(waiting) > AHEAD + (cpu_count() or 1):
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
