"""Counts of one categorical column in the cells of its baseline's vocabulary."""

from __future__ import annotations

import json
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pegel.errors import LayoutMismatch
from pegel.stats.framing import seal, unseal
from pegel.stats.vocabulary import Vocabulary


class Categories:
    """Counts of the frequent categories, of all others by bucket, of unseen ones among these, and of nulls.

    `counts`: int64, shape (cells of the vocabulary,): one per frequent category, then one per bucket of the others.

    >>> categories = Categories(Vocabulary.build(["WN", "WN", "AA", "DL"]))
    >>> categories.update(np.array(["WN", "AA", "WN", "XX", None], dtype=object))
    >>> categories.get()
    {'top': {'WN': 2, 'AA': 1, 'DL': 0}, 'others': 1, 'unseen': 1, 'null': 1}
    """

    name: ClassVar[str] = "categories"

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.counts: NDArray[np.int64] = np.zeros(vocabulary.size, dtype=np.int64)
        self.nulls = 0
        self.unseen = 0

    def update(self, values: NDArray[np.object_]) -> None:
        """Count an array of str and None (null), shape (n,)."""
        counts, nulls, unseen = self.vocabulary.count(values)
        self.counts += counts
        self.nulls += nulls
        self.unseen += unseen

    def merge(self, other: Self) -> None:
        """Add the counts of `other`. Raises LayoutMismatch, and changes nothing, if its vocabulary is another."""
        if self.vocabulary != other.vocabulary:
            raise LayoutMismatch(
                f"expected categories of the same vocabulary of {self.vocabulary.distinct} values, given another of "
                f"{other.vocabulary.distinct}: counts in different cells cannot be added; nothing was merged."
            )
        self.counts += other.counts
        self.nulls += other.nulls
        self.unseen += other.unseen

    def get(self) -> dict[str, Any]:
        """Return the counts, those of the frequent categories by name, the most frequent of the baseline first.

        `others` are all categories without a cell of their own, `unseen` those of them that the baseline lacks.
        """
        named = len(self.vocabulary.top)
        top = dict(zip(self.vocabulary.top, self.counts[:named].tolist(), strict=True))
        return {"top": top, "others": int(self.counts[named:].sum()), "unseen": self.unseen, "null": self.nulls}

    def to_bytes(self) -> bytes:
        """Return vocabulary and counts, packed."""
        state = {
            "vocabulary": self.vocabulary.to_json(),
            "counts": self.counts.tolist(),
            "null": self.nulls,
            "unseen": self.unseen,
        }
        return seal(self.name, json.dumps(state).encode())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        state = json.loads(unseal(cls.name, data))
        found = cls(Vocabulary.from_json(state["vocabulary"]))
        found.counts += state["counts"]
        found.nulls, found.unseen = state["null"], state["unseen"]
        return found
