"""Which monitors fail, since when, why, and how many windows that has cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from pegel.spec.names import monitor_key
from pegel.stream.commit import MonitorFailure

Owner = tuple[str, int]
"""Model and version."""


class MonitorFailures:
    """The failures that are not over. `changed` and `over` collect what happened since the last `settle`."""

    def __init__(self, active: Iterable[MonitorFailure] = ()) -> None:
        """Start with failures from before."""
        self.active = {monitor_key(failure.model, failure.version): failure for failure in active}
        self._changed: set[str] = set()
        self._over: list[Owner] = []

    def fail(self, key: str, owner: Owner, reason: str, at: datetime, *, lost: int) -> None:
        """Note that a monitor failed, at the cost of `lost` windows. The first reason stands until it is over."""
        failure = self.active.get(key)
        if failure is not None and not lost:
            return
        if failure is None:
            failure = MonitorFailure(model=owner[0], version=owner[1], since=at, reason=reason, windows_lost=0)
        self.active[key] = replace(failure, windows_lost=failure.windows_lost + lost)
        self._changed.add(key)

    def works(self, key: str) -> None:
        """Note that a monitor was judged to the end again."""
        failure = self.active.pop(key, None)
        if failure is not None:
            self._over.append((failure.model, failure.version))
            self._changed.discard(key)

    def forget(self, key: str) -> None:
        """Let go of a monitor that is watched no more."""
        self.active.pop(key, None)
        self._changed.discard(key)

    def settle(self) -> tuple[list[MonitorFailure], list[Owner]]:
        """Return the failures that changed and the owners of those that are over, and forget that they are new."""
        changed, over = [self.active[key] for key in sorted(self._changed)], self._over
        self._changed, self._over = set(), []
        return changed, over
