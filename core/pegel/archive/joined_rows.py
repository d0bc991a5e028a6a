"""Rows of requests with those of their answers beside them, each once: the one rule by which archived rows come about.

Copies of an event, of one id in one pane of its model's windows, are folded as the stream folds them: the one that lies
first on the topic stays. Of events with one id the first request is answered by the first response, the second by the
second. An answer with more or fewer rows than its request, or more than `LONGEST_ANSWER` away from it, has rows of its
own: nobody knows which row each of them belongs to, and none is lost.

What was joined can be taken apart and joined again with more, so it does not matter in how many goes events come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pegel.archive.folders import LONGEST_ANSWER
from pegel.archive.row_columns import (
    ANSWER_OFFSET,
    ANSWER_PARTITION,
    ANSWERED_AT,
    EVENT_ID,
    EVENT_TIME,
    LATENCY,
    OFFSET,
    PARTITION,
    REPLACED,
    ROW,
    TOPIC,
    UNPARSEABLE,
    is_of_answers,
    together,
)
from pegel.data.instants import MICROSECOND

Places = NDArray[np.int64]
_SHARED = (EVENT_ID, ROW, TOPIC, REPLACED)
_REACH_US = LONGEST_ANSWER // MICROSECOND
_MILLISECOND_US = 1_000.0


def joined(parts: Sequence[pa.Table], columns: pa.Schema, step_us: int) -> pa.Table:
    """Return the rows of some tables, each of requests, of answers, or of both, joined and each once.

    `columns`: what the rows have; `step_us`: how long a pane is. Columns that others have stay, see `together`.
    """
    schema = together([columns, *(part.schema for part in parts)])
    rows = pa.concat_tables([_completed(part, schema) for part in parts]) if parts else schema.empty_table()
    rows = rows.combine_chunks()
    codes = _codes(rows.column(EVENT_ID))
    requests = _events(rows, codes, (EVENT_TIME, PARTITION, OFFSET), step_us)
    answers = _events(rows, codes, (ANSWERED_AT, ANSWER_PARTITION, ANSWER_OFFSET), step_us)
    answer_of = _matched(requests, answers)
    return _beside(rows, requests, answers, answer_of)


@dataclass(frozen=True, slots=True)
class _Events:
    """Events of one kind, ordered by id and time. All arrays but `rows` have one length.

    `rows`: where their rows stand, one event after the other, `counts` of each. `codes`: a number for each id. `ranks`:
    the how manieth with its id it is.
    """

    rows: Places
    counts: Places
    codes: Places
    times: Places
    ranks: Places

    @property
    def starts(self) -> Places:
        """Return where in `rows` each begins."""
        return np.cumsum(self.counts) - self.counts


def _completed(part: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table with all columns, null where it has none."""
    columns = []
    for wanted in schema:
        place = part.schema.get_field_index(wanted.name)
        columns.append(pa.nulls(part.num_rows, wanted.type) if place < 0 else part.column(place).cast(wanted.type))
    return pa.table(columns, schema=schema)


def _codes(ids: pa.ChunkedArray) -> Places:
    return np.asarray(ids.combine_chunks().dictionary_encode().indices, dtype=np.int64)


def _events(rows: pa.Table, codes: Places, names: tuple[str, str, str], step_us: int) -> _Events:
    """Return the events of one kind among rows, of copies the first."""
    time, partition, offset = names
    has = np.flatnonzero(pc.is_valid(rows.column(offset)).to_numpy())
    times = rows.column(time).cast(pa.int64()).fill_null(0).to_numpy()[has]
    partitions, offsets = (rows.column(name).fill_null(0).to_numpy()[has] for name in (partition, offset))
    index, own = rows.column(ROW).to_numpy()[has], codes[has]
    panes = times - times % step_us
    order = np.lexsort((index, offsets, partitions, panes, own))
    keys = np.stack([own, panes, partitions, offsets], axis=1)[order]
    index, rows_there = index[order], has[order]
    # The same row of the same event, archived in an earlier go.
    again = np.zeros(order.size, dtype=np.bool_)
    again[1:] = (keys[1:] == keys[:-1]).all(axis=1) & (index[1:] == index[:-1])
    keys, times, rows_there = keys[~again], times[order][~again], rows_there[~again]
    begins = _changes(keys)
    counts = np.diff(np.append(begins, keys.shape[0]))
    first = np.zeros(begins.size, dtype=np.bool_)
    first[_changes(keys[begins][:, :2])] = True
    kept = np.repeat(first, counts)
    own, times = keys[begins][first, 0], times[begins][first]
    return _Events(rows_there[kept], counts[first], own, times, _ranks(own))


