"""Answered rows of one model version beside their labels, as arrays: what performance is counted of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pegel.labels.joining import NONE, JoinedLabels, RowKeys
from pegel.labels.label_arrays import Integers, LabelArrays, Objects
from pegel.stats.labelled_rows import LabelledRows


@dataclass(frozen=True, slots=True, eq=False)
class AnsweredRows:
    """What the model answered, arrays of shape (rows,) in any order.

    `predicted`: texts or None of a classifier, float64 or NaN of a regressor. `score`: of the class `1`, if there is
    one. `segments`: for each segmenting column the segment of each row. `event_id` and `row` order rows of one instant.
    """

    keys: RowKeys
    event_id: Objects
    row: Integers
    predicted: Objects | NDArray[np.float64]
    score: NDArray[np.float64] | None = None
    segments: Sequence[Objects] = ()


def labelled(rows: AnsweredRows, labels: LabelArrays, joined: JoinedLabels) -> LabelledRows:
    """Return the rows with the label that was found for each."""
    has_label = joined.chosen != NONE
    event_time = rows.keys.event_us.astype("datetime64[us]")
    arrived_at = np.where(has_label, joined.first_us, np.iinfo(np.int64).min).astype("datetime64[us]")
    row = rows.row.astype(np.int32)
    if rows.predicted.dtype == np.object_:
        outcome = np.full(len(has_label), None, dtype=object)
        outcome[has_label] = labels.category[joined.chosen[has_label]]
        return LabelledRows.of_classes(
            rows.predicted.astype(np.object_),
            outcome,
            event_time=event_time,
            arrived_at=arrived_at,
            score=rows.score,
            segments=rows.segments,
            event_id=rows.event_id,
            row=row,
        )
    number = np.full(len(has_label), np.nan)
    number[has_label] = labels.number[joined.chosen[has_label]]
    return LabelledRows.of_numbers(
        rows.predicted.astype(np.float64),
        number,
        event_time=event_time,
        arrived_at=arrived_at,
        segments=rows.segments,
        event_id=rows.event_id,
        row=row,
    )
