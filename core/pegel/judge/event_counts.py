"""What came of a model's events between one verdict and the next, counted by what is odd about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from pegel.data.instants import MILLISECOND
from pegel.stats.answer_latencies import Latencies, boundary


class Among(Enum):
    """What odd events are a part of."""

    EVENTS = "all events of the model"
    GROUP = "all events of the group: such events name no model that it watches"
    REQUESTS = "the requests of which it is known whether they were answered"
    ANSWERS = "the answers of which it is known how long they took"


@dataclass(frozen=True, slots=True)
class EventKind:
    """One way in which events can be odd.

    `test`: its name in findings, and in counts. `feature`: what it is called where a feature's name stands. `words`:
    what is said of such events. `state`: what is said of a model that has too many. `tolerated`: the field of
    `MonitorSpec.events` that says how many may be so. `among`: what they are a part of.
    """

    test: str
    feature: str
    words: str
    state: str
    tolerated: str
    among: Among = Among.EVENTS

    @property
    def is_of_requests(self) -> bool:
        """Say whether they are known only after their requests were settled, which were made before the window."""
        return self.among in {Among.REQUESTS, Among.ANSWERS}


UNANSWERED = EventKind(
    "unanswered", "missing answers", "had no answer", "answers are missing", "unanswered", Among.REQUESTS
)
SLOW = EventKind("slow", "slow answers", "took longer than", "answers are slow", "slow", Among.ANSWERS)
KINDS = (
    EventKind("invalid", "unreadable events", "could not be read", "events are unreadable", "invalid"),
    EventKind("late", "late events", "came after their window was final", "events are late", "late"),
    EventKind(
        "duplicate",
        "duplicate events",
        "were copies of events that had come before",
        "events come twice",
        "duplicate",
    ),
    EventKind("dropped", "dropped events", "were given up by the logger", "events are dropped", "dropped"),
    EventKind("ahead", "events dated ahead", "were dated in the future", "events are dated ahead", "ahead"),
    EventKind(
        "failed_look_ups",
        "failed look-ups",
        "had failed look-ups in the online store",
        "failed look-ups",
        "failed_look_ups",
    ),
    UNANSWERED,
    SLOW,
    EventKind(
        "nobody",
        "events of no model",
        "of the group belong to no watched model",
        "events belong to no model",
        "invalid",
        Among.GROUP,
    ),
    EventKind(
        "nobody_dropped",
        "dropped events of no model",
        "of the group were given up by the logger",
        "events of no model are dropped",
        "dropped",
        Among.GROUP,
    ),
)
"""Every kind of odd events. Each is one test of a window."""


_INSTANTS = ("since", "asked_from", "asked_to", "unanswered_from")


@dataclass(slots=True)
class EventCounts:
    """Events by time of arrival: of one model, and of all that its group reads.

    `received`: all events of the model, those of which the logger only says that it dropped them included;
    `group_received`: the same of the whole group, 0 where another model speaks for the group. `odd`: how many were so,
    by the `test` of their kind; an event may be odd in two ways. `reasons`: why events could not be read, by kind of
    events and by reason. `asked`: requests of which it is known whether they were answered; `unlogged`: those of an
    endpoint that never logged an answer, of which it is not; `unasked`: answers of one that never logged a request.
    `since`: when the first odd one came, or, while there is none, the first of all; None before. The requests of
    `asked` were made from `asked_from` (inclusive) to `asked_to` (not), the first without an answer at
    `unanswered_from`: they are older than the events that arrived beside them. `latencies`: how long those of `asked`
    took that were answered. `orphans`: responses of which it is known that they have no request.
    """

    received: int = 0
    group_received: int = 0
    odd: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, dict[str, int]] = field(default_factory=dict)
    since: datetime | None = None
    asked: int = 0
    unlogged: int = 0
    unasked: int = 0
    asked_from: datetime | None = None
    asked_to: datetime | None = None
    unanswered_from: datetime | None = None
    latencies: Latencies = field(default_factory=Latencies)
    orphans: int = 0

    def add(self, odd: Mapping[str, int], reasons: Mapping[str, Mapping[str, int]] | None = None) -> None:
        """Add numbers of odd events, by the `test` of their kind; `reasons` by kind and reason."""
        for test, count in odd.items():
            if count:
                self.odd[test] = self.odd.get(test, 0) + count
        for test, counts in (reasons or {}).items():
            mine = self.reasons.setdefault(test, {})
            for reason, count in counts.items():
                mine[reason] = mine.get(reason, 0) + count

    def of(self, kind: EventKind) -> tuple[int, int]:
        """Return how many events were odd in this way, and among how many.

        Answers that the logger may have dropped are not said to be missing: it does not say what it dropped.
        """
        seen = self.odd.get(kind.test, 0)
        if kind.among is Among.REQUESTS:
            seen = max(0, seen - self.odd.get("dropped", 0))
        whole = {Among.GROUP: self.group_received, Among.REQUESTS: self.asked, Among.ANSWERS: self.latencies.n}
        return seen, whole.get(kind.among, self.received)

    def with_slow(self, limit: timedelta | None) -> EventCounts:
        """Return the counts with the answers that certainly took longer than `limit`: by 1.6 % of it, or 1 ms.

        None: none is slow.
        """
        if limit is None:
            return self
        slow = self.latencies.at_least(boundary(limit // MILLISECOND + 1))
        return replace(self, odd=self.odd | {SLOW.test: slow}) if slow else self

    def began(self, kind: EventKind, start: datetime) -> datetime:
        """Return when these events of a kind began, those that arrived for a window which begins at `start`.

        Requests are older than the window that tells of them.
        """
        known = {Among.REQUESTS: self.unanswered_from, Among.ANSWERS: self.asked_from}.get(kind.among)
        return start if known is None else known

    @property
    def never_logged(self) -> str:
        """Return which half of its events the endpoint never logged: `answers`, `requests`, or an empty text."""
        return "answers" if self.unlogged else "requests" if self.unasked else ""

    def asked_between(self) -> dict[str, str]:
        """Return from when to when the requests were made, as plain JSON; nothing where it is not known."""
        instants = {"asked_from": self.asked_from, "asked_to": self.asked_to}
        return {name: at.isoformat() for name, at in instants.items() if at is not None}

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "received": self.received,
            "group_received": self.group_received,
            "odd": self.odd,
            "reasons": self.reasons,
            "asked": self.asked,
            "unlogged": self.unlogged,
            "unasked": self.unasked,
            "latencies": self.latencies.to_json(),
            "orphans": self.orphans,
            **{name: _text(getattr(self, name)) for name in _INSTANTS},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EventCounts:
        """Read what `to_json` wrote."""
        instants = {name: data[name] for name in _INSTANTS}
        return cls(
            data["received"],
            data["group_received"],
            dict(data["odd"]),
            {test: dict(counts) for test, counts in data["reasons"].items()},
            asked=data["asked"],
            unlogged=data["unlogged"],
            unasked=data["unasked"],
            latencies=Latencies.from_json(data["latencies"]),
            orphans=data["orphans"],
            **{name: None if at is None else datetime.fromisoformat(at) for name, at in instants.items()},
        )


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


@dataclass(frozen=True, slots=True)
class SeenEvents:
    """Events as one window looks at them.

    `noticed`: since when each kind of odd events is noticeable, this window included; `start` is that of the window.
    `slow_after`: how long an answer may take; None where nobody said so.
    """

    counts: EventCounts
    noticed: Mapping[str, datetime]
    start: datetime
    slow_after: timedelta | None = None

    def since(self, kind: EventKind) -> datetime:
        """Return since when there are noticeably many of a kind: from the window on, or from the first such request."""
        return self.noticed.get(kind.test, self.counts.began(kind, self.start))