def _changes(values: NDArray[np.int64]) -> Places:
    """Return where in an ordered array something else begins."""
    if not len(values):
        return np.empty(0, dtype=np.int64)
    differ = (values[1:] != values[:-1]).any(axis=1)
    return np.concatenate([[0], np.flatnonzero(differ) + 1])


def _ranks(codes: Places) -> Places:
    begins = _changes(codes[:, None])
    counts = np.diff(np.append(begins, codes.size))
    return np.arange(codes.size) - np.repeat(begins, counts)


def _matched(requests: _Events, answers: _Events) -> Places:
    """Return of each request which answer it has, -1 for none."""
    wide = int(max(requests.ranks.max(initial=0), answers.ranks.max(initial=0))) + 1
    asked, answered = requests.codes * wide + requests.ranks, answers.codes * wide + answers.ranks
    places = np.searchsorted(answered, asked)
    inside = places < answered.size
    found = np.full(asked.size, -1, dtype=np.int64)
    hit = np.flatnonzero(inside)[answered[places[inside]] == asked[inside]]
    fits = answers.counts[places[hit]] == requests.counts[hit]
    near = np.abs(answers.times[places[hit]] - requests.times[hit]) <= _REACH_US
    hit = hit[fits & near]
    found[hit] = places[hit]
    return found


def _beside(rows: pa.Table, requests: _Events, answers: _Events, answer_of: Places) -> pa.Table:
    """Put the rows of answers beside those of their requests; those that belong to none follow."""
    has = np.flatnonzero(answer_of >= 0)
    alone = np.setdiff1d(np.arange(answers.counts.size), answer_of[has])
    asked = requests.rows.size
    beside = np.full(asked, -1, dtype=np.int64)
    beside[_spread(requests, has)] = answers.rows[_spread(answers, answer_of[has])]
    own = np.concatenate([requests.rows, np.full(int(answers.counts[alone].sum()), -1)])
    answered = np.concatenate([beside, answers.rows[_spread(answers, alone)]])
    of_request, of_answer = _places(own), _places(answered)
    of_either = pa.array(np.where(own >= 0, own, answered))
    columns = []
    for column in rows.schema:
        if column.name == UNPARSEABLE:
            columns.append(_both(rows.column(UNPARSEABLE), of_request, of_answer))
            continue
        which = of_either if column.name in _SHARED else of_answer if is_of_answers(column.name) else of_request
        columns.append(rows.column(column.name).take(which))
    table = pa.table(columns, schema=rows.schema)
    took = pc.subtract(table.column(ANSWERED_AT).cast(pa.int64()), table.column(EVENT_TIME).cast(pa.int64()))
    latency = pc.divide(took.cast(pa.float64()), _MILLISECOND_US)
    return table.set_column(table.schema.get_field_index(LATENCY), table.schema.field(LATENCY), latency)


def _spread(events: _Events, which: Places) -> Places:
    """Return where in `rows` those of some events stand, one after the other."""
    counts = events.counts[which]
    ends = np.cumsum(counts)
    within = np.arange(int(counts.sum())) - np.repeat(ends - counts, counts)
    return np.repeat(events.starts[which], counts) + within


def _places(which: Places) -> pa.Array:
    return pa.array(which, mask=which < 0)


def _both(odd: pa.ChunkedArray, of_request: pa.Array, of_answer: pa.Array) -> pa.Array:
    """Return of each row which values of its request and of its answer were not what their fields hold."""
    asked, answered = odd.take(of_request), odd.take(of_answer)
    if asked.null_count == len(asked) and answered.null_count == len(answered):
        return asked
    lists = [
        [name for name in one or () if not is_of_answers(name)] + [name for name in two or () if is_of_answers(name)]
        for one, two in zip(asked.to_pylist(), answered.to_pylist(), strict=True)
    ]
    return pa.chunked_array([pa.array([names or None for names in lists], odd.type)], odd.type)
