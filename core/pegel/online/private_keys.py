"""How an entity is told outside of its endpoint: parts that are private only as a keyed hash, by which labels join."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import orjson

from pegel.data.keyed_hash import SHORTEST_SECRET, KeyedHash
from pegel.errors import SetupError


class PrivateKeys:
    """Tells entities, with the parts hashed that are private."""

    def __init__(self, keys: Sequence[str], private: Collection[str], secret: str) -> None:
        """Hash those parts of `keys` that are `private`. Raises SetupError for a secret that is too short for that."""
        self._private = [name in private for name in keys]
        self._names = list(keys)
        self._hashed = KeyedHash(secret)
        if any(self._private) and not self._hashed.is_safe:
            raise SetupError(
                f"PEGEL_ENTITY_SECRET: expected at least {SHORTEST_SECRET} bytes, because keys are private, given "
                f"{self._hashed.size}. Nothing was started."
            )

    def told(self, entity: str) -> list[str]:
        """Return the parts of a key of `pegel.data.entity_keys` as they may leave the endpoint."""
        parts: list[str] = orjson.loads(entity)
        if not any(self._private):
            return parts
        triples = zip(self._names, parts, self._private, strict=True)
        return [self._hashed.of(name, part) if is_private else part for name, part, is_private in triples]
