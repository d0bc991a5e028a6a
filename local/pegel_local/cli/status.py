"""`pegel status`: one screen about everything."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from pegel.cli.console import out, say
from pegel.cli.listed_rows import JsonOption, tell_json
from pegel.cli.look_again import WatchOption, look_or_watch
from pegel.cli.options import HomeOption, same_home, settings_of
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel_local.system.status_line import StatusLine
from pegel_local.system.system_status import gather

Sections = dict[str, list[StatusLine]]


def status(*, as_json: JsonOption = False, watch: WatchOption = False, home: HomeOption = None) -> None:
    """Show components, drivers, models, silences, lag and disk; each bad line names the next command.

    Exit code 1 if one is bad.
    """
    settings = settings_of(home)

    def look() -> None:
        sections = {name: [_of_home(line, home) for line in lines] for name, lines in gather(settings).items()}
        good = all(line.good for lines in sections.values() for line in lines)
        if as_json:
            tell_json("status", _plain(sections), on_one_line=watch, good=good)
        elif out.is_terminal:
            out.print(screen(sections))
        else:
            say("\n".join(_lines(sections)))
        if not good:
            raise typer.Exit(1)

    look_or_watch(look, watch=watch, as_json=as_json)


def _of_home(line: StatusLine, home: Path | None) -> StatusLine:
    """Return a line whose command means the system that was looked at."""
    return replace(line, remedy=f"{line.remedy}{same_home(home)}") if line.remedy.startswith("pegel ") else line


def _plain(sections: Sections) -> list[dict[str, Any]]:
    return [{"section": section} | asdict(line) for section, lines in sections.items() for line in lines]


def screen(sections: Sections) -> Table:
    """Return what a person looks at: what is to be done stands in a line of its own, so that it can be copied whole."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for section, lines in sections.items():
        for number, line in enumerate(lines):
            name, state, remedy = _words(line)
            cell = Text(state, style="" if line.good else "red")
            if remedy:
                cell.append(f"\n{remedy}", style="default")
            table.add_row(section if number == 0 else "", Text(name), cell)
    return table


def _lines(sections: Sections) -> list[str]:
    """Return a line for each, however long, with its section: for pipes and files, where it is searched and cut."""
    cells = [(section, *_words(line)) for section, lines in sections.items() for line in lines]
    widths = [max((len(row[column]) for row in cells), default=0) for column in (0, 1)]
    return [
        f"{section:<{widths[0]}}  {name:<{widths[1]}}  {state}  {remedy}".rstrip()
        for section, name, state, remedy in cells
    ]


def _words(line: StatusLine) -> tuple[str, str, str]:
    """Return name, state and what to do. A word before the state, since colour never carries a meaning alone."""
    state = shown(line.state, LONGEST_SENTENCE)
    remedy = f"-> {shown(line.remedy, LONGEST_SENTENCE)}" if line.remedy else ""
    return shown(line.name), state if line.good else f"! {state}", remedy
