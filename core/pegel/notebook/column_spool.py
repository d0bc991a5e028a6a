"""CSV into a temporary Parquet file, block by block: columns can then be read one by one, and again."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from pegel.errors import PermanentError

BLOCK = 4 << 20
"""Bytes of CSV parsed at a time; the first block decides on the types, unless a later one contradicts it."""
NULLS = ["", "NA", "N/A", "n/a", "#N/A", "NULL", "null", "None"]
"""What is no value in a column of numbers, of times or of truth values. `NaN` is a number that was sent as such."""
WIDENING = (
    (pa.int64(), pa.float64()),
    (pa.date32(), pa.timestamp("s"), pa.timestamp("ns")),
)
"""A column of one of these types may turn out to be of a later one; any other contradiction makes it text."""
_CONTRADICTION = re.compile(r"In CSV column #(\d+): .*?CSV conversion error to .*?: invalid value '(.*)'", re.DOTALL)

Types = dict[str, pa.DataType]


def spool(
    path: Path, target: Path, text: Collection[str], progress: Callable[[float], None], *, block_bytes: int = BLOCK
) -> None:
    """Copy a CSV file, which may be compressed, into a Parquet file, `block_bytes` at a time.

    Types are those that Arrow finds on the whole file: the first block is believed until a later one contradicts it,
    then the file is begun again with a wider type. An empty field is null.

    Raises:
        PermanentError: If it is no CSV file.
    """
    types: Types = dict.fromkeys(text, pa.string())
    while (wider := _copy(path, target, types, progress, block_bytes)) is not None:
        types |= wider


def _copy(path: Path, target: Path, types: Types, progress: Callable[[float], None], block_bytes: int) -> Types | None:
    """Copy with these types, and return None; or return a type that is wider, because one did not fit."""
    schema = pa.schema([])
    try:
        with csv.open_csv(
            path,
            read_options=csv.ReadOptions(block_size=block_bytes, use_threads=False),
            convert_options=csv.ConvertOptions(column_types=types, null_values=NULLS),
        ) as reader:
            schema = reader.schema
            _write(reader, target, path.stat().st_size, progress)
    except pa.ArrowInvalid as error:
        found = _CONTRADICTION.search(str(error))
        if found is None or not schema.names:
            raise PermanentError(
                f"expected Parquet (*.parquet) or CSV, given {path}: {error}. Nothing was read."
            ) from error
        contradicted = schema.field(int(found[1]))
        return {contradicted.name: _wider(contradicted.type, found[2])}
    return None


def _write(reader: csv.CSVStreamingReader, target: Path, size: int, progress: Callable[[float], None]) -> None:
    schema = reader.schema
    dictionary = [field.name for field in schema if pa.types.is_string(field.type)]
    done = 0
    with parquet.ParquetWriter(target, schema, compression="lz4", use_dictionary=dictionary) as writer:
        for batch in reader:
            writer.write_batch(
                pa.RecordBatch.from_arrays([_no_empty_text(one) for one in batch.columns], schema=schema)
            )
            done += batch.nbytes
            progress(min(1.0, done / size))


def _no_empty_text(column: pa.Array) -> pa.Array:
    if not pa.types.is_string(column.type):
        return column
    return pc.if_else(pc.binary_length(column).cast(pa.bool_()), column, pa.nulls(len(column), column.type))


def _wider(current: pa.DataType, value: str) -> pa.DataType:
    """Return the type that holds both the values so far and this one."""
    written = BytesIO()
    csv.write_csv(pa.table({"x": [value]}), written)
    written.seek(0)
    inferred = csv.read_csv(written, convert_options=csv.ConvertOptions(null_values=NULLS)).schema.types[0]
    if pa.types.is_null(current):
        return inferred
    together = any(current in kinds and inferred in kinds for kinds in WIDENING)
    return inferred if together else pa.string()
