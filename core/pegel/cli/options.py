"""Options and arguments that several commands share, and what they are turned into."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from pegel.errors import SetupError
from pegel.local.places import Home
from pegel.local.stack_file import StackFile
from pegel.settings import Settings

HomeOption = Annotated[
    Path | None, typer.Option("--home", help="Folder of the local system; default $PEGEL_HOME, else ./.pegel.")
]
SpecArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A spec in YAML or JSON.")]


def home_of(home: Path | None) -> Path:
    """Return the folder of the system that is meant."""
    return (home or Settings().home).resolve()


def settings_of(home: Path | None) -> Settings:
    """Return the settings of the system that is meant: its own addresses where it is up, else the environment's."""
    folder = home_of(home)
    state = StackFile(Home(folder)).read()
    if state is None:
        return Settings(home=folder)
    known = state.addresses
    return Settings(
        home=folder,
        kafka=known["kafka"],
        logger_url=known["logger"],
        page_url=known["page"],
        airflow_url=known["airflow"],
    )


def airflow_login(home: Path | None) -> tuple[str, str]:
    """Return user and password for Airflow: from the environment, else those of the local system. Raises SetupError."""
    user, password = os.environ.get("PEGEL_AIRFLOW_USER"), os.environ.get("PEGEL_AIRFLOW_PASSWORD")
    if user and password:
        return user, password
    state = StackFile(Home(home_of(home))).read()
    if state is None:
        raise SetupError(
            f"no local system is up in {home_of(home)}, and PEGEL_AIRFLOW_USER and PEGEL_AIRFLOW_PASSWORD are not both "
            f"set. Start one with `pegel up`, or set them."
        )
    return state.addresses["user"], state.addresses["password"]
