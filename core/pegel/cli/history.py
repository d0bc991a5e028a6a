"""`pegel history MODEL --since 7d`: what happened to a model, day by day, in words, or its tables as files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.known_names import model_names
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.watched_model import VersionOption
from pegel.errors import InvalidSpec
from pegel.past.interval import interval
from pegel.past.model_history import History
from pegel.past.model_history import history as history_of
from pegel.past.past_table import PastTable
from pegel.past.story_words import story_json
from pegel.spec.output_file import refuse_overwriting, refuse_unwritable
from pegel.store.database_file import database_file


class TableName(StrEnum):
    """What may be written as a table."""

    WINDOWS = "windows"
    FEATURES = "features"
    FINDINGS = "findings"
    DAYS = "days"
    PERFORMANCE = "performance"
    OUTLIERS = "outliers"
    LEDGER = "ledger"
    SUPERSEDED = "superseded"

    def of(self, told: History) -> PastTable:
        """Return the table of this name."""
        table: PastTable = getattr(told, self.value)
        return table


Model = Annotated[
    str | None,
    typer.Argument(
        metavar="[MODEL[/VERSION]]",
        help="e.g. delays/1; may be left out if there is one model.",
        autocompletion=model_names,
    ),
]
Since = Annotated[str, typer.Option(help="How far back, such as 7d or 12h, or an instant, such as 2026-11-22.")]
Until = Annotated[str | None, typer.Option(help="Where it ends, exclusive; default: now.")]
Table = Annotated[TableName, typer.Option(help="Which table --csv and --parquet write.")]
Csv = Annotated[Path | None, typer.Option("--csv", help="Write a table as CSV: *.csv.")]
Parquet = Annotated[Path | None, typer.Option("--parquet", help="Write a table as Parquet: *.parquet.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the story for machines.")]


def history(  # noqa: PLR0917  options are named on the command line
    model: Model = None,
    version: VersionOption = None,
    since: Since = "7d",
    until: Until = None,
    as_json: AsJson = False,
    table: Table = TableName.WINDOWS,
    csv: Csv = None,
    parquet: Parquet = None,
    home: HomeOption = None,
) -> None:
    """Tell what happened to a model: verdicts day by day, what was found, alerts; or write a table of it."""
    settings = settings_of(home)
    files = [(file, suffix) for file, suffix in ((csv, ".csv"), (parquet, ".parquet")) if file is not None]
    if as_json and files:
        raise InvalidSpec("--json: expected one form, given --csv or --parquet with it. Nothing was read or written.")
    for file, suffix in files:
        refuse_unwritable(file, suffix)
        refuse_overwriting(file, filter(None, [database_file(settings.database)]), f"--{suffix[1:]}")
    within = interval(since, until, now=datetime.now(UTC), names=("--since", "--until"))
    told = history_of(model, within.start, within.end, version=version, database=settings.database)
    for file, _suffix in files:
        table.of(told).write(file)
        say(str(file.resolve()))
    if not files:
        say(json.dumps(story_json(told.story), indent=2) if as_json else str(told))
