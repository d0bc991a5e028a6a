"""A line of a log that every request could repeat is written a few times a minute, with how often it was due."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable

LINES = 50
"""Different lines of a minute that are counted each on its own; all others of that minute are counted together."""
_MINUTE_S = 60.0


class RepeatedLines:
    """Counts lines minute by minute: what failed yesterday as well is told again today, and no failure is a flood."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing counted. `seconds` is a clock that never goes back."""
        self._seconds = seconds
        self._minute = 0
        self._times: Counter[Hashable] = Counter()

    def times(self, line: Hashable) -> int | None:
        """Count `line`, and return how often it was due in this minute if it is to be written now, else None.

        It is written the first time, and whenever its number has doubled: 14 lines of 10,000 in a minute.
        """
        minute = int(self._seconds() // _MINUTE_S)
        if minute != self._minute:
            self._minute = minute
            self._times.clear()
        key = line if line in self._times or len(self._times) < LINES else None
        self._times[key] += 1
        times = self._times[key]
        return times if times & (times - 1) == 0 else None
