"""Text into a temporary Parquet file, block by block: columns can then be read one by one, and again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from pegel.errors import PermanentError
from pegel.notebook import decimal_sign
from pegel.notebook.csv_dialect import Dialect, recognise, refuse_encoding
from pegel.notebook.decimal_sign import NULLS
from pegel.notebook.expanding_text import EXPANDED, ExpandingText
from pegel.notebook.file_search import DataFile
from pegel.notebook.naming import place, reason
from pegel.notebook.narrowest_type import converted, narrowest
from pegel.notebook.wanted_columns import Wanted
from pegel.spec.outside_text import shown

BLOCK = 4 << 20
"""Bytes of text parsed at a time; the first block decides on the types, unless a later one contradicts it. A row is
shorter."""
_UNEVEN = re.compile(r"Row #(?P<row>\d+): Expected (?P<expected>\d+) columns, got (?P<given>\d+): (?P<text>.*)")
"""What Arrow says of a row that is longer or shorter than the first."""
_Finish = Callable[[str, pa.Array], pa.Array]
_Sink = Callable[[pa.Schema], Any]


@dataclass(frozen=True)
class _Reading:
    """How a file is read: what is wanted, how it is written, and which columns are text whatever they look like."""

    wanted: Wanted
    dialect: Dialect
    text: frozenset[str]

    def options(self, block_bytes: int) -> dict[str, Any]:
        """Return the options of Arrow's reader.

        The last column is read in any case: an open quote would show there. Bytes that nobody wants can be anything.
        """
        names = self.dialect.names
        types = {name: pa.string() for name in self.text}
        types |= {} if self.wanted.is_read(names[-1]) else {names[-1]: pa.binary()}
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
                decimal_point=self.dialect.decimal,
                include_columns=list(dict.fromkeys([*filter(self.wanted.is_read, names), names[-1]])),
            ),
        }

    @property
    def all_text(self) -> _Reading:
        """Return how to read every column as it is written."""
        return replace(self, text=frozenset(filter(self.wanted.is_read, self.dialect.names)))


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

    Types are those that Arrow finds in a file of one block, whatever the size of a block. The first block is believed
    until a later one contradicts it; then the file is read once more, as text, and each column is given its narrowest
    type. An empty field is null.

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
    reading, progress = _Reading(wanted, dialect, frozenset(wanted.text)), _never_falling(progress)
    with _opened(file, expanded_bytes, progress) as text:
        fits = _copy(text, reading, block_bytes, partial(_parquet, target), partial(_without_nulls, wanted))
    if not fits:
        as_written = target.with_suffix(".text")
        try:
            with _opened(file, expanded_bytes, progress) as text:
                _copy(text, reading.all_text, block_bytes, partial(_parquet, as_written), lambda _, column: column)
                _convert(as_written, target, file.path, reading)
        finally:
            as_written.unlink(missing_ok=True)
    return dialect.names


def _never_falling(progress: Callable[[float], None]) -> Callable[[float], None]:
    """Return what tells the largest share so far: a second pass begins anew."""
    most = 0.0

    def tell(share: float) -> None:
        nonlocal most
        most = max(most, share)
        progress(most)

    return tell


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
    message = reason(error)
    if "straddling object" in message:
        return f"a row is longer than {BLOCK >> 20} MiB; a quote may be open, or a column holds whole documents"
    if uneven := _UNEVEN.search(message):
        return (
            f"row {uneven['row']} should have {uneven['expected']} values, one per name, and has {uneven['given']}: "
            f"{uneven['text']}; the first line names the columns: remove comments and titles above it"
        )
    return message


def _copy(text: ExpandingText, reading: _Reading, block_bytes: int, sink: _Sink, finish: _Finish) -> bool:
    """Copy all blocks; return False where a value did not fit the type that the first block gave its column.

    `sink`: opens what is written to, given the columns. `finish`: makes of a column, given its name, what is written.
    """
    try:
        with csv.open_csv(text, **reading.options(block_bytes)) as reader:
            return _write(reader, text, reading, sink, finish)
    except pa.ArrowInvalid as error:
        if "CSV conversion error" not in str(error) or "invalid UTF8" in str(error):
            raise
        return False


def _write(
    reader: csv.CSVStreamingReader, text: ExpandingText, reading: _Reading, sink: _Sink, finish: _Finish
) -> bool:
    schema = pa.schema([field for field in reader.schema if reading.wanted.is_read(field.name)])
    if foreign := [field.name for field in schema if pa.types.is_binary(field.type)]:
        raise refuse_encoding(text.path, f"which is not: column {shown(foreign[0])}")
    last = None
    with sink(schema) as target:
        for batch in reader:
            if last is None and _misjudges_fractions(batch, reading):
                return False
            columns = [finish(name, batch.column(name)) for name in schema.names]
            target.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
            last = batch.column(reading.dialect.names[-1])[-1] if batch.num_rows else last
    # Arrow takes an open quote for one that is closed at the end of the file: all lines after it are one value.
    if not text.ends_quoted if _has_line_ends(last) else text.ends_open(reading.dialect.separator):
        raise pa.ArrowInvalid("a quote is never closed")
    return True


def _misjudges_fractions(batch: pa.RecordBatch, reading: _Reading) -> bool:
    """Say whether numbers became text for the sign before their fractions, or what told this sign is text after all."""
    texts = [name for name in batch.schema.names if pa.types.is_string(batch.column(name).type)]
    undecided = [name for name in texts if name not in reading.text]
    return not reading.dialect.signs_in.isdisjoint(undecided) or any(
        decimal_sign.signs(decimal_sign.forms([batch.column(name)])) for name in undecided
    )


def _has_line_ends(value: pa.Scalar | None) -> bool:
    if value is None or not (pa.types.is_string(value.type) or pa.types.is_binary(value.type)):
        return False
    text = value.as_py() or b""
    return bool({"\n", "\r"} & set(text if isinstance(text, str) else text.decode(errors="replace")))


def _convert(as_written: Path, target: Path, path: Path, reading: _Reading) -> None:
    """Copy columns of text, each as values of its narrowest type. Raises PermanentError as `decimal_sign.settle`."""
    wanted = reading.wanted
    signs: dict[str, str] = {}
    # Opened once: that takes as long as there are columns.
    with parquet.ParquetFile(as_written, pre_buffer=False) as file:
        columns = {name: partial(_column, file, name) for name in file.schema_arrow.names}
        for name in filter(wanted.may_be_number, columns):
            for sign in decimal_sign.signs(decimal_sign.forms(columns[name]())):
                signs.setdefault(sign, name)
        decimal = decimal_sign.settle(path, reading.dialect.separator, signs)
        fixed = dict.fromkeys(reading.text, pa.string())
        types = {name: fixed.get(name) or narrowest(column, decimal) for name, column in columns.items()}
        with _parquet(target, pa.schema(list(types.items()))) as writer:
            for block in map(file.read_row_group, range(file.num_row_groups)):
                texts = {name: block.column(name).combine_chunks() for name in types}
                values = [converted(texts[name], kind, decimal) for name, kind in types.items()]
                finished = [_without_nulls(wanted, *column) for column in zip(types, values, strict=True)]
                writer.write_batch(pa.RecordBatch.from_arrays(finished, schema=writer.schema))


def _column(file: parquet.ParquetFile, name: str) -> Iterator[pa.StringArray]:
    """Read one column of text from its beginning, block by block."""
    for block in range(file.num_row_groups):
        yield file.read_row_group(block, columns=[name], use_threads=False).column(0).combine_chunks()


def _parquet(path: Path, schema: pa.Schema) -> parquet.ParquetWriter:
    dictionary = [field.name for field in schema if pa.types.is_string(field.type)]
    return parquet.ParquetWriter(path, schema, compression="lz4", use_dictionary=dictionary)


def _without_nulls(wanted: Wanted, name: str, column: pa.Array) -> pa.Array:
    """Return a column with nulls where its text says so: `NA` may be a country, but not among numbers."""
    if not pa.types.is_string(column.type):
        return column
    nulls = NULLS if name in wanted.numbers else ("",)
    return pc.if_else(pc.is_in(column, pa.array(nulls)), pa.nulls(len(column), column.type), column)
