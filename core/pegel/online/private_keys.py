"""How an entity is told outside of its endpoint: parts that are private only as a keyed hash.

Whoever has the secret can say which hash an entity has, and so join labels; whoever has not can neither read a part nor
try guesses. Source of the hash: BLAKE2b with a key, RFC 7693.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import orjson

from pegel.errors import SetupError

SHORTEST_SECRET = 16
"""Bytes of the secret, inclusive; at most 64 are used."""
_MOST_SECRET = 64
_DIGEST = 16
PREFIX = "blake2b:"
"""Before a hash, so that nobody takes it for what was hashed."""


class PrivateKeys:
    """Tells entities, with the parts hashed that are private."""

    def __init__(self, keys: Sequence[str], private: Collection[str], secret: str) -> None:
        """Hash those parts of `keys` that are `private`. Raises SetupError for a secret that is too short for that."""
        self._private = [name in private for name in keys]
        self._names = list(keys)
        self._secret = secret.encode()[:_MOST_SECRET]
        if any(self._private) and len(self._secret) < SHORTEST_SECRET:
            raise SetupError(
                f"PEGEL_ENTITY_SECRET: expected at least {SHORTEST_SECRET} bytes, because keys are private, given "
                f"{len(self._secret)}. Nothing was started."
            )

    def told(self, entity: str) -> list[str]:
        """Return the parts of a key of `pegel.data.entity_keys` as they may leave the endpoint."""
        parts: list[str] = orjson.loads(entity)
        if not any(self._private):
            return parts
        triples = zip(self._names, parts, self._private, strict=True)
        return [self._hashed(name, part) if is_private else part for name, part, is_private in triples]

    def _hashed(self, name: str, part: str) -> str:
        # The name goes in as well: a value that stands in two parts is not known to be the same.
        digest = hashlib.blake2b(f"{name}\0{part}".encode(), key=self._secret, digest_size=_DIGEST)
        return PREFIX + digest.hexdigest()
