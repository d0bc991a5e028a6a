"""Rows of a table as the archive keeps them: a row is a request and its answer at once."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

from pegel.archive.half_rows import RowMaking
from pegel.archive.row_columns import ANSWERED_AT, EVENT_ID, EVENT_TIME, INSTANT, ROW, UNPARSEABLE
from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Role
from pegel.data.entity_key_columns import key_texts

TIME_US: Final = "__pegel_time_us"
ROW_ID: Final = "__pegel_row_id"
"""Columns of prepared rows beside their fields: when a row was, in microseconds since the epoch, and its id."""
_KEY: Final = "__pegel_key_"


def prepared_key(at: int) -> str:
    """Return the column of prepared rows that holds a part of the entity's key, by its place."""
    return f"{_KEY}{at}"


def archived_table(making: RowMaking, batch: pa.RecordBatch) -> pa.Table:
    """Return prepared rows in the columns of the archive; what events have and a table has not is null.

    `batch`: the fields by name, `TIME_US`, `ROW_ID`, and the parts of the entity's key.
    """
    times = batch.column(TIME_US).cast(pa.timestamp("us")).cast(INSTANT)
    columns: dict[str, Any] = {
        EVENT_ID: batch.column(ROW_ID).cast(pa.string()),
        ROW: pa.array([0] * batch.num_rows, pa.int32()),
        EVENT_TIME: times,
    }
    odd: list[list[str]] = [[] for _ in range(batch.num_rows)]
    for role in (Role.FEATURE, Role.PREDICTION):
        fields = making.schema.of_role(role)
        if not fields:
            continue
        made, unparseable = making.values(columns_of(fields, batch), fields)
        columns |= made
        for at, names in enumerate(unparseable.to_pylist()):
            odd[at] += names or ()
        if role is Role.PREDICTION:
            columns[ANSWERED_AT] = times
    parts = [key_texts(batch.column(prepared_key(at))).tolist() for at in range(len(making.keys))]
    columns |= making.key_columns(parts)
    columns[UNPARSEABLE] = pa.array([names or None for names in odd], pa.list_(pa.string()))
    arrays = [
        columns[column.name].cast(column.type) if column.name in columns else pa.nulls(batch.num_rows, column.type)
        for column in making.columns
    ]
    return pa.table(arrays, schema=making.columns)
