"""How a value is told that nobody may read: as a hash with a key.

Whoever has the secret can say which hash a value has, and so join by it; whoever has not can neither read a value nor
try guesses. Source of the hash: BLAKE2b with a key, RFC 7693.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

SHORTEST_SECRET = 16
"""Bytes of the secret, inclusive; at most 64 are used."""
_MOST_SECRET = 64
_DIGEST = 16
PREFIX = "blake2b:"
"""Before a hash, so that nobody takes it for what was hashed."""


@dataclass(frozen=True, slots=True)
class KeyedHash:
    """Hashes texts by their name and one secret."""

    secret: str = field(repr=False)

    @property
    def is_safe(self) -> bool:
        """Say whether the secret is long enough that nobody guesses it."""
        return self.size >= SHORTEST_SECRET

    @property
    def size(self) -> int:
        """Return how many bytes of secret there are."""
        return len(self._key)

    def of(self, name: str, text: str) -> str:
        """Return the hash of a text that stands under a name: of a field, or of a part of an entity's key."""
        # The name goes in as well: a value that stands in two places is not known to be the same.
        named = f"{name}\0{text}".encode(errors="surrogatepass")
        return PREFIX + hashlib.blake2b(named, key=self._key, digest_size=_DIGEST).hexdigest()

    @property
    def _key(self) -> bytes:
        return self.secret.encode()[:_MOST_SECRET]


NO_SECRET = KeyedHash("")
"""By which nothing can be told."""
