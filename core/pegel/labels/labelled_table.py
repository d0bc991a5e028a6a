"""Rows beside their labels as a table: made where rows and labels meet, read where performance is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from pegel.data.arrow_columns import categories, numbers
from pegel.labels.coverage import LabelCoverage
from pegel.labels.joining import NONE, RowKeys, join
from pegel.labels.label_arrays import LabelArrays, Objects
from pegel.stats.labelled_rows import LabelledRows

KEY, EVENT_US, EVENT_ID, ROW = "key", "event_us", "event_id", "row"
PREDICTED, SCORE = "predicted", "score"
OF_ROWS: Final = pa.schema(
    [
        (KEY, pa.string()),
        (EVENT_US, pa.int64()),
        (EVENT_ID, pa.string()),
        (ROW, pa.int32()),
        (PREDICTED, pa.string()),
        ("predicted_number", pa.float64()),
        (SCORE, pa.float64()),
    ]
)
"""Of answered rows before labels are looked for: what they are about, when, which row, and the answer as class and as
number."""
OF_LABELS: Final = pa.schema(
    [
        ("category", pa.string()),
        ("number", pa.float64()),
        ("first_us", pa.int64()),
        *((name, pa.int64()) for name in ("late", "copies", "corrections", "outdated")),
    ]
)
"""What is added to each row: its label, if there is one, when the first of its labels came, -1 without, and counts."""


@dataclass(frozen=True, slots=True)
class Matching:
    """How labels find rows: by entity within a tolerance, or else by the rows of events."""

    by_entity: bool
    horizon_us: int
    tolerance_us: int = 0


def with_labels(rows: pa.Table, labels: LabelArrays, how: Matching) -> pa.Table:
    """Return rows, which have the columns of `OF_ROWS` among others, with those of `OF_LABELS`."""
    event_us = rows.column(EVENT_US).to_numpy()
    place = event_us if how.by_entity else rows.column(ROW).to_numpy().astype(np.int64)
    keys = RowKeys(rows.column(KEY).to_numpy(), place, event_us)
    known = labels.distinct()
    found = join(keys, known, horizon_us=how.horizon_us, tolerance_us=how.tolerance_us)
    at, none = found.chosen, found.chosen == NONE
    category, number = np.full(len(at), None, dtype=object), np.full(len(at), np.nan)
    category[~none], number[~none] = known.category[at[~none]], known.number[at[~none]]
    columns = [category, number, found.first_us, found.late, found.copies, found.corrections, found.outdated]
    for field, column in zip(OF_LABELS, columns, strict=True):
        rows = rows.append_column(field, pa.array(column, field.type, from_pandas=True))
    return rows


def labelled_rows(table: pa.Table, *, classes: bool, has_score: bool, segments: Sequence[Objects] = ()) -> LabelledRows:
    """Return the rows of a classifier, or else of a regressor, with the labels that were found.

    `segments`: for each segmenting column the segment of each row, in the order of the table.
    """
    first_us = _numbers(table, "first_us")
    times: dict[str, Any] = {
        "event_time": _numbers(table, EVENT_US).astype("datetime64[us]"),
        "arrived_at": np.where(first_us == NONE, np.iinfo(np.int64).min, first_us).astype("datetime64[us]"),
        "segments": segments,
        "event_id": _objects(table, EVENT_ID),
        "row": _numbers(table, ROW).astype(np.int32),
    }
    if classes:
        score = _floats(table, SCORE) if has_score else None
        return LabelledRows.of_classes(_objects(table, PREDICTED), _objects(table, "category"), score=score, **times)
    return LabelledRows.of_numbers(_floats(table, "predicted_number"), _floats(table, "number"), **times)


def coverage(table: pa.Table) -> LabelCoverage:
    """Count the labels of rows."""
    first_us = _numbers(table, "first_us")
    has_label = first_us != NONE
    found = LabelCoverage(rows=table.num_rows, labelled=int(has_label.sum()))
    for name in ("late", "copies", "corrections", "outdated"):
        setattr(found, name, int(_numbers(table, name).sum()))
    found.delays.update((first_us[has_label] - _numbers(table, EVENT_US)[has_label]) // 1_000)
    return found


def answers(column: Any) -> tuple[pa.Array, pa.Array]:
    """Return a column of answers as classes and as numbers."""
    return pa.array(categories(column)[0], pa.string()), pa.array(numbers(column)[0], pa.float64(), from_pandas=True)


def _numbers(table: pa.Table, name: str) -> Any:
    return table.column(name).to_numpy()


def _floats(table: pa.Table, name: str) -> Any:
    return table.column(name).to_numpy().astype(np.float64)


def _objects(table: pa.Table, name: str) -> Objects:
    values: Objects = table.column(name).to_numpy().astype(np.object_)
    return values
