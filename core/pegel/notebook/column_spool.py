"""Text into a temporary Parquet file, block by block: columns can then be read one by one, and again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from pegel.errors import PermanentError
from pegel.notebook.csv_dialect import (
    NO_NUMBER,
    NULLS,
    THOUSANDS,
    WITH_COMMA,
    WITH_POINT,
    Dialect,
    recognise,
    refuse_encoding,
    refuse_thousands,
)
from pegel.notebook.expanding_text import EXPANDED, ExpandingText
from pegel.notebook.file_search import DataFile
from pegel.notebook.naming import place, reason
from pegel.notebook.wanted_columns import Wanted
from pegel.spec.outside_text import shown

BLOCK = 4 << 20
"""Bytes of text parsed at a time; the first block decides on the types, unless a later one contradicts it. A row is
shorter."""
WIDENING = (
    (pa.int64(), pa.float64()),
    (pa.date32(), pa.timestamp("s"), pa.timestamp("ns")),
)
"""A column of one of these types may turn out to be of a later one; any other contradiction makes it text."""
NUMBERS = rf"^({'|'.join(map(re.escape, sorted(NO_NUMBER)))}|[+-]?\d+|{WITH_COMMA.pattern}|{WITH_POINT.pattern})$"
"""What a column of numbers may hold, whatever stands before their fractions."""
_CONTRADICTION = re.compile(r"In CSV column #(\d+): .*?CSV conversion error to .*?: invalid value '(.*)'", re.DOTALL)

Types = dict[str, pa.DataType]


@dataclass(frozen=True)
class _Reading:
    """How a file is read: what is wanted, how it is written, and the types that are known of its columns."""

    wanted: Wanted
    dialect: Dialect
    types: Types

    def options(self, block_bytes: int) -> dict[str, Any]:
        """Return the options of Arrow's reader.

        The last column is read in any case: an open quote would show there. Bytes that nobody wants can be anything.
        """
        names = self.dialect.names
        types = self.types | ({} if self.wanted.is_read(names[-1]) else {names[-1]: pa.binary()})
        return {
            "read_options": csv.ReadOptions(
                block_size=block_bytes,
                use_threads=False,
                encoding=self.dialect.encoding.replace("-", ""),
                skip_rows=self.dialect.skipped,
            ),
            # Of one column, an empty line is a value that is not there.
            "parse_options": csv.ParseOptions(
                delimiter=self.dialect.separator, newlines_in_values=True, ignore_empty_lines=len(names) > 1
            ),
            "convert_options": csv.ConvertOptions(
                column_types=types,
                null_values=NULLS,
                decimal_point=self.dialect.decimal or ".",
                include_columns=list(dict.fromkeys([*filter(self.wanted.is_read, names), names[-1]])),
            ),
        }

    def widened(self, path: Path, column: str, current: pa.DataType, value: str) -> _Reading:
        """Return how to read the file in which a later value does not fit the type of its column so far.

        Raises PermanentError if the value has the other sign before fractions.
        """
        sign = "," if WITH_COMMA.fullmatch(value) else "." if WITH_POINT.fullmatch(value) else None
        number = pa.types.is_integer(current) or pa.types.is_floating(current)
        if number and sign == "," and (self.dialect.decimal == "." or self.dialect.separator == ","):
            raise PermanentError(
                f"expected numbers like 1234.5, given {place(path)} with {shown(value)} in the column "
                f"{shown(column)}: nothing was read."
            )
        if number and self.dialect.decimal is None and THOUSANDS.fullmatch(value):
            raise refuse_thousands(path, column)
        if number and sign is not None and self.dialect.decimal is None:
            return replace(self, dialect=replace(self.dialect, decimal=sign))
        return replace(self, types=self.types | {column: _wider(current, value, self.dialect.decimal or ".")})


def spool(
    file: DataFile,
    target: Path,
    wanted: Wanted,
    progress: Callable[[float], None],
    *,
    block_bytes: int = BLOCK,
    expanded_bytes: int = EXPANDED,
) -> tuple[str, ...]:
    """Copy a text file, which may be compressed, into a Parquet file, `block_bytes` at a time; return all its columns.

    Types are those that Arrow finds on the whole file: the first block is believed until a later one contradicts it,
    then the file is begun again with a wider type. An empty field is null.

    Raises:
        PermanentError: If it cannot be read as one table, or expands to more than a table would.
    """
    with _opened(file, expanded_bytes) as text:
        head = text.read(block_bytes)
        dialect = recognise(file.path, head, whole=not text.read(1), may_be_number=wanted.may_be_number)
    if dialect.bare:
        names = dict.fromkeys(filter(wanted.is_read, dialect.names))
        parquet.write_table(pa.table({name: pa.nulls(0) for name in names}), target)
        return dialect.names
    reading: _Reading | None = _Reading(wanted, dialect, {name: pa.string() for name in wanted.text})
    while reading is not None:
        with _opened(file, expanded_bytes, progress) as text:
            reading = _copy(text, target, reading, block_bytes)
    return dialect.names


@contextmanager
def _opened(
    file: DataFile, expanded_bytes: int, progress: Callable[[float], None] = lambda _: None
) -> Iterator[ExpandingText]:
    """Begin a pass over a file. Whatever is wrong with it is said in one sentence, a PermanentError."""
    try:
        with ExpandingText(file.path, file.compression, expanded_bytes, progress) as text:
            yield text
    except UnicodeError as error:
        raise refuse_encoding(file.path, "which breaks off within a letter") from error
    except (OSError, pa.ArrowException) as error:
        if "invalid UTF8" in str(error):
            raise refuse_encoding(file.path, f"which is not: {reason(error)}") from error
        raise PermanentError(
            f"expected a table as text, given {place(file.path)}: {_reason(error)}. Nothing was read."
        ) from error


def _reason(error: Exception) -> str:
    """Return what Arrow says of text, with the remedy where it is known."""
    said = reason(error)
    if "straddling object" in said:
        return f"a row is longer than {BLOCK >> 20} MiB; a quote may be open, or a column holds whole documents"
    if re.search(r"Expected \d+ columns", said):
        return f"{said}; the first line names the columns: remove comments and titles above it"
    return said


def _copy(text: ExpandingText, target: Path, reading: _Reading, block_bytes: int) -> _Reading | None:
    """Copy, and return None; or return how to read it instead, because one value did not fit."""
    schema = pa.schema([])
    try:
        with csv.open_csv(text, **reading.options(block_bytes)) as reader:
            schema = reader.schema
            return _write(reader, target, text, reading)
    except pa.ArrowInvalid as error:
        contradiction = _CONTRADICTION.search(str(error))
        if contradiction is None or not schema.names:
            raise
        column = reading.dialect.names[int(contradiction[1])]
        return reading.widened(text.path, column, schema.field(column).type, contradiction[2])


def _write(reader: csv.CSVStreamingReader, target: Path, text: ExpandingText, reading: _Reading) -> _Reading | None:
    """Write all batches, and return None; or return how to read instead, if the first one shows that."""
    schema = pa.schema([one for one in reader.schema if reading.wanted.is_read(one.name)])
    if foreign := [one.name for one in schema if pa.types.is_binary(one.type)]:
        raise refuse_encoding(text.path, f"which is not: column {shown(foreign[0])}")
    dictionary = [one.name for one in schema if pa.types.is_string(one.type)]
    last = None
    with parquet.ParquetWriter(target, schema, compression="lz4", use_dictionary=dictionary) as writer:
        for batch in reader:
            if last is None and (number := _number_as_text(batch, reading.wanted)):
                return reading.widened(text.path, number[0], pa.int64(), number[1])
            columns = [_no_nulls_as_text(batch.column(name), _nulls(name, reading.wanted)) for name in schema.names]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
            last = batch.column(reading.dialect.names[-1])[-1] if batch.num_rows else last
    # Arrow takes an open quote for one that is closed at the end of the file: all lines after it are one value.
    if not text.ends_quoted if _has_line_ends(last) else text.ends_open(reading.dialect.separator):
        raise pa.ArrowInvalid("a quote is never closed")
    return None


def _number_as_text(batch: pa.RecordBatch, wanted: Wanted) -> tuple[str, str] | None:
    """Return a column of numbers that Arrow took for text, for the commas in it, and a number with one."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if not pa.types.is_string(column.type) or not wanted.may_be_number(name):
            continue
        if not pc.all(pc.match_substring_regex(column[:100], NUMBERS)).as_py():
            continue  # most text does not look like numbers at all
        commas = column.filter(pc.match_substring(column, ","))
        if len(commas) and pc.all(pc.match_substring_regex(column, NUMBERS)).as_py():
            return name, next((one for one in commas.to_pylist() if not THOUSANDS.fullmatch(one)), commas[0].as_py())
    return None


