"""`pegel profile DATA -o baseline.json`: learn what a table looks like."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Annotated

import typer

from pegel.cli.console import err, say
from pegel.cli.progress import bar
from pegel.errors import InvalidSpec
from pegel.notebook import file_search, profiling
from pegel.notebook.naming import listed
from pegel.spec.output_file import refuse_overwriting, refuse_unwritable, write_whole
from pegel.spec.outside_text import shown
from pegel.spec.plain_numbers import how_many

Data = Annotated[
    list[str], typer.Argument(metavar="DATA...", help="Parquet or CSV: files, folders, or patterns like 'days/*.csv'.")
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Where the baseline is written.")]
Predictions = Annotated[list[str] | None, typer.Option("--prediction", help="A column that a model has predicted.")]
Categorical = Annotated[list[str] | None, typer.Option("--categorical", help="A column of codes, not of quantities.")]
Units = Annotated[list[str] | None, typer.Option("--unit", metavar="COLUMN=UNIT", help="Unit of a column: delay=min.")]
Segment = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN[=CUT,CUT...]",
        help="A column that parts the rows, by its categories or at cuts: distance=500,1000.",
    ),
]
WindowRows = Annotated[
    int | None, typer.Option(min=1, help="If rows are in order of time: rows of the tables that will be checked.")
]


def profile(  # noqa: PLR0917  options are named on the command line
    data: Data,
    output: Output = Path("baseline.json"),
    prediction: Predictions = None,
    categorical: Categorical = None,
    unit: Units = None,
    window_rows: WindowRows = None,
    segment: Segment = None,
    name: Annotated[str, typer.Option(help="Of the model, or whatever else the table belongs to.")] = "table",
    version: Annotated[int, typer.Option(min=1, help="Of the same.")] = 1,
) -> None:
    """Learn what a table looks like and write it as a baseline; files may be larger than memory."""
    refuse_unwritable(output)
    refuse_overwriting(output, files_of(data), "--output")
    with warnings.catch_warnings(record=True) as warned, bar("profile") as progress:
        warnings.simplefilter("always", UserWarning)
        baseline = profiling.profile(
            data,
            predictions=prediction or (),
            categorical=categorical or (),
            units=units_of(unit),
            window_rows=window_rows,
            segments=[segment_of(each) for each in segment or ()],
            name=name,
            version=version,
            progress=progress,
        )
    for warning in warned:
        say(str(warning.message), err)
    write_whole(output, json.dumps(baseline.to_json()))
    fields = len(baseline.layout.features)
    say(f"{shown(str(output))}: {how_many(baseline.rows, 'row')}, {how_many(fields, 'column')}, {baseline.id}")


def files_of(data: list[str]) -> list[Path]:
    """Return the files of a table. Raises PermanentError as reading it does."""
    return [file.path for file in file_search.find(data) or ()]


def units_of(given: list[str] | None) -> dict[str, str]:
    """Return units by column. Raises InvalidSpec for anything but `column=unit`."""
    pairs = [pair.partition("=") for pair in given or ()]
    if wrong := ["".join(pair) for pair in pairs if not all(pair)]:
        raise InvalidSpec(f"--unit: expected COLUMN=UNIT, as in delay=min; given {listed(wrong)}. Nothing was read.")
    return {column: unit for column, _, unit in pairs}


def segment_of(given: str) -> str | dict[str, str | list[str]]:
    """Return a column that parts the rows, as `pegel.profile` takes it.

    >>> segment_of("airline"), segment_of("distance=500,1000")
    ('airline', {'column': 'distance', 'cuts': ['500', '1000']})
    """
    column, _, cuts = given.rpartition("=")
    return {"column": column, "cuts": cuts.split(",")} if column else given
