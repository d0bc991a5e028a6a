"""`pegel backup FILE`: a copy of the results database, while everything runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.options import HomeOption, same_home, settings_of
from pegel.cli.progress import bar
from pegel.errors import InvalidSpec, PermanentError
from pegel.featurestore.scratch_folders import scratch_folder
from pegel.spec.outside_text import shown
from pegel.spec.settings import Settings
from pegel.store.database_copy import copy_sqlite
from pegel.store.database_file import database_file, refuse_missing

BackupFile = Annotated[Path, typer.Argument(metavar="FILE", help="The copy, which is not there yet.")]


def backup(file: BackupFile, home: HomeOption = None) -> None:
    """Copy the results database as it is at one moment; drivers and workflows go on meanwhile."""
    settings = settings_of(home)
    source = sqlite_file(settings, "pg_dump --format=custom --file=FILE, see docs/backup.md")
    refuse_missing(settings.database)
    if file.exists():
        raise InvalidSpec(f"expected a file that is not there, given {shown(str(file))}. Nothing was copied.")
    if not file.resolve().parent.is_dir():
        raise InvalidSpec(f"expected a folder that is there, given {shown(str(file))}. Nothing was copied.")
    with folder_beside(file.resolve(), "copied") as scratch, bar("backup") as tell:
        beside = scratch / file.name
        copy_sqlite(source, beside, *([] if tell is None else [tell]))
        beside.rename(file)
    size = file.stat().st_size
    say(f"{file}: {size:,} bytes; `pegel restore {shown(str(file))} --yes{same_home(home)}` puts it back")


@contextmanager
def folder_beside(file: Path, done: str) -> Iterator[Path]:
    """Yield a new folder on the disk of a file, gone afterwards. Raises PermanentError: nothing was `done`."""
    try:
        with scratch_folder(file.parent) as scratch:
            yield scratch
    except OSError as error:
        why = f"{shown(str(file.parent))}, which takes no file: {error.strerror or error}"
        raise PermanentError(f"expected a folder that may be written, given {why}. Nothing was {done}.") from error


def sqlite_file(settings: Settings, otherwise: str) -> Path:
    """Return the file of the results database, which need not be there.

    Raises PermanentError where it is a server's, with what to do there.
    """
    found = database_file(settings.database)
    if found is None:
        raise PermanentError(f"the results database is on a server, whose own programs copy it: {otherwise}.")
    return found
