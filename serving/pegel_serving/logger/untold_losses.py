"""Losses that nobody was told of yet, by whom they befell: in so few places that all fit into the note on disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pegel.data import wire
from pegel.spec import names
from pegel_serving.logger.dead_letters import DEFAULT_NAMESPACE

MOST = 20
"""Places with a name of their own; the rest are told together, of `REST`."""
_MOST_ENDPOINTS = 12
"""Places that name an endpoint: however many names there are, there is room left for namespaces."""
_MOST_REASON = 40


class Loss(NamedTuple):
    """What befell events: `endpoint` is "" where nobody knows it, `reason` as notices have it."""

    namespace: str
    endpoint: str
    reason: str

    @classmethod
    def of(cls, namespace: str, endpoint: str, reason: str) -> Loss:
        """Return a loss of names from outside: an endpoint that is no name is left out, a namespace is `default`."""
        return cls(
            namespace if names.is_safe(namespace) else DEFAULT_NAMESPACE,
            endpoint if names.is_safe(endpoint) else "",
            reason[:_MOST_REASON],
        )


REST = Loss(DEFAULT_NAMESPACE, "", wire.KILLED_IN_MEMORY)


class UntoldLosses:
    """Counts of lost events in at most `MOST` places and `REST`."""

    def __init__(self, counts: Mapping[Loss, int] | None = None) -> None:
        """Begin with these."""
        self.counts: dict[Loss, int] = {}
        for loss, count in (counts or {}).items():
            self.add(loss, count)

    def __bool__(self) -> bool:
        """Say whether anything is lost."""
        return bool(self.counts)

    @property
    def total(self) -> int:
        """Return how many events are lost."""
        return sum(self.counts.values())

    def add(self, loss: Loss, count: int) -> Loss:
        """Count; return where: without its endpoint, or with the rest, when there is no room for it alone."""
        place = next(filter(self._has_room, (loss, loss._replace(endpoint=""))), REST)
        self.counts[place] = self.counts.get(place, 0) + count
        return place

    def remove(self, place: Loss, count: int) -> None:
        """Take back what `add` counted at a place."""
        self.counts[place] -= count
        if not self.counts[place]:
            del self.counts[place]

    def _has_room(self, place: Loss) -> bool:
        return place in self.counts or len(self.counts) < (_MOST_ENDPOINTS if place.endpoint else MOST)