def _has_line_ends(value: pa.Scalar | None) -> bool:
    if value is None or not (pa.types.is_string(value.type) or pa.types.is_binary(value.type)):
        return False
    text = value.as_py() or b""
    return bool({"\n", "\r"} & set(text if isinstance(text, str) else text.decode(errors="replace")))


def _nulls(name: str, wanted: Wanted) -> tuple[str, ...]:
    """Return what is null in a column of text: `NA` may be a country, but not among numbers."""
    return NULLS if name in wanted.numbers else ("",)


def _no_nulls_as_text(column: pa.Array, nulls: tuple[str, ...]) -> pa.Array:
    if not pa.types.is_string(column.type):
        return column
    return pc.if_else(pc.is_in(column, pa.array(nulls)), pa.nulls(len(column), column.type), column)


def _wider(current: pa.DataType, value: str, decimal: str) -> pa.DataType:
    """Return the type that holds both the values so far and this one."""
    written = BytesIO()
    csv.write_csv(pa.table({"x": [value]}), written)
    written.seek(0)
    options = csv.ConvertOptions(null_values=NULLS, decimal_point=decimal)
    inferred = csv.read_csv(written, convert_options=options).schema.types[0]
    if pa.types.is_null(current):
        return inferred
    together = any(current in kinds and inferred in kinds for kinds in WIDENING)
    return inferred if together else pa.string()
