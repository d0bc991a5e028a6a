"""How a stage fails: what was expected, what happened, which log to open."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pegel.errors import PermanentError

Found = TypeVar("Found")
LOOK_EVERY_S = 0.25


class StageFailed(PermanentError):
    """A stage did not show what it must show."""

    def __init__(self, *, expected: str, happened: str, log: Path | None = None) -> None:
        """Say the three things a person needs."""
        where = f"\n  open:     {log}" if log else ""
        super().__init__(f"  expected: {expected}\n  happened: {happened}{where}")


def require(condition: bool, *, expected: str, happened: str, log: Path | None = None) -> None:
    """Raise StageFailed unless the condition holds."""
    if not condition:
        raise StageFailed(expected=expected, happened=happened, log=log)


def eventually(
    look: Callable[[], Found | None], *, within_s: float, expected: str, happened: Callable[[], str], log: Path
) -> Found:
    """Look until something is found and return it.

    Raises StageFailed after `within_s`, telling what `happened` instead.
    """
    deadline = time.monotonic() + within_s
    while True:
        seen = look()
        if seen is not None:
            return seen
        if time.monotonic() > deadline:
            raise StageFailed(expected=f"{expected} within {within_s:g} s", happened=happened(), log=log)
        time.sleep(LOOK_EVERY_S)
