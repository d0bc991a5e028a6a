"""Labels put beside the rows that they are about: by event and row, or by entity and time within a tolerance.

::

    horizon              |<------------------------------>|
    event and row   -----e-------1st label----correction--|--too late--->
                                                          event time + horizon

By entity, a row takes the nearest label in time; of several about the same, the current one, see `folding`. A label
that came too late for a row changes nothing about it, so figures are final once the horizon has passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pegel.labels.folding import Turn, turns
from pegel.labels.label_arrays import Integers, LabelArrays, Objects

MOST_PAIRS = 1 << 21
"""Pairs of a row and a label that are looked at together: some hundred bytes each."""
NONE = -1
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class RowKeys:
    """What rows are about, arrays of shape (rows,).

    `key`: the id of the event or the key of the entity, None where a row names none. `place`: the number of the row in
    its event, or the time of the event. `event_us`: that time, microseconds since 1970, UTC.
    """

    key: Objects
    place: Integers
    event_us: Integers


@dataclass(frozen=True, slots=True, eq=False)
class JoinedLabels:
    """What was found of each row, and of each label.

    `chosen`: the position of a row's label, -1 without. `first_us`: when the first of its labels came, -1 without.
    `late`, `copies`, `corrections`, `outdated`: labels of the row by what they were when they came. `is_matched`: of
    each label, whether any of the rows is what it is about.
    """

    chosen: Integers
    first_us: Integers
    late: Integers
    copies: Integers
    corrections: Integers
    outdated: Integers
    is_matched: NDArray[np.bool_]


def join(rows: RowKeys, labels: LabelArrays, *, horizon_us: int, tolerance_us: int = 0) -> JoinedLabels:
    """Find the label of each row. `tolerance_us`: how far places may be apart, 0 for rows of events.

    Labels are to be `distinct`. The order of neither rows nor labels matters.
    """
    count = len(rows.key)
    joined = JoinedLabels(
        chosen=np.full(count, NONE, dtype=np.int64),
        first_us=np.full(count, NONE, dtype=np.int64),
        late=np.zeros(count, dtype=np.int64),
        copies=np.zeros(count, dtype=np.int64),
        corrections=np.zeros(count, dtype=np.int64),
        outdated=np.zeros(count, dtype=np.int64),
        is_matched=np.zeros(len(labels), dtype=np.bool_),
    )
    if not count or not len(labels):
        return joined
    row_code, label_code = _codes(rows.key, labels.key)
    arrival = np.empty(len(labels), dtype=np.int64)
    arrival[labels.arrival_order()] = np.arange(len(labels))
    order = np.lexsort((arrival, labels.at_us, labels.place, label_code))
    subject = _subjects(label_code[order], labels.place[order])
    found = _Candidates(
        order,
        subject,
        turns(labels.take(order), subject),
        rows.event_us + horizon_us,
        *_ranges(row_code, rows.place, label_code[order], labels.place[order], tolerance_us),
    )
    for some in _chunks(found.end - found.start):
        _join_some(some, found, rows, labels, joined)
    return joined


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    """Labels in the order of what they are about, the current one last, and which of them may be each row's.

    `order`: their positions. `subject`, `turn`: of each in that order. `due_us`: of each row, until when labels may
    come. `start`, `end`: of each row, places in the order.
    """

    order: Integers
    subject: Integers
    turn: NDArray[np.int8]
    due_us: Integers
    start: Integers
    end: Integers


def _codes(rows: Objects, labels: Objects) -> tuple[Integers, Integers]:
    """Return one number for each key, equal where keys are equal; -1 for a row without a key."""
    both = pa.concat_arrays([pa.array(labels, pa.string()), pa.array(rows, pa.string())])
    codes = both.dictionary_encode().indices.fill_null(NONE).to_numpy().astype(np.int64)
    return codes[len(labels) :], codes[: len(labels)]


def _subjects(code: Integers, place: Integers) -> Integers:
    """Return the number of what each label is about; labels are sorted by it."""
    changes = np.zeros(len(code), dtype=np.int64)
    changes[1:] = (np.diff(code) != 0) | (np.diff(place) != 0)
    return np.cumsum(changes)


def _ranges(
    row_code: Integers, row_place: Integers, label_code: Integers, label_place: Integers, tolerance: int
) -> tuple[Integers, Integers]:
    """Return where in the sorted labels those begin and end that may be a row's."""
    places = np.unique(label_place)
    width = len(places) + 1
    sorted_by = label_code * width + np.searchsorted(places, label_place)
    least = row_code * width + np.searchsorted(places, row_place - tolerance, side="left")
    beyond = row_code * width + np.searchsorted(places, row_place + tolerance, side="right")
    start = np.searchsorted(sorted_by, least, side="left")
    end = np.searchsorted(sorted_by, beyond, side="left")
    nobody = row_code == NONE
    return np.where(nobody, 0, start), np.where(nobody, 0, end)


def _chunks(pairs: Integers) -> Iterator[Integers]:
    """Cut the rows that have candidates into runs of not too many pairs."""
    (rows,) = np.nonzero(pairs)
    run = np.cumsum(pairs[rows]) // MOST_PAIRS
    for some in np.split(rows, np.nonzero(np.diff(run))[0] + 1):
        if some.size:
            yield some


def _join_some(some: Integers, found: _Candidates, rows: RowKeys, labels: LabelArrays, joined: JoinedLabels) -> None:
    """Look at all pairs of some rows and their candidates."""
    sizes = found.end[some] - found.start[some]
    row = np.repeat(some, sizes)
    at = np.arange(sizes.sum()) + np.repeat(found.start[some] - np.cumsum(sizes) + sizes, sizes)
    label = found.order[at]
    joined.is_matched[label] = True
    in_time = labels.arrived_us[label] <= found.due_us[row]
    np.add.at(joined.late, row[~in_time], 1)
    row, at, label = row[in_time], at[in_time], label[in_time]
    distance = np.abs(labels.place[label] - rows.place[row])
    best = np.lexsort((-at, found.subject[at], distance, row))
    winner = best[np.diff(row[best], prepend=NONE) != 0]
    joined.chosen[row[winner]] = label[winner]
    taken = np.full(len(rows.key), NONE, dtype=np.int64)
    taken[row[winner]] = found.subject[at[winner]]
    # What is left are the labels of one subject for each row.
    chosen = taken[row] == found.subject[at]
    row, at, label = row[chosen], at[chosen], label[chosen]
    joined.first_us[row] = NEVER
    np.minimum.at(joined.first_us, row, labels.arrived_us[label])
    for kind, counts in (
        (Turn.COPY, joined.copies),
        (Turn.CORRECTION, joined.corrections),
        (Turn.OUTDATED, joined.outdated),
    ):
        np.add.at(counts, row[found.turn[at] == kind], 1)
