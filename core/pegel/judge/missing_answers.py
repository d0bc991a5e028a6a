"""What is known of a model's answers in one window, and in words: how many are missing, or that none is ever logged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pegel.detect.effect import percent_of
from pegel.judge.event_counts import UNANSWERED, SeenEvents
from pegel.judge.findings import Finding
from pegel.spec.plain_numbers import how_many


@dataclass(frozen=True, slots=True)
class MissingAnswers:
    """Requests without an answer: `seen` of `n`, of which a share of `tolerated` may be so; noticeable `since` then.

    The `n` were made from `asked_from` (inclusive) to `asked_to` (not); None where that is not known.
    """

    seen: int
    n: int
    tolerated: float
    since: datetime
    asked_from: datetime | None = None
    asked_to: datetime | None = None

    @classmethod
    def of(cls, events: SeenEvents, tolerated: float) -> MissingAnswers | None:
        """Return what is known of one window; None where it is not noticeable, or nothing is known of any request."""
        counts, (seen, n) = events.counts, events.counts.of(UNANSWERED)
        if UNANSWERED.test not in events.noticed or not n:
            return None
        return cls(seen, n, tolerated, events.since(UNANSWERED), counts.asked_from, counts.asked_to)

    @classmethod
    def of_finding(cls, finding: Finding) -> MissingAnswers | None:
        """Return what a finding says of answers; None for one about something else."""
        numbers = finding.evidence.get("tests", {}).get(UNANSWERED.test)
        if finding.feature != UNANSWERED.feature or numbers is None:
            return None
        return cls.from_json(finding.evidence | numbers)

    @property
    def is_most(self) -> bool:
        """Say whether more than half of the requests had no answer: what is known of the others says little."""
        return 2 * self.seen > self.n

    @property
    def is_too_many(self) -> bool:
        """Say whether it is more than is tolerated, however certain that is."""
        return self.seen > self.tolerated * self.n

    def __str__(self) -> str:
        """Return it in words, without the time: `answers missing 99.95 % (4,284 of 4,286 requests)`."""
        return f"answers missing {percent_of(self.seen, self.n)} ({self.seen:,} of {how_many(self.n, 'request')})"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        instants = {"since": self.since, "asked_from": self.asked_from, "asked_to": self.asked_to}
        counts = {"seen": self.seen, "n": self.n, "tolerated": self.tolerated}
        return counts | {name: at.isoformat() for name, at in instants.items() if at is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MissingAnswers:
        """Read what `to_json` wrote."""
        names = ("since", "asked_from", "asked_to")
        instants = {name: datetime.fromisoformat(data[name]) for name in names if name in data}
        return cls(int(data["seen"]), int(data["n"]), data["tolerated"], **instants)


@dataclass(frozen=True, slots=True)
class AnswersSoFar:
    """Requests of one window, its responses, and how many of the requests have one when the window is judged.

    Which of the others are missing for good is known a minute later. But a model whose answers are slow answers the
    requests of the window before: a window with few responses of any request is one of a model that does not answer.
    """

    requests: int
    responses: int
    answered: int

    @property
    def are_few(self) -> bool:
        """Say whether less than half of the requests have a response, and there are as few of others."""
        return 2 * max(self.answered, self.responses) < self.requests

    @property
    def are_alone(self) -> bool:
        """Say whether there are answers to earlier requests and not one request: of the features nothing is known."""
        return self.responses > 0 and self.requests == 0

    def __str__(self) -> str:
        """Return it in words: `answers missing so far: 210 of 214 requests`; without any request, that."""
        if self.are_alone:
            return "no request, only answers to earlier ones"
        missing = self.requests - self.answered
        return f"answers missing so far: {missing:,} of {how_many(self.requests, 'request')}"


def unlogged_notes(events: SeenEvents) -> list[str]:
    """Return which half of its events an endpoint never logged, as sentences: nobody can say how it does."""
    counts, notes = events.counts, []
    if counts.unlogged:
        notes.append(
            f"this endpoint logs no answers: none was ever seen, nor of the last {counts.unlogged:,} requests. Either "
            f"all of them fail, or its logger has the mode `request`. Its predictions are not watched"
        )
    if counts.unasked:
        notes.append(
            f"this endpoint logs no requests: none was ever seen, only answers, the last {counts.unasked:,} included. "
            f"Its logger has the mode `response`. Its features are not watched"
        )
    return notes
