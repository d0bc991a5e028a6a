"""Which categories a baseline knows, and the cell of each."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pegel.data.conversions import TRUTH, meaning

TOP = 50
"""Categories with a cell of their own."""
EXACT = 10_000
"""Up to this many values are kept as text; beyond, as 64-bit hashes."""
OPEN = 100_000
"""Beyond this many values a field is an open vocabulary: nothing is ever "unseen"."""
SALT = b"pegel-1"


def digest(value: str) -> str:
    """Return the salted 64-bit hash of a category, 16 hexadecimal digits. Lone surrogates are hashed as they are."""
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8, key=SALT).hexdigest()


def byte_order(value: str) -> bytes:
    """Return the key by which categories are ordered: their UTF-8 bytes."""
    return value.encode("utf-8", "surrogatepass")


def most_frequent(counts: Mapping[str, int]) -> list[str]:
    """Return all values, the most frequent first; ties by byte order."""
    return sorted(counts, key=lambda value: (-counts[value], byte_order(value)))


class _Cells(dict[str, int]):
    """Cell by category; whatever is not in it is looked up by its meaning, then by hash, or is unseen."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__({value: len(vocabulary.top) for value in vocabulary.known})
        self.update({value: cell for cell, value in enumerate(vocabulary.top)})
        self._vocabulary = vocabulary

    def __missing__(self, value: str) -> int:
        vocabulary = self._vocabulary
        if (written := vocabulary.written(value)) is not None:
            return self[written]
        other = len(vocabulary.top)
        if vocabulary.is_open or (vocabulary.hashes and digest(value) in vocabulary.hashes):
            return other
        return other + 1


@dataclass(frozen=True)
class Vocabulary:
    """The categories of a baseline column. A category is its exact string: no trimming, no case folding.

    A string that is not among them may write a number or a truth value that one of them writes otherwise, see
    `pegel.data.conversions.meaning`.

    `top`: up to 50 most frequent values (ties by byte order), one cell each. `known`: the others as text (at most
    10,000 values in all), or `hashes` of them. `singletons`: values seen exactly once. `distinct`: values seen.
    """

    top: tuple[str, ...]
    known: frozenset[str]
    hashes: frozenset[str]
    distinct: int
    singletons: int
    is_open: bool

    @classmethod
    def build(cls, column: Iterable[str | None]) -> Vocabulary:
        """Learn the vocabulary of a full column."""
        counts = Counter(column.tolist() if isinstance(column, np.ndarray) else column)
        counts.pop(None, None)
        return cls.of_counts({str(value): count for value, count in counts.items()})

    @classmethod
    def of_counts(cls, counts: Mapping[str, int], distinct: int | None = None, singletons: int | None = None) -> Self:
        """Make a vocabulary of how often each value was seen.

        Args:
            counts: Rows by value; of an open vocabulary the 50 most frequent values are enough, ties by byte order.
            distinct: How many values there are in all, if `counts` does not hold them all.
            singletons: How many of all values were seen once, likewise.
        """
        distinct = len(counts) if distinct is None else distinct
        order = most_frequent(counts)
        rest = order[TOP:]
        return cls(
            top=tuple(order[:TOP]),
            known=frozenset(rest) if distinct <= EXACT else frozenset(),
            hashes=frozenset(map(digest, rest)) if EXACT < distinct <= OPEN else frozenset(),
            distinct=distinct,
            singletons=sum(count == 1 for count in counts.values()) if singletons is None else singletons,
            is_open=distinct > OPEN,
        )

    @cached_property
    def cells(self) -> Mapping[str, int]:
        """Return a mapping from any string to its cell."""
        return _Cells(self)

    def written(self, value: str) -> str | None:
        """Return the category kept as text that writes the same number or truth value as one that is not kept."""
        return self._by_meaning.get(meaning(value, truth=self._is_truth))

    @cached_property
    def _is_truth(self) -> bool:
        kept = (*self.top, *self.known)
        return self.distinct == len(kept) and all(meaning(value, truth=False) in TRUTH for value in kept)

    @cached_property
    def _by_meaning(self) -> Mapping[str, str]:
        """Return categories by their meaning; of several with one meaning the most frequent, then the first."""
        order = (*self.top, *sorted(self.known, key=byte_order))
        return {meaning(value, truth=self._is_truth): value for value in reversed(order)}

    def cell_of(self, column: NDArray[np.object_]) -> NDArray[np.intp]:
        """Return the cell of each string of a column without nulls."""
        return np.fromiter(map(self.cells.__getitem__, column.tolist()), dtype=np.intp, count=column.size)

    def count(self, column: NDArray[np.object_]) -> tuple[NDArray[np.int64], int]:
        """Return counts per cell, shape (top + 2,), and the number of nulls of a column of str and None."""
        found: Counter[str | None] = Counter(column.tolist())
        nulls = found.pop(None, 0)
        cells = np.zeros(len(self.top) + 2, dtype=np.int64)
        for value, count in found.items():
            cells[self.cells[value]] += count  # type: ignore[index]  # None was taken out above
        return cells, nulls

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "categories": list(self.top),
            "known": sorted(self.known, key=byte_order),
            "hashes": sorted(self.hashes),
            "distinct": self.distinct,
            "singletons": self.singletons,
            "open_vocabulary": self.is_open,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Vocabulary:
        """Build a vocabulary from what `to_json` wrote."""
        return cls(
            top=tuple(data["categories"]),
            known=frozenset(data["known"]),
            hashes=frozenset(data["hashes"]),
            distinct=int(data["distinct"]),
            singletons=int(data["singletons"]),
            is_open=bool(data["open_vocabulary"]),
        )
