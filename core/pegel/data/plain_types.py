"""Arrow's many types as the few that are measured: one for text, none for ways of storing."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

MOST_BYTES = 1 << 30
"""Bytes of one batch, at most: a column of plain text has offsets of 32 bits."""


def plain_type(arrow: pa.DataType) -> pa.DataType:
    """Return the type as which a column is measured: of its values where these are stored once, text as plain text."""
    if pa.types.is_dictionary(arrow) or pa.types.is_run_end_encoded(arrow):
        return plain_type(arrow.value_type)
    if pa.types.is_large_string(arrow) or pa.types.is_string_view(arrow) or isinstance(arrow, pa.JsonType):
        return pa.string()
    if pa.types.is_float16(arrow):
        return pa.float32()
    return pa.bool_() if isinstance(arrow, pa.Bool8Type) else arrow


def plain_batches(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a batch in plain types; in several parts where it is too large for these."""
    if batch.nbytes > MOST_BYTES and batch.num_rows > 1:
        half = batch.num_rows // 2
        yield from plain_batches(batch.slice(0, half))
        yield from plain_batches(batch.slice(half))
        return
    columns = [plain_array(column) for column in batch.columns]
    yield pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def plain_array(array: pa.Array) -> pa.Array:
    """Return the same values in the plain type."""
    if pa.types.is_dictionary(array.type):
        # Decoding is not known for every type of value, taking is known for every plain one.
        return plain_array(array.dictionary).take(array.indices)
    if pa.types.is_run_end_encoded(array.type):
        return plain_array(pc.run_end_decode(array))
    wanted = plain_type(array.type)
    return array if array.type == wanted else array.cast(wanted)
