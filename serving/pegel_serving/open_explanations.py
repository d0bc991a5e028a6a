"""Explanations that a client may ask an endpoint for: none unless its spec opens them, and then few in a minute.

An explanation takes the work of hundreds of predictions, and tells whoever looks for a way around a model by which
values it is moved. None of it is a prediction, so it is no event of the topic, where its rows would be counted as
predicted on: it is counted here, and each one is a line of the proxy's log.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog

log = structlog.stdlib.get_logger(__name__)

PER_MINUTE: Final = 60
"""Calls that pass in any minute, of all clients together; so many lines they are in the log, too."""
_MINUTE_S: Final = 60.0


class OpenExplanations:
    """Says which calls pass, and counts all of them. Not for several threads."""

    def __init__(self, per_minute: int = PER_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        """Let `per_minute` calls pass in any 60 s of `clock`; 0: none at all."""
        self._per_minute, self._clock = per_minute, clock
        self._passed_at: deque[float] = deque(maxlen=max(1, per_minute))
        self.asked = 0
        """Calls that came."""
        self.passed = 0
        """Those of them that were forwarded."""

    @property
    def are_open(self) -> bool:
        """Say whether any call passes."""
        return self._per_minute > 0

    def take(self) -> bool:
        """Count a call, and say whether it passes."""
        self.asked += 1
        now = self._clock()
        if not self.are_open or (len(self._passed_at) == self._per_minute and now - self._passed_at[0] < _MINUTE_S):
            return False
        self._passed_at.append(now)
        self.passed += 1
        return True

    def tell(self, event_id: str, status: int, size: int) -> None:
        """Write down one call that passed: the id its answer carries, what the server said, bytes of its body."""
        log.info("explained on request", id=event_id, status=status, bytes=size, asked=self.asked, passed=self.passed)
