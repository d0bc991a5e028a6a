"""Parquet and text files as one table, never in memory as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from pegel.data.plain_types import plain_type
from pegel.errors import PermanentError
from pegel.notebook.column_type import ColumnType, has_categories, kept_type, type_of
from pegel.notebook.file_search import DataFile
from pegel.notebook.naming import listed, place, reason
from pegel.notebook.open_files import OpenFiles
from pegel.notebook.row_labels import row_labels
from pegel.notebook.wanted_columns import Wanted
from pegel.spec.outside_text import shown

BATCH = 65_536
"""Rows of a column whose categories are read at a time."""


@dataclass(frozen=True)
class _Part:
    """One file.

    `path`: where it is as Parquet. `columns`: those of its own that are wanted, in plain types. `names`: all it has.
    `schema`: as it is written.
    """

    file: DataFile
    path: Path
    metadata: parquet.FileMetaData
    columns: Mapping[str, pa.DataType]
    names: tuple[str, ...]
    labels: Mapping[str, str]
    schema: pa.Schema


@dataclass(frozen=True)
class Files:
    """Files with the same columns, read one after the other.

    `schema`: what can be read, in plain types. `names`: all columns that features could be. `labels`: those that are
    none, each with the reason. `open_files`: to be closed at the end. `keys`: per file, what its folders say of all its
    rows.
    """

    schema: pa.Schema
    names: tuple[str, ...]
    labels: Mapping[str, str]
    rows: int
    open_files: OpenFiles
    _parts: tuple[_Part, ...]
    _keys: tuple[Mapping[str, pa.Scalar], ...]

    def batches(self, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Yield all rows of some columns, in order, at most `rows` at a time. Raises PermanentError if damaged."""
        for part, keys in zip(self._parts, self._keys, strict=True):
            own = [name for name in names if name not in keys]
            with _readable(part.file.path):
                for batch in self._own(part, own, rows):
                    columns = {name: batch.column(name) for name in own}
                    columns |= {name: pa.repeat(keys[name], batch.num_rows) for name in names if name in keys}
                    yield pa.RecordBatch.from_arrays([columns[name] for name in names], names=list(names))

    def type_of(self, name: str) -> ColumnType | None:
        """Return as what a column is given to a model: see `pegel.notebook.column_type`."""
        if name in self._keys[0]:
            return None
        fields = [part.schema.field(name) for part in self._parts]
        kept = kept_type(fields[0])
        if kept is not None and all(kept_type(field) == kept for field in fields):
            return kept
        if all(has_categories(field.type) for field in fields):
            return type_of(fields[0].type, self._dictionaries(name))
        return type_of(self.schema.field(name).type)

    def _dictionaries(self, name: str) -> Iterator[pa.Array]:
        for part in self._parts:
            with _readable(part.file.path):
                for batch in self._own(part, [name], BATCH):
                    yield batch.column(name).dictionary

    def _own(self, part: _Part, names: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        with self.open_files.reader(part.path, part.metadata) as file:
            yield from file.iter_batches(batch_size=rows, columns=names, use_threads=False)


def open_all(
    files: Sequence[DataFile], folder: Path, wanted: Wanted, progress: Callable[[float], None] = lambda _: None
) -> Files:
    """Open files as one table; text is copied to Parquet in `folder` first.

    Raises PermanentError if one cannot be read, or if they differ in the names or the types of wanted columns.
    """
    sizes = [0 if file.is_parquet else file.path.stat().st_size for file in files]
    parts = []
    for number, file in enumerate(files):
        stage = partial(_share, progress, sum(sizes[:number]), sizes[number], sum(sizes))
        parts.append(_opened(file, folder / f"{number}.parquet", wanted, stage))
    if unequal := _unequal(parts):
        # A column of text has the type that all its rows allow, whichever file they are in.
        wanted = replace(wanted, text={*wanted.text, *unequal})
        parts = [part if part.file.is_parquet else _opened(part.file, part.path, wanted) for part in parts]
    keys = _keys(parts, wanted)
    _check_same_columns(parts, keys)
    first = parts[0]
    schema = pa.schema(_fields(parts) + [pa.field(name, scalar.type) for name, scalar in keys[0].items()])
    names = [name for name in first.names if name not in first.labels]
    rows = sum(part.metadata.num_rows for part in parts)
    labels = {name: reason for part in parts for name, reason in part.labels.items()}
    return Files(schema, (*names, *keys[0]), labels, rows, OpenFiles(), tuple(parts), tuple(keys))


def _share(progress: Callable[[float], None], before: int, size: int, whole: int, share: float) -> None:
    progress((before + share * size) / max(1, whole))


def _opened(file: DataFile, copy: Path, wanted: Wanted, progress: Callable[[float], None] = lambda _: None) -> _Part:
    names: tuple[str, ...] | None = None
    here = file.path
    if not file.is_parquet:
        from pegel.notebook.column_spool import spool  # noqa: PLC0415  Parquet does without the CSV reader

        here = copy
        names = spool(file, here, wanted, progress)
    with _readable(file.path):
        metadata = parquet.read_metadata(here)
        schema = metadata.schema.to_arrow_schema()
    names = names or tuple(schema.names)
    labels = row_labels(pa.schema([pa.field(name, pa.null()) for name in names], schema.metadata))
    columns = {
        column.name: plain_type(column.type)
        for column in schema
        if column.name not in labels and wanted.is_read(column.name)
    }
    twice = [name for name, count in Counter(names).items() if count > 1 and name not in labels]
    if twice:
        raise PermanentError(
            f"expected one column per name, given {place(file.path)} with several named {listed(twice)}: "
            f"nothing was read."
        )
    return _Part(file, here, metadata, columns, names, labels, schema)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise PermanentError(
            f"expected a Parquet file, given {place(path)}: {reason(error)}. Nothing was read."
        ) from error


def _unequal(parts: Sequence[_Part]) -> set[str]:
    """Return the columns that are text in some files and something else in others, if text is all they can be."""
    return {
        name
        for name, types in _types(parts).items()
        if _together(types) is None and any(not part.file.is_parquet for part in parts if name in part.columns)
    }


def _types(parts: Sequence[_Part]) -> dict[str, list[pa.DataType]]:
    names = dict.fromkeys(name for part in parts for name in part.columns)
    return {name: [part.columns[name] for part in parts if name in part.columns] for name in names}


def _together(types: Sequence[pa.DataType]) -> pa.DataType | None:
    """Return the narrowest type that is wide enough for all; None if there is none."""
    try:
        alone = [pa.schema([("column", column)]) for column in types]
        return pa.unify_schemas(alone, promote_options="permissive").types[0]
    except pa.ArrowException:
        return None


def _fields(parts: Sequence[_Part]) -> list[pa.Field]:
    fields = []
    for name, types in _types(parts).items():
        together = _together(types)
        if together is None:
            other = next(part for part in parts if part.columns[name] != types[0])
            raise PermanentError(
                f"expected {shown(name)} to have one type in every file, given {types[0]} in "
                f"{place(parts[0].file.path)} and "
                f"{other.columns[name]} in {place(other.file.path)}: nothing was read."
            )
        fields.append(pa.field(name, together))
    return fields


def _keys(parts: Sequence[_Part], wanted: Wanted) -> list[dict[str, pa.Scalar]]:
    """Return what folders say of the rows of each file, in the types that text of these values would have."""
    names = dict.fromkeys(name for part in parts for name in part.file.keys if wanted.is_read(name))
    keys: list[dict[str, pa.Scalar]] = [{} for _ in parts]
    for name in names:
        having = [number for number, part in enumerate(parts) if name in part.file.keys and name not in part.names]
        values = _typed([parts[number].file.keys[name] for number in having], as_text=name in wanted.text)
        for number, value in zip(having, values, strict=True):
            keys[number][name] = value
    return keys


def _typed(values: list[str | None], *, as_text: bool) -> pa.ChunkedArray:
    text = pa.table({"key": pa.array(values, pa.string())})
    if as_text or not values:
        return text.column("key")
    from pyarrow import csv  # noqa: PLC0415  few tables need it

    written = BytesIO()
    csv.write_csv(text, written)
    parse = csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    # What is written without quotes is no value; all text has them.
    convert = csv.ConvertOptions(null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False)
    return csv.read_csv(BytesIO(written.getvalue()), parse_options=parse, convert_options=convert).column("key")


def _check_same_columns(parts: Sequence[_Part], keys: Sequence[Mapping[str, pa.Scalar]]) -> None:
    first = {*parts[0].columns, *keys[0]}
    for part, of_part in zip(parts, keys, strict=True):
        if differing := sorted(first ^ {*part.columns, *of_part}):
            raise PermanentError(
                f"expected the same columns in every file, given {place(parts[0].file.path)} and "
                f"{place(part.file.path)}, which "
                f"differ in {listed(differing)}: nothing was read."
            )
