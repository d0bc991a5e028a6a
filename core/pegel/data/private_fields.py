"""Which fields of a model nobody may read, and what is told in place of their values: one way, wherever rows are told.

What is counted stays: how many rows lie in which cell tells of no single one. Values, bodies and whatever quotes them
are told only by this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.data.conversions import category_of
from pegel.data.keyed_hash import NO_SECRET, KeyedHash
from pegel.errors import InvalidPayload

WITHHELD = "(private)"
"""Told in place of what is dropped, and of what cannot be hashed for want of a secret."""
HASH, DROP = "hash", "drop"


@dataclass(frozen=True, slots=True)
class PrivateFields:
    """The private fields of one model. `ways`: `hash` or `drop`, by the name of a feature, prediction or entity key."""

    ways: Mapping[str, str] = field(default_factory=dict)
    hashed: KeyedHash = NO_SECRET

    @property
    def are_any(self) -> bool:
        """Say whether any field is private: then no body may be written, nor what quotes one."""
        return bool(self.ways)

    @property
    def lacks_secret(self) -> bool:
        """Say whether values are to be hashed and nobody could: the secret is too short, or there is none."""
        return HASH in self.ways.values() and not self.hashed.is_safe

    def told(self, name: str, value: Any) -> Any:
        """Return what may be told of a field's value: itself, its hash, or `WITHHELD`. What is null stays null.

        Equal numbers of any type have one hash, and so has their text, as in a categorical field.
        """
        if value is None or name not in self.ways:
            return value
        if self.ways[name] != HASH or not self.hashed.is_safe:
            return WITHHELD
        text = value if isinstance(value, str) else category_of(value)[0]
        return None if text is None else self.hashed.of(name, text)

    def hashes(self, name: str, values: NDArray[Any]) -> NDArray[np.object_]:
        """Return the hashes of a column; of what is null, or NaN, null."""
        return np.array([None if value != value else self.told(name, value) for value in values], dtype=np.object_)  # noqa: PLR0124  NaN is what is not itself

    def body(self, body: bytes) -> bytes:
        """Return a body as it may be written: nobody knows where in it a private value stands."""
        return b"" if self.are_any else body

    def error(self, error: InvalidPayload) -> InvalidPayload:
        """Return why a body cannot be read, without what it quotes."""
        return InvalidPayload(error.kind, f"{WITHHELD}; {error.kind}") if self.are_any else error

    def failure(self, error: Exception, limit: int = 300) -> str:
        """Return what was raised where values were looked at, without what it quotes."""
        return type(error).__name__ if self.are_any else f"{error!r:.{limit}}"


UNKNOWN = PrivateFields({"": DROP})
"""Of a model whose spec nobody can read: any field may be private."""
