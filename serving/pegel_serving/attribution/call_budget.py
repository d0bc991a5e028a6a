"""How many rows an endpoint is asked about in a minute, whatever happens to those who ask."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_MINUTE_S: Final = 60.0
_CALLS_TAKE: Final = 61.0
"""Seconds that a minute's rows take. One more than it has, because the rows of one call are waited for before it: so no
60 s have more of them than they may, wherever they begin."""
_ANSWERED_IN: Final = 2
"""What is asked of a model's process at once takes up to one in so many minutes: it has to answer before it is taken
for one that hangs, also where it asks about each event again by itself."""


@dataclass(slots=True)
class CallBudget:
    """Spreads rows evenly: whoever asks has waited for them.

    Nobody begins with any, so that processes of a model which follow one another, each with a budget of its own, have
    no more together than one that goes on.
    """

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    wait: Callable[[float], None] = time.sleep
    _asked_at: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin to wait for the first rows."""
        self._asked_at = self.clock()

    @property
    def at_once(self) -> int:
        """Return how many rows one call may have: about a second's worth, one at least."""
        return max(1, int(self.per_minute // _CALLS_TAKE))

    def spend(self, rows: int) -> None:
        """Wait until so many rows, `at_once` at most, may be asked about."""
        due = self._asked_at + rows * _CALLS_TAKE / self.per_minute
        while (left := due - self.clock()) > 0:
            self.wait(min(left, _MINUTE_S))
        self._asked_at = self.clock()


def rows_at_once(calls_per_minute: int, features: int) -> int:
    """Return how many rows a process may be given at once to explain them by an endpoint; one at least."""
    return max(1, calls_per_minute // (_ANSWERED_IN * (features + 1)))
