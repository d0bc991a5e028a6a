"""An online store in memory, which can be taken away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from pegel.errors import Unavailable
from pegel.online.online_store import FeatureVector, Loaded


class MemoryOnlineStore:
    """A view that holds what was loaded. While it `is_away`, it does not answer.

    `asked`: the entities of each look-up.
    """

    def __init__(self, known: dict[str, FeatureVector] | None = None) -> None:
        """Begin with what `known` holds, which is filled as well."""
        self._known = {} if known is None else known
        self.is_away = False
        self.asked: list[tuple[str, ...]] = []

    async def get(self, entities: Sequence[str], *, within: timedelta) -> list[FeatureVector | None]:
        """Look entities up. Raises Unavailable while it is away."""
        self.asked.append(tuple(entities))
        if self.is_away:
            raise Unavailable(f"the store did not answer within {within.total_seconds():g} s")
        return [self._known.get(entity) for entity in entities]

    async def close(self) -> None:
        """Do nothing: nothing is open."""

    def load(self, vectors: Iterable[tuple[str, FeatureVector]]) -> Loaded:
        """Keep vectors; of one entity the latest stays."""
        written = older = 0
        for entity, vector in vectors:
            known = self._known.get(entity)
            if known is not None and known.event_time > vector.event_time:
                older += 1
                continue
            self._known[entity] = vector
            written += 1
        return Loaded(written, older)

    def forget(self, entity: str) -> bool:
        """Remove the vector of an entity; say whether there was one."""
        return self._known.pop(entity, None) is not None
