"""A listing: a table for people, one shape of JSON for machines.

The shape is an object with the listed things under the command's own name and, under `unread`, why some could not be
read, a sentence each: `{"alerts": [...], "unread": []}`. Instants are ISO 8601 in UTC, and a time that has not come is
null.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from pegel.cli.console import out, say
from pegel.spec.outside_text import LONGEST_SENTENCE, shown

JsonOption = Annotated[bool, typer.Option("--json", help="Print it for machines.")]


def tell_json(name: str, listed: Sequence[Any], unread: Sequence[str] = (), *, on_one_line: bool, **more: Any) -> None:
    """Print a listing for machines. `on_one_line`: as one of many documents, a line each. `more`: of the whole."""
    document = {**more, name: list(listed), "unread": list(unread)}
    say(json.dumps(document, indent=None if on_one_line else 2))


def tell_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, and nothing if it has no rows: folded into a terminal's width; in a pipe a line for each row.

    There it is searched and cut, so a row is never wrapped, however long.
    """
    cells = [[shown(cell, LONGEST_SENTENCE) for cell in row] for row in rows]
    if not cells:
        return
    if out.is_terminal:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in head:
            table.add_column(title, overflow="fold")
        for row in cells:
            table.add_row(*map(Text, row))
        out.print(table)
        return
    widths = [max(len(row[column]) for row in (head, *cells)) for column in range(len(head))]
    for row in (list(head), *cells):
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
