"""Crash loops: how often a driver was restarted lately, and how long to wait before the next try."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pegel.reconcile.actions import Policy


@dataclass(frozen=True, slots=True)
class Streak:
    """Restarts in a row, oldest first, with no long healthy time between them or since."""

    restarts: tuple[datetime, ...] = ()

    def wait(self, policy: Policy) -> timedelta:
        """Return how long after the last restart the next may come."""
        beyond = len(self.restarts) - policy.free_restarts
        # The exponent is bounded because a timedelta is; the longest wait is reached long before.
        return timedelta(0) if beyond < 0 else min(policy.first_wait * 2 ** min(beyond, 20), policy.longest_wait)

    def refusal(self, policy: Policy, now: datetime) -> str | None:
        """Say why there is no further restart yet; None if there may be one."""
        if not self.restarts:
            return None
        again = self.restarts[-1] + self.wait(policy)
        if now >= again:
            return None
        count, since = len(self.restarts), self.restarts[0]
        return f"{count} restarts since {since:%H:%M} UTC did not help, next try at {again:%H:%M:%S} UTC"


def streak_of(restarts: Iterable[datetime], policy: Policy, now: datetime) -> Streak:
    """Return the present streak: walking back from now, a healthy time of `policy.forgiven_after` ends it."""
    streak: list[datetime] = []
    later = now
    for at in sorted(restarts, reverse=True):
        if later - at > policy.forgiven_after:
            break
        streak.append(at)
        later = at
    return Streak(tuple(reversed(streak)))
