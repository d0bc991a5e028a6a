"""Files that a person asked for: refused before any work is done, rather than after it or by half."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pegel.errors import InvalidSpec, PermanentError
from pegel.spec.outside_text import shown


def refuse_unwritable(path: Path, suffix: str | None = None) -> None:
    """Refuse a file to be written whose folder is not there, or whose name ends otherwise: before any work is done.

    Raises PermanentError.
    """
    if not path.parent.is_dir():
        given = f"{shown(str(path))}, but there is no folder {shown(str(path.parent))}"
        raise PermanentError(f"expected a file in a folder that is there, given {given}. Nothing was written.")
    if suffix is not None and path.suffix.lower() != suffix:
        raise PermanentError(f"expected a file named *{suffix}, given {shown(str(path))}. Nothing was written.")


def refuse_overwriting(path: Path, inputs: Iterable[Path], option: str) -> None:
    """Refuse a file to be written that is one of those to be read, by whatever name: another spelling, or a link.

    Raises InvalidSpec.
    """
    if not path.is_file():
        return
    if same := next((given for given in inputs if given.exists() and path.samefile(given)), None):
        alias = "" if path == same else f", which is {shown(str(same))}"
        raise InvalidSpec(
            f"{option}: expected a file that is not read, given {shown(str(path))}{alias}. Nothing was read or written."
        )


def write_whole(path: Path, text: str) -> None:
    """Write a file as UTF-8, as `written_whole` does. Raises PermanentError where that is not possible."""
    with written_whole(path) as place:
        place.write_text(text, encoding="utf-8")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a place beside a file to write to, which becomes the file: it is there whole, or as it was before.

    A device or a named pipe is written into, as there is nothing to replace. Raises PermanentError where that is not
    possible.
    """
    try:
        if path.exists() and not path.is_file():
            yield path
            return
        target = Path(os.path.realpath(path))
        beside = target.with_name(f".pegel-{uuid.uuid4().hex}")
        try:
            yield beside
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise PermanentError(
            f"expected a place to write to, given {shown(str(path))}: {error.strerror or error}. Nothing was written."
        ) from error
