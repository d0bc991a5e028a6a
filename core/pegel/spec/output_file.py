"""Files that a person asked for: refused before any work is done, rather than after it or by half."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pegel.errors import PermanentError
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


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Write a file in this block. Raises PermanentError where that is not possible."""
    try:
        yield
    except OSError as error:
        raise PermanentError(
            f"expected a place to write to, given {shown(str(path))}: {error.strerror}. Nothing was written."
        ) from error
