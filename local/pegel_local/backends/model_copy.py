"""The content of a model's folder: its digest, a copy that nobody else writes to, and whether it is still the same.

An endpoint serves a copy, so that whatever restarts it loads the bytes that were onboarded, whatever became of the
folder meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

from pegel.errors import SetupError
from pegel.featurestore.scratch_folders import scratch_folder
from pegel.spec.outside_text import shown
from pegel_local.processes.private_files import private_folder, private_umask

MOST_FILES = 1_000
"""Files and folders of one model, inclusive: it is copied, so a home directory that is named by mistake must not be."""
MOST_BYTES = 20 << 30
"""Bytes of one model, inclusive."""
CHUNK = 1 << 20


def digest(folder: Path) -> str:
    """Return the SHA-256 of all files with their names, links followed.

    Raises SetupError for what is no model's folder: too many or too large files, or one that is none.
    """
    return _read(folder, None)


def signature(folder: Path) -> str:
    """Return what tells cheaply that no file was written: names, sizes, times. Raises SetupError as `digest`."""
    known = hashlib.sha256()
    for name, _, status in _files(folder):
        known.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return known.hexdigest()


def copy(folder: Path, target: Path, expected: str) -> None:
    """Copy a folder of the digest `expected` to `target`, which appears whole and is private.

    Raises SetupError if the folder has another digest, if there is no room for the copy, or as `digest`.
    """
    try:
        with scratch_folder(private_folder(target.parent)) as scratch:
            beside = scratch / target.name
            with private_umask():
                beside.mkdir()
                given = _read(folder, beside)
            if given != expected:
                raise changed(folder)
            if not target.exists():
                beside.rename(target)
    except OSError as error:
        raise SetupError(
            f"expected room for a copy of {shown(str(folder))} in {shown(str(target.parent))}; given: "
            f"{error.strerror}. No endpoint was started."
        ) from error


def changed(folder: Path) -> SetupError:
    """Return the error about a folder that holds something else than what is in service, of which there is no copy."""
    return SetupError(
        f"expected in {shown(str(folder))} the model that was taken into service; the folder has changed since: "
        f"`pegel apply` takes up what is there now. No endpoint was started."
    )


def _read(folder: Path, target: Path | None) -> str:
    """Return the digest of a folder's files, read once, and write them below `target`, if there is one."""
    whole, size = hashlib.sha256(), 0
    for name, path, _ in _files(folder):
        content = hashlib.sha256()
        with _written(target, name) as copied:
            for chunk in _chunks(folder, name, path):
                size += len(chunk)
                if size > MOST_BYTES:
                    raise SetupError(_no_model(folder, f"more than {MOST_BYTES >> 30} GiB"))
                content.update(chunk)
                copied.write(chunk)
        whole.update(f"{name}\0".encode("utf-8", "surrogateescape") + content.digest())
    return whole.hexdigest()


def _chunks(folder: Path, name: str, path: Path) -> Iterator[bytes]:
    """Yield the content of one file. Raises SetupError where it cannot be read."""
    try:
        with path.open("rb") as source:
            while chunk := source.read(CHUNK):
                yield chunk
    except OSError as error:
        raise SetupError(_no_model(folder, f"{shown(name)}: {error.strerror}")) from error


def _files(folder: Path) -> Iterator[tuple[str, Path, os.stat_result]]:
    """Yield every file with its name below the folder and its status, in order.

    Raises SetupError for other things, too many, and for a folder that cannot be read: a part of a model is none.
    """

    def refuse(error: OSError) -> NoReturn:
        name = Path(error.filename).relative_to(folder).as_posix()
        raise SetupError(_no_model(folder, f"{shown(name)}: {error.strerror}")) from error

    paths: list[Path] = []
    for count, (place, _, names) in enumerate(os.walk(folder, followlinks=True, onerror=refuse)):
        paths += (Path(place, name) for name in names)
        # Folders count as well: links may lead in circles.
        if count + len(paths) > MOST_FILES:
            raise SetupError(_no_model(folder, f"more than {MOST_FILES:,} files and folders"))
    for path in sorted(paths):
        try:
            status = path.stat()
        except FileNotFoundError as error:
            raise SetupError(_no_model(folder, f"{shown(path.name)}, which is no file")) from error
        except OSError as error:
            refuse(error)
        if not stat.S_ISREG(status.st_mode):
            raise SetupError(_no_model(folder, f"{shown(path.name)}, which is no file"))
        yield path.relative_to(folder).as_posix(), path, status


def _no_model(folder: Path, given: str) -> str:
    return (
        f"expected a folder of one model's files in {shown(str(folder))}; given: {given}. Keep the model in a folder "
        f"of its own. No endpoint was started."
    )


def _written(target: Path | None, name: str) -> BinaryIO:
    path = Path(os.devnull) if target is None else target / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb")
