"""Where commands speak: results on standard output, what went wrong on standard error."""

from __future__ import annotations

from rich.console import Console

from pegel.spec.outside_text import shown_lines

out = Console(highlight=False)
err = Console(stderr=True, highlight=False, style="red")

INTERRUPTED = 130
"""Exit code after an interrupt, as shells have it: 128 and the number of the signal."""


def say(text: str, screen: Console = out) -> None:
    """Print text as it is: brackets are no markup, and nothing in it moves a cursor, a colour or a direction."""
    screen.print(shown_lines(text), soft_wrap=True, markup=False)
