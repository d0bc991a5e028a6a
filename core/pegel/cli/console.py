"""Where commands speak: results on standard output, what went wrong on standard error."""

from __future__ import annotations

from rich.console import Console

from pegel.spec.outside_text import shown_lines

out = Console(highlight=False)
err = Console(stderr=True, highlight=False, style="red")
aside = Console(stderr=True, highlight=False)
"""For words while something takes long: neither a result nor anything wrong."""

INTERRUPTED = 130
"""Exit code after an interrupt, as shells have it: 128 and the number of the signal."""

UNPRINTED = 74
"""Exit code where all was done and standard output took nothing more: `EX_IOERR` of sysexits.h."""
_lacking: list[OSError] = []


def say(text: str, screen: Console = out) -> None:
    """Print text as it is: brackets are no markup, and nothing in it moves a cursor, a colour or a direction.

    What standard output does not take, as on a full disk, goes to standard error, and ends no command.
    """
    try:
        screen.print(shown_lines(text), soft_wrap=True, markup=False)
    except OSError as error:
        if screen is not out:
            return  # there is nobody left to tell
        if not _lacking:
            say(f"standard output takes nothing more ({error.strerror or error}); what it lacks follows here", err)
        _lacking.append(error)
        say(text, err)


def lacking() -> bool:
    """Say whether standard output lacks anything that was said since the last time this was asked."""
    was = bool(_lacking)
    _lacking.clear()
    return was
