"""What Pegel asks of an online store: the features of some entities, now, and of when they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeAlias

from pegel.errors import Unavailable

AHEAD = timedelta(minutes=5)
"""How far ahead of the clock features may be dated, inclusive. Those of the future would be fresh for ever, and none of
today would replace them."""
Value: TypeAlias = bool | int | float | str | None
"""One feature: JSON's scalars. Numbers are finite."""


@dataclass(frozen=True, slots=True)
class FeatureVector:
    """The features of one entity, by name, and the time at which they were so (UTC, microseconds).

    How old they are is what the time says; when they were written into the store says nothing.
    """

    values: Mapping[str, Value]
    event_time: datetime

    def is_stale(self, now: datetime, age_limit: timedelta | None) -> bool:
        """Say whether they are older than `age_limit` at `now`; exactly as old is not. None: they never are.

        So are those dated more than `AHEAD` ahead of `now`: how old they are nobody knows.
        """
        return age_limit is not None and not -AHEAD <= now - self.event_time <= age_limit


class OnlineStore(Protocol):
    """One view of a store: a vector for each entity it knows.

    An object belongs to one event loop; its connections are opened by the first look-up and kept.
    """

    async def get(self, entities: Sequence[str], *, within: timedelta) -> list[FeatureVector | None]:
        """Return the vectors of entities, as many as were asked for and in that order; None for an unknown one.

        `entities` are keys of `pegel.data.entity_keys`; one may stand there twice, and no entity gives an empty list.
        All are looked up at once. Raises Unavailable, after `within` at the latest, when the store does not answer;
        there are no partial answers.
        """
        ...

    async def close(self) -> None:
        """Close the connections. A closed store opens them again when it is asked."""
        ...


def overdue(view: str, within: timedelta) -> Unavailable:
    """Return what a look-up raises whose time is over."""
    return Unavailable(f"the store of {view} did not answer within {within / timedelta(milliseconds=1):g} ms")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of vectors: `written`, or `older` than what the store had and so not written."""

    written: int = 0
    older: int = 0


class LoadableStore(OnlineStore, Protocol):
    """A view that is filled from here."""

    def load(self, vectors: Iterable[tuple[str, FeatureVector]]) -> Loaded:
        """Write the vectors of entities, by key; of one entity the latest stays, whichever order they come in.

        A vector replaces an older one whole, and one of the same time: so what was wrong is corrected. Entities that
        do not come stay. Loading the same again changes nothing. Raises Unavailable.
        """
        ...

    def forget(self, entity: str) -> bool:
        """Remove the vector of an entity, by key; say whether there was one. Raises Unavailable."""
        ...
