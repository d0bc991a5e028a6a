"""Options and arguments that several commands share, and what they are turned into."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from pegel.errors import PermanentError, SetupError
from pegel.spec.outside_text import shown
from pegel.spec.settings import Settings

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of the local system; default $PEGEL_HOME, else ./.pegel.")
]
SpecArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A spec in YAML or JSON.")]


def home_of(home: Path | None) -> Path:
    """Return the folder of the system that is meant; it may not be there yet. Raises SetupError if it is a file."""
    folder = (home or Settings().home).resolve()
    if folder.exists() and not folder.is_dir():
        raise SetupError(f"expected a folder as home, given the file {shown(str(folder))}. Nothing was read or made.")
    return folder


def settings_of(home: Path | None) -> Settings:
    """Return the settings of the system that is meant: its own addresses where it is up, else the environment's."""
    return Settings.of_home(home_of(home))


def same_home(home: Path | None) -> str:
    """Return what a recommended command needs in order to mean the same system: nothing, or its `--home`."""
    return "" if home is None else f" --home {shlex.quote(str(home))}"


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
