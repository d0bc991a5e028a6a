"""Options and arguments that several commands share, and what they are turned into."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from pegel.errors import SetupError
from pegel.spec.outside_text import shown
from pegel.spec.settings import Settings

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Folder of the local system; default $PEGEL_HOME, else the nearest .pegel upwards."),
]
SpecArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="A spec in YAML or JSON; - reads it from standard input.")
]


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
