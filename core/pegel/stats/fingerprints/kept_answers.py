"""What is kept of the answers of a window, to say later how the rows of a crowd were answered.

Requests and answers are counted apart, wherever they come. Both know the event and the row in it, and are put together
once a window is whole. Of many answers those of small keys are kept, as of rows (`pegel.stats.fingerprints.kept_rows`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pegel.stats.fingerprints.row_hashes import Hashes, mixed
from pegel.stats.framing import seal, unseal

MOST_ANSWERS = 8_192
"""Answers that are kept of one window, inclusive."""
_BITS = 64
_HEAD = 16


@dataclass(frozen=True, eq=False)
class KeptAnswers:
    """Answers by rising key. `keys`: below 2**(64 - level), which row of which event it is about; `labels`: its class.

    Both are uint64 of shape (n,). Of several answers to one row the one of the smallest label stands for all.
    """

    name: ClassVar[str] = "kept_answers"
    level: int
    keys: Hashes
    labels: Hashes

    @property
    def size_bytes(self) -> int:
        """Return the memory that they take."""
        return int(self.keys.nbytes + self.labels.nbytes)

    @classmethod
    def none(cls) -> KeptAnswers:
        """Return no answers."""
        return cls(0, np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint64))

    @classmethod
    def of(cls, events: Hashes, places: NDArray[np.uint32], labels: Hashes) -> KeptAnswers:
        """Keep answers to rows, by the identity of their events and their place in these; shapes (n,)."""
        return _distinct(0, _keys(events, places), labels)

    @classmethod
    def total(cls, some: Iterable[KeptAnswers]) -> KeptAnswers:
        """Return the answers of all, at least one: associative and commutative, whatever the split the same."""
        given = list(some)
        level = max(one.level for one in given)
        return _distinct(level, *(np.concatenate([getattr(one, name) for one in given]) for name in ("keys", "labels")))

    def labels_of(self, events: Hashes, places: NDArray[np.uint32]) -> Hashes:
        """Return the classes of the answers to some rows; 0 where none is known."""
        asked = _keys(events, places)
        if not self.keys.size:
            return np.zeros(asked.size, dtype=np.uint64)
        at = np.searchsorted(self.keys, asked).clip(max=self.keys.size - 1)
        return np.where(self.keys[at] == asked, self.labels[at], np.uint64(0))

    def to_bytes(self) -> bytes:
        """Return them packed, the inverse of `from_bytes`."""
        head = self.level.to_bytes(8, "little") + self.keys.size.to_bytes(8, "little")
        return seal(self.name, head + self.keys.astype("<u8").tobytes() + self.labels.astype("<u8").tobytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> KeptAnswers:
        """Read what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        body = unseal(cls.name, data)
        level, n = (int.from_bytes(body[at : at + 8], "little") for at in (0, 8))
        both = np.frombuffer(body, dtype="<u8", count=2 * n, offset=_HEAD).astype(np.uint64)
        return cls(level, both[:n], both[n:])


def _keys(events: Hashes, places: NDArray[np.uint32]) -> Hashes:
    """Return a number for a row of an event, without the last bit of its identity, which parts request and answer."""
    return mixed((events >> np.uint64(1)) ^ mixed(places.astype(np.uint64)))


def _distinct(level: int, keys: Hashes, labels: Hashes) -> KeptAnswers:
    order = np.lexsort((labels, keys))
    first = np.append(True, np.diff(keys[order]) != 0)[: keys.size]
    keys, labels = keys[order][first], labels[order][first]
    if level:
        keys = keys[: int(np.searchsorted(keys, np.uint64(1 << (_BITS - level))))]
    while keys.size > MOST_ANSWERS:
        level += 1
        keys = keys[: int(np.searchsorted(keys, np.uint64(1 << (_BITS - level))))]
    return KeptAnswers(level, keys, labels[: keys.size])
