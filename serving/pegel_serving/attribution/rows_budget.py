"""How many rows of a model may be explained in a minute of event time: what a spec expects, and some more."""

from __future__ import annotations

from typing import Final

MORE: Final = 2
"""Traffic beyond what the spec expects is explained up to so many times `attribution.rows_per_minute`."""
OVER_BUDGET: Final = "over_budget"
"""The reason of events beyond that."""
MINUTE_MS: Final = 60_000
MINUTES_KEPT: Final = 240


class RowsBudget:
    """Counts rows by the minute of their event; late minutes keep what is left of them."""

    def __init__(self, per_minute: int) -> None:
        """Allow `MORE` times as many rows in each minute, and at least one event."""
        self._most = MORE * per_minute
        self._taken: dict[int, int] = {}

    def bound(self, most: int) -> None:
        """Allow no more than `most` rows in each minute. May be called by any thread."""
        self._most = min(self._most, most)

    def take(self, time_ms: int, rows: int) -> bool:
        """Say whether an event of so many rows is still explained, and if so count it."""
        minute = time_ms // MINUTE_MS
        taken = self._taken.get(minute, 0)
        if taken and taken + rows > self._most:
            return False
        self._taken[minute] = taken + rows
        while len(self._taken) > MINUTES_KEPT:
            del self._taken[min(self._taken)]
        return True
