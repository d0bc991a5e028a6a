"""A silence: no mails about what it is about, until an instant or in windows that come again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pegel.alerts.alert import Alert
from pegel.alerts.health_kind import HealthKind
from pegel.alerts.maintenance import Maintenance
from pegel.alerts.matcher import Matcher
from pegel.data.spans import Span
from pegel.spec.names import monitor_key


class SilenceState(StrEnum):
    """How a silence stands at an instant."""

    IN_FORCE = "in force"
    COMING = "coming"
    """It will hold back mails: it begins later, or its next window does."""
    PAST = "past"


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """No mails about `what`: planned work, a known season. Several may be in force at once."""

    about: Matcher
    why: str
    by: str
    """Who said so: the name under which that person logged in."""
    said_at: datetime
    since: datetime | None = None
    """From when on, inclusive. None: from when it was said on, whatever the clock of whoever mails shows by then."""
    until: datetime | None = None
    """Until when, exclusive. None: only where it comes again, until somebody ends it."""
    every: Maintenance | None = None
    """When it comes again; None: it is one piece."""
    ended_at: datetime | None = None
    """When somebody ended it; None: nobody did."""
    ended_by: str = ""
    id: int = 0
    """Its number, given by the store; 0 before."""

    def __post_init__(self) -> None:
        """Raise ValueError for one without an end."""
        if self.until is None and self.every is None:
            raise ValueError("expected an end of what does not come again; given none")
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("expected an end after the beginning")

    def state(self, now: datetime) -> SilenceState:
        """Return how it stands. One that was ended is past whatever the time is: clocks differ."""
        if self.ended_at is not None or (self.until is not None and now >= self.until):
            return SilenceState.PAST
        if self.holds(now) is not None:
            return SilenceState.IN_FORCE
        return SilenceState.PAST if self.next(now) is None else SilenceState.COMING

    def holds(self, now: datetime) -> datetime | None:
        """Return until when it holds mails back without a break, exclusive; None where it does not at this instant."""
        if self.ended_at is not None or (self.since is not None and now < self.since):
            return None
        if self.until is not None and now >= self.until:
            return None
        if self.every is None:
            return self.until
        window = self.every.window(now)
        return None if window is None else self._cut(window).end

    def next(self, now: datetime) -> Span | None:
        """Return when it will hold mails back after an instant, if it will once more."""
        if self.ended_at is not None:
            return None
        if self.every is None:
            later = self.since is not None and self.until is not None and now < self.since
            return Span(self.since, self.until) if later and self.since and self.until else None
        if self.since is not None and now < self.since:
            now = self.since
            begun = self.every.window(now)
            if begun is not None:
                return self._cut(Span(now, begun.end))
        following = self.every.following(now)
        if following is None or (self.until is not None and following.start >= self.until):
            return None
        return self._cut(following)

    def _cut(self, window: Span) -> Span:
        return window if self.until is None else Span(window.start, min(window.end, self.until))


def silenced_health(kind: HealthKind, models: Iterable[tuple[str, int]], silences: Iterable[Silence]) -> frozenset[str]:
    """Return the keys of the model versions of whose watching nothing of a kind is told; `silences`: those in force."""
    about = [one.about for one in silences]
    return frozenset(
        monitor_key(model, version)
        for model, version in models
        if any(one.covers_health(kind, model, version) for one in about)
    )


def is_in_hand(alert: Alert, silences: Iterable[Silence], now: datetime) -> bool:
    """Say whether somebody has an alert in hand: it is acknowledged, or silences that hold are about all of it."""
    return alert.is_acknowledged(now) or len(silenced_by(alert, silences, now)) == len(alert.names)


def silenced_by(alert: Alert, silences: Iterable[Silence], now: datetime) -> dict[str, tuple[int, ...]]:
    """Return which features of an alert are silenced, with the ids of the silences in force that do so."""
    # Whether one holds is looked up in a calendar, so only of those that are about something of the alert.
    meant = [one for one in silences if any(one.about.covers(each.finding) for each in alert.features)]
    in_force = [one for one in meant if one.holds(now) is not None]
    found = {
        each.feature: tuple(one.id for one in in_force if one.about.covers(each.finding)) for each in alert.features
    }
    return {feature: ids for feature, ids in found.items() if ids}
