"""Parquet and CSV files as one table, never in memory as a whole."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from glob import glob, has_magic
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from pegel.errors import PermanentError

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz", ".csv.bz2", ".csv.zst")
STREAM = 1 << 16
"""Bytes of a column read ahead, so that a row group larger than memory does not fill it."""


@dataclass(frozen=True)
class Files:
    """Parquet files with the same columns, read one after the other."""

    schema: pa.Schema
    rows: int
    _parts: tuple[tuple[Path, parquet.FileMetaData], ...]

    def batches(self, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Yield all rows of some columns, in order, at most `rows` at a time."""
        wanted = pa.schema([self.schema.field(name) for name in names])
        for path, metadata in self._parts:
            # Buffering ahead, Arrow's default, would hold the whole file by the end.
            with parquet.ParquetFile(path, metadata=metadata, buffer_size=STREAM, pre_buffer=False) as file:
                for batch in file.iter_batches(batch_size=rows, columns=list(names), use_threads=False):
                    chosen = batch.select(list(names))
                    yield chosen if chosen.schema.equals(wanted) else chosen.cast(wanted)


def find(data: Any) -> list[Path] | None:
    """Return the files that are meant, in order; None if `data` is no path. Raises PermanentError if none is there."""
    if isinstance(data, str | Path):
        return _expand(Path(data))
    if isinstance(data, list | tuple) and data and all(isinstance(one, str | Path) for one in data):
        return [path for one in data for path in _expand(Path(one))]
    return None


def _expand(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if path.is_dir():
        inside = (one for one in path.rglob("*") if not any(part[0] in "._" for part in one.relative_to(path).parts))
        found = sorted(one for one in inside if one.is_file() and one.name.endswith(PARQUET + CSV))
    else:
        found = sorted(map(Path, glob(str(path), recursive=True))) if has_magic(str(path)) else []  # noqa: PTH207  absolute, too
    if not found:
        what = "a folder of Parquet or CSV files" if path.is_dir() else "a file"
        why = "has none" if path.is_dir() else "is not there"
        raise PermanentError(f"expected {what}, given {path}, which {why}: nothing was read.")
    return found


def describe(paths: Sequence[Path]) -> str:
    """Return what was read, for people."""
    return str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def open_all(paths: Sequence[Path], folder: Path, text: Collection[str], progress: Callable[[float], None]) -> Files:
    """Open files as one table; CSV is copied to Parquet in `folder` first."""
    parts = []
    sizes = [0 if _is_parquet(path) else path.stat().st_size for path in paths]
    for number, path in enumerate(paths):
        here = path
        if not _is_parquet(path):
            from pegel.notebook.column_spool import spool  # noqa: PLC0415  Parquet does without the CSV reader

            here = folder / f"{number}.parquet"
            spool(path, here, text, partial(_told, progress, sum(sizes[:number]), sizes[number], sum(sizes)))
        parts.append((here, path, _metadata(here, path)))
    schema = _common([(path, metadata.schema.to_arrow_schema()) for _, path, metadata in parts])
    rows = sum(metadata.num_rows for *_, metadata in parts)
    return Files(schema, rows, tuple((here, metadata) for here, _, metadata in parts))


def _is_parquet(path: Path) -> bool:
    return path.name.endswith(PARQUET)


def _told(progress: Callable[[float], None], before: int, size: int, whole: int, share: float) -> None:
    progress((before + share * size) / max(1, whole))


def _metadata(here: Path, path: Path) -> parquet.FileMetaData:
    try:
        return parquet.read_metadata(here)
    except (pa.ArrowInvalid, OSError) as error:
        raise PermanentError(f"expected a Parquet file, given {path}: {error}. Nothing was read.") from error


def _common(schemas: Sequence[tuple[Path, pa.Schema]]) -> pa.Schema:
    """Return the columns of the first file, with types wide enough for all. Raises PermanentError if there are none."""
    first, schema = schemas[0]
    for path, other in schemas[1:]:
        if absent := sorted(set(schema.names) ^ set(other.names)):
            raise PermanentError(
                f"expected the same columns in every file, given {first} and {path}, which differ in "
                f"{', '.join(absent)}: nothing was read."
            )
        try:
            schema = pa.unify_schemas([schema, other], promote_options="permissive")
        except pa.ArrowTypeError as error:
            raise PermanentError(
                f"expected the same types in every file, given {first} and {path}: {error}. Nothing was read."
            ) from error
    return schema.remove_metadata()
