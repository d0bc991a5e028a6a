"""From events to rows on the workers: decoded by the code that counts them, requests and answers side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql.types import StructType

from pegel.archive.erased import NOBODY, Erased
from pegel.archive.folders import HOUR
from pegel.archive.half_rows import RowMaking
from pegel.archive.joined_rows import joined
from pegel.archive.row_columns import ANSWERED_AT, EVENT_ID, EVENT_TIME, INSTANT
from pegel.data.instants import MICROSECOND

HOUR_US = "hour_us"
"""Column of the hour in which a row is kept, in microseconds since the epoch."""
PROBLEM, BODY, IS_ANSWER = "problem", "body", "is_answer"
UNREADABLE = pa.schema(
    [
        (EVENT_ID, pa.string()),
        (EVENT_TIME, INSTANT),
        (IS_ANSWER, pa.bool_()),
        (PROBLEM, pa.string()),
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        (BODY, pa.binary()),
    ]
)
"""What is kept of an event that nobody could read: why, and its body where no field is private."""
EVENTS_AT_ONCE, BYTES_AT_ONCE = 5_000, 8 * 1024 * 1024
"""Events whose rows are made at once, and their bytes: bounds memory, whatever a body's size. Decoded, the values of a
body take some ten times its bytes."""
_HOUR_US = HOUR // MICROSECOND


@dataclass(frozen=True, slots=True)
class RowPlan:
    """How the events of one model become rows. `step_us`: how long a pane of its windows is; `erased`: who has none."""

    making: RowMaking
    step_us: int
    erased: Erased = NOBODY

    @property
    def rows(self) -> pa.Schema:
        """Return the columns of rows, with their hour, and with what unreadable events have beside them."""
        return pa.schema([*self.making.columns, (HOUR_US, pa.int64()), *_FURTHER])

    def rows_of(self, events: pa.Table) -> pa.Table:
        """Return the rows of events, all of an id or none, and of unreadable ones a row that says why."""
        is_answer = events.column("is_answer")
        asked, answered = events.filter(pc.invert(is_answer)), events.filter(is_answer)
        requests, wrong_requests = self.making.requests(asked)
        answers, wrong_answers = self.making.answers(answered)
        rows = joined([requests, answers], self.making.columns, self.step_us)
        gone = self.erased.mask(rows)
        erased_ids = rows.column(EVENT_ID).filter(pa.array(gone)).unique()
        rows = rows.filter(pa.array(~gone))
        rows = rows.append_column(HOUR_US, _hours(rows))
        unreadable = [self._unreadable(asked, wrong_requests), self._unreadable(answered, wrong_answers)]
        unreadable = [self._of_others(part, erased_ids) for part in unreadable]
        parts = [_filled(part, self.rows) for part in (rows, *unreadable) if part.num_rows]
        return pa.concat_tables(parts) if parts else self.rows.empty_table()

    def _of_others(self, unreadable: pa.Table, erased_ids: pa.Array) -> pa.Table:
        """Return unreadable events without erased ones, and without those whose other half is an erased subject's."""
        named = pc.is_in(unreadable.column(EVENT_ID), value_set=erased_ids).to_numpy()
        return unreadable.filter(pa.array(~(named | self.erased.event_mask(unreadable))))

    def _unreadable(self, events: pa.Table, problems: dict[int, str]) -> pa.Table:
        own = events.take(pa.array(sorted(problems), pa.int64()))
        time_us = own.column("time_us")
        bodies = [self.making.private.body(body) for body in own.column("body").to_pylist()]
        columns = {
            EVENT_ID: own.column("event_id"),
            EVENT_TIME: time_us.cast(pa.timestamp("us")).cast(INSTANT),
            IS_ANSWER: own.column("is_answer"),
            PROBLEM: pa.array([problems[at] for at in sorted(problems)], pa.string()),
            **{name: own.column(name) for name in ("topic", "partition", "offset")},
            BODY: pa.array(bodies, pa.binary()),
            HOUR_US: pc.subtract(time_us, pa.array(time_us.to_numpy() % _HOUR_US)),
        }
        return pa.table(columns)


_FURTHER = (UNREADABLE.field(IS_ANSWER), UNREADABLE.field(PROBLEM), UNREADABLE.field(BODY))


def rows_table(events: DataFrame, plan: RowPlan, schema: StructType) -> DataFrame:
    """Return the rows of one model's events, which come as `pegel_spark.archive_events` orders them."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for events_of_ids in whole_ids(batches):
            yield from plan.rows_of(events_of_ids).to_batches()

    return events.mapInArrow(run, schema)


def whole_ids(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield ordered events so that those of one id are in one table."""
    waiting: pa.Table | None = None
    for batch in (piece for whole in batches for piece in _pieces(whole)):
        events = pa.Table.from_batches([batch])
        waiting = events if waiting is None else pa.concat_tables([waiting, events])
        if waiting.num_rows < EVENTS_AT_ONCE and waiting.nbytes < BYTES_AT_ONCE:
            continue
        last = waiting.column(EVENT_ID)[-1]
        whole = int(pc.sum(pc.not_equal(waiting.column(EVENT_ID), last)).as_py() or 0)
        if whole:
            yield waiting.slice(0, whole).combine_chunks()
            waiting = waiting.slice(whole)
    if waiting is not None and waiting.num_rows:
        yield waiting.combine_chunks()


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield a batch in parts of at most BYTES_AT_ONCE, or of one row: Spark bounds its batches by rows alone."""
    if batch.nbytes <= BYTES_AT_ONCE or batch.num_rows <= 1:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _pieces(batch.slice(0, half))
    yield from _pieces(batch.slice(half))


def _hours(rows: pa.Table) -> pa.Array:
    times = pc.coalesce(rows.column(EVENT_TIME), rows.column(ANSWERED_AT)).cast(pa.int64()).to_numpy()
    return pa.array(times - times % _HOUR_US, pa.int64()) if len(times) else pa.array(np.empty(0, dtype=np.int64))


def _filled(part: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table with all columns of a schema, null where it has none."""
    columns = [
        part.column(column.name).cast(column.type)
        if column.name in part.schema.names
        else pa.nulls(part.num_rows, column.type)
        for column in schema
    ]
    return pa.table(columns, schema=schema)


def joined_again(rows: DataFrame, plan: RowPlan) -> DataFrame:
    """Return rows that were archived together with more of them, joined and each once."""
    making, step_us, names = plan.making, plan.step_us, rows.columns

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for rows_of_ids in whole_ids(batches):
            yield from joined([rows_of_ids], making.columns, step_us).select(names).to_batches()

    ordered = rows.repartition(EVENT_ID).sortWithinPartitions(EVENT_ID)
    return ordered.mapInArrow(run, rows.schema)
