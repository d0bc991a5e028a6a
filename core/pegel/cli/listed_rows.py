"""A listing: a table for people, one shape of JSON for machines.

The shape is an object with the listed things under the command's own name and, under `unread`, why some could not be
read, a sentence each: `{"alerts": [...], "unread": []}`. Instants are ISO 8601 in UTC, and a time that has not come is
null.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from pegel.cli.console import out, say
from pegel.spec.outside_text import LONGEST_SENTENCE, shown

GAP, BELOW, LEAST = "  ", "    ", 20
"""What stands between two columns, before a line below a row, and how wide such a line is at least."""
JsonOption = Annotated[bool, typer.Option("--json", help="Print it for machines.")]


def tell_json(name: str, listed: Sequence[Any], unread: Sequence[str] = (), *, on_one_line: bool, **more: Any) -> None:
    """Print a listing for machines. `on_one_line`: as one of many documents, a line each. `more`: of the whole."""
    document = {**more, name: list(listed), "unread": list(unread)}
    say(json.dumps(document, indent=None if on_one_line else 2))


def tell_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, and nothing if it has no rows: within a terminal's width; in a pipe a line for each row.

    On a terminal that is too narrow the last column stands below each row, if that is enough, else cells are folded.
    A pipe is searched and cut, so there a row is never wrapped, however long.
    """
    cells = [[shown(cell, LONGEST_SENTENCE) for cell in row] for row in rows]
    if not cells:
        return
    widths = [max(len(row[column]) for row in (head, *cells)) for column in range(len(head))]
    if out.is_terminal and _fits(widths[:-1]) and not _fits(widths):
        _tell_below(head, cells, widths)
        return
    if out.is_terminal:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in head:
            table.add_column(title, overflow="fold")
        for row in cells:
            table.add_row(*map(Text, row))
        out.print(table)
        return
    for row in (list(head), *cells):
        say(_line(row, widths))


def _fits(widths: Sequence[int]) -> bool:
    return sum(widths) + len(GAP) * (len(widths) - 1) <= out.width


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()


def _tell_below(head: Sequence[str], cells: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    """Print the last column, which is as long as a sentence, in lines of its own below each row."""
    for row in (head, *cells):
        style = "bold" if row is head else ""
        below = textwrap.wrap(row[-1], max(out.width - len(BELOW), LEAST))
        out.print(Text(_line(row[:-1], widths), style=style), soft_wrap=True)
        for line in below:
            out.print(Text(f"{BELOW}{line}", style=style), soft_wrap=True)
