"""A bar for long work: on standard error, and only if a person is looking."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def bar(what: str, console: Console | None = None) -> Iterator[Callable[[float], None] | None]:
    """Yield what is to be told the share of the work that is done, from 0 to 1; None where nobody looks."""
    screen = console or Console(stderr=True)
    if not screen.is_terminal:
        yield None
        return
    with Progress(console=screen, transient=True) as shown:
        task = shown.add_task(what, total=1.0)

        def tell(share: float) -> None:
            shown.update(task, completed=share)

        yield tell
