"""`pegel register TABLE --name NAME`: a table becomes training data for a monitor."""

from __future__ import annotations

import warnings
from typing import Annotated

import typer

from pegel.cli.console import err, say
from pegel.cli.options import HomeOption, home_of
from pegel.cli.profile import Categorical, Data, Predictions, Units, units_of
from pegel.cli.progress import bar
from pegel.notebook import registering
from pegel.notebook.naming import place

Name = Annotated[str, typer.Option("--name", help="Of the training data: letters, digits, `_`, `-`, `.`.")]
Time = Annotated[str | None, typer.Option("--time", help="The column with the time of each row.")]
Label = Annotated[str | None, typer.Option("--label", help="A column of true outcomes: kept, not watched.")]
Replace = Annotated[bool, typer.Option("--replace", help="Other content under this name and version gives way.")]


def register(  # noqa: PLR0917  options are named on the command line
    table: Data,
    name: Name,
    version: Annotated[int, typer.Option(min=1, help="Of the training data, not of the model.")] = 1,
    prediction: Predictions = None,
    time: Time = None,
    label: Label = None,
    categorical: Categorical = None,
    unit: Units = None,
    split: Annotated[str, typer.Option(help="Which part of the training data it is.")] = "train",
    replace: Replace = False,
    home: HomeOption = None,
) -> None:
    """Keep a table as training data, and tell what is in it; files may be larger than memory."""
    folder = home_of(home)
    is_new = not folder.exists()
    with warnings.catch_warnings(), bar("register") as progress:
        warnings.simplefilter("ignore", UserWarning)  # they are told below
        registration = registering.register(
            table,
            name=name,
            version=version,
            prediction=prediction or (),
            time=time,
            label=label,
            categorical=categorical or (),
            units=units_of(unit),
            split=split,
            replace=replace,
            home=folder,
            progress=progress,
        )
    say(str(registration))
    if is_new:
        say(f"home: {place(folder)}, made anew")
    for warning in registration.warnings:
        say(f"warning: {warning}", err)
