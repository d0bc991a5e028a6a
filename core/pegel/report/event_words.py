"""Findings about odd events in words: which kind, how large a share of what, and which is the worst."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pegel.alerts.magnitude import Magnitude
from pegel.detect.effect import percent_of
from pegel.judge.event_counts import KINDS, Among
from pegel.judge.findings import Finding
from pegel.spec.plain_numbers import how_many

RECENT = timedelta(minutes=5)
"""What was seen so much before the newest of several kinds comes behind those that were seen since."""
_KINDS = {kind.test: kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class OddEvents:
    """One kind of odd events as a finding counts them: `seen` of `n`, in a window that ended `at`."""

    finding: Finding
    seen: int
    n: int

    @classmethod
    def of(cls, finding: Finding) -> OddEvents:
        """Read a finding about events."""
        counted = finding.evidence["tests"][finding.test]
        return cls(finding, int(counted["seen"]), int(counted["n"]))

    @property
    def state(self) -> str:
        """Return what is the matter: `events are late`."""
        return _KINDS[self.finding.test].state

    @property
    def share(self) -> str:
        """Return how many are so: `93 %`."""
        return percent_of(self.seen, self.n)

    @property
    def among(self) -> str:
        """Return what they are among: `1,200 of 1,290 events`."""
        among = _KINDS[self.finding.test].among
        what = {Among.REQUESTS: "request", Among.ANSWERS: "answer"}.get(among, "event")
        return f"{self.seen:,} of {how_many(self.n, what)}"

    def __str__(self) -> str:
        """Return it in words, without the time: `late events 93 % (1,200 of 1,290 events)`."""
        return f"{self.finding.feature} {self.share} ({self.among})"


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings about events: those still seen before older ones, of these the largest share first."""
    known = list(findings)
    newest = max((finding.span.end for finding in known), default=None)
    return sorted(known, key=lambda finding: (_is_old(finding, newest), -Magnitude.of(finding).size, finding.feature))


def _is_old(finding: Finding, newest: datetime | None) -> bool:
    return newest is not None and newest - finding.span.end > RECENT
