"""Crash loops: how often the same was tried lately, and how long to wait before the next try."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pegel.reconcile.actions import ActionKind, PastAction, Target
from pegel.spec.limits import FIRST_WAIT, FORGIVEN_AFTER, FREE_RESTARTS, LONGEST_WAIT

TRIES = {ActionKind.START: "starts", ActionKind.REPLACE: "replacements", ActionKind.RESTART: "restarts"}


@dataclass(frozen=True, slots=True)
class Streak:
    """Tries in a row, oldest first, with no long healthy time between them or since."""

    tries: tuple[datetime, ...] = ()

    def wait(self) -> timedelta:
        """Return how long after the last try the next may come."""
        beyond = len(self.tries) - FREE_RESTARTS
        # The exponent is bounded because a timedelta is; the longest wait is reached long before.
        return timedelta(0) if beyond < 0 else min(FIRST_WAIT * 2 ** min(beyond, 20), LONGEST_WAIT)

    def refusal(self, kind: ActionKind, now: datetime) -> str | None:
        """Say why there is no further try of this kind yet; None if there may be one."""
        if not self.tries:
            return None
        again = self.tries[-1] + self.wait()
        if now >= again:
            return None
        count, since = len(self.tries), self.tries[0]
        return f"{count} {TRIES[kind]} since {since:%H:%M} UTC did not help, next try at {again:%H:%M:%S} UTC"


def streak_of(tries: Iterable[datetime], now: datetime) -> Streak:
    """Return the present streak: walking back from now, a healthy time of `FORGIVEN_AFTER` ends it."""
    streak: list[datetime] = []
    later = now
    for at in sorted(tries, reverse=True):
        if later - at > FORGIVEN_AFTER:
            break
        streak.append(at)
        later = at
    return Streak(tuple(reversed(streak)))


def refusal(history: Iterable[PastAction], target: Target, kind: ActionKind, now: datetime) -> str | None:
    """Say why `target` is in quarantine: `kind` was tried too often since it was last stopped. None if it is not."""
    own = [action for action in history if action.target == target]
    stopped = max((action.at for action in own if action.kind is ActionKind.STOP), default=None)
    tries = (action.at for action in own if action.kind is kind and (stopped is None or action.at > stopped))
    return streak_of(tries, now).refusal(kind, now)
