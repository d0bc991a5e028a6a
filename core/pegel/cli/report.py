"""`pegel report`: one model as it is now, or an interval of it, as a self-contained HTML file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.interval_options import interval_report
from pegel.cli.known_names import model_names
from pegel.cli.meant_parts import refuse_unknown_segment
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.watched_model import opened
from pegel.errors import InvalidSpec
from pegel.report.html import write
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.spec import names
from pegel.spec.output_file import refuse_overwriting, refuse_unwritable, write_whole
from pegel.store.database_file import database_file
from pegel.store.meant_model import watched_model

Model = Annotated[
    str | None,
    typer.Argument(
        metavar="[MODEL[/VERSION]]",
        help="e.g. delays/1; may be left out if there is one model.",
        autocompletion=model_names,
    ),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Default: MODEL-vVERSION.html in this folder.")]


Segment = Annotated[
    str,
    typer.Option(metavar="TEXT", help="Windows and features of one segment, as in airline=AA, in place of all rows."),
]
Start = Annotated[str | None, typer.Option("--from", help="Report an interval: since when, e.g. 2026-11-22 or 7d.")]
End = Annotated[str | None, typer.Option("--to", help="Of an interval: until when, exclusive; default: now.")]


def report(  # noqa: PLR0917  options are named on the command line
    model: Model = None,
    output: Output = None,
    segment: Segment = "",
    start: Start = None,
    end: End = None,
    home: HomeOption = None,
) -> None:
    """Write the report of one model, as it is now or of an interval, and print its path."""
    settings = settings_of(home)
    if output is not None:
        refuse_unwritable(output, ".html")
        refuse_overwriting(output, filter(None, [database_file(settings.database)]), "--output")
    if start is not None or end is not None:
        if segment:
            raise InvalidSpec("--segment: given with --from or --to, of which it says nothing. Nothing was written.")
        told, page = interval_report(model, start, end, home)
        file = output or Path(f"{names.endpoint(told.model, told.version)}.html")
        write_whole(file, page)
        say(str(file.resolve()))
        return
    with opened(settings) as engine:
        entry = watched_model(engine, model, otherwise="Nothing was written.")
        refuse_unknown_segment(engine, entry.model, entry.version, segment, otherwise="Nothing was written.")
        view = model_view(Sources(engine), entry.model, entry.version, datetime.now(UTC), segment=segment)
    path = write(view, output or Path(f"{names.endpoint(entry.model, entry.version)}.html"))
    say(str(path.resolve()))
