"""`--watch`: the same look again and again, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

import typer

from pegel.cli.console import err, out, say
from pegel.errors import Unavailable

EVERY_S = 2.0
WatchOption = Annotated[bool, typer.Option("--watch", "-w", help=f"Look again every {EVERY_S:g} s, until Ctrl-C.")]


def look_or_watch(look: Callable[[], None], *, watch: bool, as_json: bool = False, every_s: float = EVERY_S) -> None:
    """Look once; with `watch`, again and again. `look` prints what it sees, and may raise typer.Exit where it is bad.

    On a terminal each look takes the place of the one before, at once; elsewhere one follows the other, for machines a
    line of JSON each. What is away for a moment (Unavailable) ends no watching: it is said, and looked at again.
    """
    if not watch:
        look()
        return
    while True:
        replaces = out.is_terminal and not as_json
        if replaces:
            with out.capture() as held:
                _look(look)
            seen = held.get()
            out.clear()
            out.file.write(f"every {every_s:g} s, at {datetime.now(UTC):%H:%M:%S} UTC; Ctrl-C ends it\n\n{seen}")
            out.file.flush()
        else:
            _look(look)
            out.file.flush()
        time.sleep(every_s)


def _look(look: Callable[[], None]) -> None:
    try:
        look()
    except typer.Exit:
        pass  # what is bad is shown, and may be good at the next look
    except Unavailable as error:
        say(str(error), err)
