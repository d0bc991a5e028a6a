"""`pegel status`: one screen about everything."""

from __future__ import annotations

import typer
from rich.table import Table
from rich.text import Text

from pegel.cli.console import out
from pegel.cli.options import HomeOption, settings_of
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel_local.system.system_status import StatusLine, gather


def status(home: HomeOption = None) -> None:
    """Show components, drivers, models, lag and disk; each bad line names the next command.

    Exit code 1 if one is bad.
    """
    sections = gather(settings_of(home))
    table = Table(box=None, show_header=False, pad_edge=False)
    for section, lines in sections.items():
        for number, line in enumerate(lines):
            table.add_row(section if number == 0 else "", *_cells(line))
    out.print(table)
    if not all(line.good for lines in sections.values() for line in lines):
        raise typer.Exit(1)


def _cells(line: StatusLine) -> tuple[Text, Text, Text]:
    """Return name, state and what to do. A word before the state, since colour never carries a meaning alone."""
    words = shown(line.state, LONGEST_SENTENCE)
    state = Text(words) if line.good else Text(f"! {words}", style="red")
    remedy = f"-> {shown(line.remedy, LONGEST_SENTENCE)}" if line.remedy else ""
    return Text(shown(line.name)), state, Text(remedy)
