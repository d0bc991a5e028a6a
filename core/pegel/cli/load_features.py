"""`pegel features load TABLE... --to local://flights --key flight --time updated`: fill a view of an online store."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel.notebook import feature_loading
from pegel.online.stores import loadable_store


class FeaturesVerb(StrEnum):
    """What is to be done."""

    LOAD = "load"


Act = Annotated[FeaturesVerb, typer.Argument(help="load: write the latest row of each entity into the store.")]
Data = Annotated[
    list[str], typer.Argument(metavar="DATA...", help="Parquet or CSV: files, folders, or patterns like 'days/*.csv'.")
]
To = Annotated[str, typer.Option("--to", help="A view of an online store: local://NAME or redis://NAME.")]
Keys = Annotated[list[str], typer.Option("--key", help="A column that says which entity a row is about; in order.")]
Time = Annotated[str, typer.Option("--time", help="The column with the time at which the features were so.")]
Features = Annotated[list[str] | None, typer.Option("--feature", help="A column to load; all others without.")]
Texts = Annotated[
    list[str] | None, typer.Option("--text", help="A feature whose values are texts, as 007 in a CSV; loaded as well.")
]


def features(  # noqa: PLR0917  options are named on the command line
    verb: Act,
    data: Data,
    to: To,
    key: Keys,
    time: Time,
    feature: Features = None,
    text: Texts = None,
    home: HomeOption = None,
) -> None:
    """Fill a view of an online store from a table; files may be larger than memory."""
    del verb  # there is but one
    store = loadable_store(to, settings_of(home))
    loaded = feature_loading.load(data, store, keys=key, time=time, features=feature, texts=text or ())
    say(f"{to}: {loaded}")
