"""Which files are meant by a path, a folder, a pattern or a list of these."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote

from pegel.errors import PermanentError
from pegel.notebook.naming import place, reason

PARQUET = (".parquet", ".parq", ".pq")
TEXT = (".csv", ".tsv")
"""Text with a header line, taken from folders and patterns."""
NAMED_TEXT = (*TEXT, ".tab", ".txt", ".dat", ".data", "")
"""The same, where one file is named: nobody means the LICENSE.txt of a folder."""
COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
"""Of text, by the last suffix. Parquet has compression of its own."""
READ = "Parquet (.parquet, .pq) or text with a header line (.csv, .tsv, .txt, also with .gz, .bz2, .zst)"
PSEUDO = ("/proc", "/sys", "/dev")
"""Folders in which the system shows itself as files; no data, where a folder above them is searched."""
_NO_KEY = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class DataFile:
    """A file of a table. `keys`: what `key=value` folders above it say of all its rows; None is null."""

    path: Path
    keys: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def is_parquet(self) -> bool:
        """Say whether it is Parquet, by its name."""
        return self.path.name.lower().endswith(PARQUET)

    @property
    def compression(self) -> str | None:
        """Return how text is compressed, in Arrow's words."""
        return COMPRESSIONS.get(self.path.suffix.lower())


def find(data: Any) -> list[DataFile] | None:
    """Return the files that are meant, in order; None if `data` is no path.

    Raises PermanentError if there are none, if one is named twice, or if a folder cannot be read as one table.
    """
    if isinstance(data, str | os.PathLike):
        paths = [data]
    elif isinstance(data, list | tuple) and data and all(isinstance(path, str | os.PathLike) for path in data):
        paths = list(data)
    else:
        return None
    files = [file for path in paths for file in _expand(os.fsdecode(path))]
    twice = [path for path, count in Counter(file.path for file in files).items() if count > 1]
    if twice:
        raise PermanentError(f"expected each file once, given {place(twice[0])} twice: nothing was read.")
    return files


def describe(files: list[DataFile]) -> str:
    """Return what was read, for people."""
    return place(files[0].path) if len(files) == 1 else f"{place(files[0].path)} and {len(files) - 1} more"


def _expand(given: str) -> list[DataFile]:
    if "://" in given:
        raise PermanentError(
            f"expected a path on this machine, given the address {place(given)}: nothing was read. Copy the "
            f"files here, or "
            "read them into a frame."
        )
    try:
        path = Path(given).expanduser()
        if path.is_file():
            return [DataFile(_named(path))]
        files = _inside(path) if path.is_dir() else _matching(path)
    except (OSError, RuntimeError) as error:  # RuntimeError: nobody's home is meant by `~name`
        raise PermanentError(
            f"expected a path that can be read, given {place(given)}: {reason(error)}. Nothing was read."
        ) from error
    if not files:
        _refuse_nothing(path)
    _check_one_format(files, path)
    return files


def _named(path: Path) -> Path:
    stem = path.with_suffix("") if path.suffix.lower() in COMPRESSIONS else path
    if stem.suffix.lower() not in PARQUET + NAMED_TEXT:
        raise PermanentError(f"expected {READ}, given {place(path)}: nothing was read.")
    return path


def _refuse_nothing(path: Path) -> NoReturn:
    if path.is_dir():
        raise PermanentError(f"expected a folder of {READ}, given {place(path)}, which has none: nothing was read.")
    if path.is_symlink():
        why = "which is a link to nothing"
    elif path.exists():
        why = "which is neither a file nor a folder"
    else:
        why = "which is not there"
    raise PermanentError(f"expected a file, given {place(path)}, {why}: nothing was read.")


def _matching(path: Path) -> list[DataFile]:
    if not has_magic(str(path)):
        return []
    depth = next(place for place, part in enumerate(path.parts) if has_magic(part))
    files: list[DataFile] = []
    for match in sorted(map(Path, glob(str(path), recursive=True))):  # noqa: PTH207  absolute patterns, too
        if match.is_dir():
            continue  # `**` matches folders beside the files in them
        if _is_data(match.name):
            files.append(DataFile(match, _keys(match.parts[depth:-1])))
    return files


def _inside(root: Path) -> list[DataFile]:
    paths = sorted(_walk(root))
    return [DataFile(path, _keys(path.relative_to(root).parts[:-1])) for path in paths]


def _walk(root: Path) -> Iterator[Path]:
    """Yield the data files below a folder, also behind links, but each folder once."""
    visited = set()
    for folder, folders, names in os.walk(root, onerror=_unreadable, followlinks=True):
        real = os.path.realpath(folder)
        is_searched = real not in visited and real not in PSEUDO
        folders[:] = [name for name in folders if is_searched and not _is_hidden(name)]
        if not is_searched:
            continue
        visited.add(real)
        for name in names:
            if _is_data(name):
                path = Path(folder, name)
                if not path.is_file():
                    _refuse_nothing(path)
                yield path


def _unreadable(error: OSError) -> NoReturn:
    raise PermanentError(
        f"expected a folder that can be read, given {place(error.filename)}: {error.strerror}. Nothing was read."
    ) from error


def _is_hidden(name: str) -> bool:
    """Say whether a name is for others: `.crc`, `_SUCCESS`; but `_key=value` is a key."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _is_data(name: str) -> bool:
    lower = name.lower()
    endings = (*PARQUET, *(text + ending for text in TEXT for ending in ("", *COMPRESSIONS)))
    return not _is_hidden(name) and lower.endswith(endings)


def _keys(folders: tuple[str, ...]) -> dict[str, str | None]:
    pairs = (folder.partition("=") for folder in folders)
    return {unquote(key): None if value == _NO_KEY else unquote(value) for key, sign, value in pairs if key and sign}


def _check_one_format(files: list[DataFile], path: Path) -> None:
    """Refuse what most likely holds the same rows twice: two formats in one place, or a file and its copy."""
    formats = {file.is_parquet: file.path for file in files}
    if len(formats) > 1:
        raise PermanentError(
            f"expected files of one format in {place(path)}, given {place(formats[False])} and "
            f"{place(formats[True])}: nothing was read. "
            "Name the files, or a pattern like 'days/*.parquet'."
        )
    first: dict[Path, Path] = {}
    for file in files:
        plain = file.path.with_suffix("") if file.compression else file.path
        other = first.setdefault(plain.with_suffix(""), file.path)
        if other != file.path:
            raise PermanentError(
                f"expected each table once in {place(path)}, given {place(other)} and {place(file.path)}: "
                f"nothing was read. Name the files."
            )
