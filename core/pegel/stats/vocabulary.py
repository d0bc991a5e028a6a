"""Which categories a baseline knows, and the cell of each.

Every category lies in a bucket that follows from its text alone. The cells that single categories have of their own are
chosen by the baseline's counts, and the most frequent of many alike are those that happened to be frequent: a later
window would seem to have lost them. So a category has a cell of its own only where its rank is no matter of chance;
all others, those never seen included, are counted by bucket, and chance in the baseline chooses nothing there.

The buckets are those of a universal hash, as in G. Cormode, S. Muthukrishnan, "An improved data stream summary: the
count-min sketch and its applications", Journal of Algorithms 55 (2005), with one row.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pegel.data.conversions import TRUTH, meaning
from pegel.stats.pair_groups import ABSENT, of_categories, packed

TOP = 64
"""At most so many categories have a cell of their own; if there are no more in all, each has one."""
CERTAIN = 3.0
"""A rank is certain where the count exceeds that of the first category left out by so many standard deviations."""
BUCKETS = 256
"""Cells of all other categories: so many that one which becomes a hundredth of the rows stands out in its bucket …"""
FEW_BUCKETS = 8
"""… where every category of the baseline has a cell of its own, so that only new ones are left."""
EXACT = 10_000
"""Up to this many values are kept as text; beyond, as 64-bit hashes."""
OPEN = 100_000
"""Beyond this many values a field is an open vocabulary: nothing is ever "unseen"."""
SALT = b"pegel-1"
REMEMBERED = 30_000
"""Categories whose cells are kept for the next look-up; further ones, and long texts, are hashed each time."""
SHORT = 64
"""Letters of a short text."""
_TWICE = 2


def digest(value: str) -> int:
    """Return the salted 64-bit hash of a category. Lone surrogates are hashed as they are."""
    return int.from_bytes(hashlib.blake2b(byte_order(value), digest_size=8, key=SALT).digest(), "big")


def byte_order(value: str) -> bytes:
    """Return the key by which categories are ordered: their UTF-8 bytes."""
    return value.encode("utf-8", "surrogatepass")


def most_frequent(counts: Mapping[str, int]) -> list[str]:
    """Return all values, the most frequent first; ties by byte order."""
    return sorted(counts, key=lambda value: (-counts[value], byte_order(value)))


class _Places(dict[str | None, int]):
    """Place by category, see `Vocabulary.places`. What is not known by its text is hashed."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__({value: place for place, value in enumerate(vocabulary.top)})
        self[None] = vocabulary.nowhere
        self._vocabulary = vocabulary

    def __missing__(self, value: str | None) -> int:
        if value is None:
            return self._vocabulary.nowhere
        place = self._vocabulary.place_of_text(value)
        if len(self) < REMEMBERED and len(value) <= SHORT:
            self[value] = place
        return place


@dataclass(frozen=True)
class Vocabulary:
    """The categories of a baseline column. A category is its exact string: no trimming, no case folding.

    A string that is not among them may write a number or a truth value that one of them writes otherwise, see
    `pegel.data.conversions.meaning`.

    `top`: the values that have a cell of their own, the most frequent first (ties by byte order). `boundary`: the
    largest count that a value without one can have had, 0 if all have one. `known`: the others as text (at most
    10,000 values in all) or as 16 hexadecimal digits of their hashes, `once`: those of them that were seen exactly
    once. `distinct`: values seen. `singletons`, `doubletons`: values seen exactly once, and twice. `rows`: rows with a
    value. `is_open`: too many values for "unseen" to mean anything, see `of_counts`; then no others are kept, and
    doubletons are not counted. `groups`: the group of each value of `top` in tables of pairs, see
    `pegel.stats.pair_groups`. `most`: rows with the most frequent value.
    """

    top: tuple[str, ...]
    boundary: int
    known: frozenset[str]
    once: frozenset[str]
    distinct: int
    singletons: int
    doubletons: int
    rows: int
    is_open: bool
    groups: tuple[int, ...]
    most: int

    @classmethod
    def build(cls, column: Iterable[str | None]) -> Vocabulary:
        """Learn the vocabulary of a full column."""
        counts = Counter(column.tolist() if isinstance(column, np.ndarray) else column)
        counts.pop(None, None)
        return cls.of_counts({str(value): count for value, count in counts.items()})

    @classmethod
    def of_counts(
        cls,
        counts: Mapping[str, int],
        distinct: int | None = None,
        singletons: int | None = None,
        rows: int | None = None,
    ) -> Self:
        """Make a vocabulary of how often each value was seen.

        It is open beyond 100,000 values, and where more than half of the rows have a value that no other row has:
        then most later rows will be new, too.

        Args:
            counts: Rows by value; of an open vocabulary the 65 most frequent values are enough, ties by byte order.
            distinct: How many values there are in all, if `counts` does not hold them all.
            singletons: How many of all values were seen once, likewise.
            rows: How many rows have a value, likewise.
        """
        distinct = len(counts) if distinct is None else distinct
        singletons = sum(count == 1 for count in counts.values()) if singletons is None else singletons
        rows = sum(counts.values()) if rows is None else rows
        order = most_frequent(counts)
        top, boundary = _certain(counts, order)
        is_open = distinct > OPEN or (len(top) < distinct and 2 * singletons > rows)
        rest = [] if is_open else order[len(top) :]
        name = str if distinct <= EXACT else _hexadecimal
        return cls(
            top=tuple(top),
            boundary=boundary,
            known=frozenset(map(name, rest)),
            once=frozenset(name(value) for value in rest if counts[value] == 1),
            distinct=distinct,
            singletons=singletons,
            doubletons=0 if is_open else sum(count == _TWICE for count in counts.values()),
            rows=rows,
            is_open=is_open,
            groups=packed([counts[value] for value in top], rows - sum(counts[value] for value in top)),
            most=counts[order[0]] if order else 0,
        )

    @property
    def buckets(self) -> int:
        """Return the number of buckets."""
        return FEW_BUCKETS if self.distinct == len(self.top) else BUCKETS

    @property
    def size(self) -> int:
        """Return the number of cells: one for each value of `top`, then the buckets."""
        return len(self.top) + self.buckets

    @cached_property
    def texts(self) -> frozenset[str]:
        """Return all values of the baseline that are known by their text."""
        return frozenset(self.top) | (self.known if self.distinct <= EXACT else frozenset())

    @cached_property
    def bucket_of_top(self) -> NDArray[np.intp]:
        """Return the bucket in which each value of `top` lies, although it has a cell of its own."""
        return np.array([digest(value) % self.buckets for value in self.top], dtype=np.intp)

    @property
    def nowhere(self) -> int:
        """Return the place of null: behind all others."""
        return len(self.top) + 3 * self.buckets

    @cached_property
    def group_of_place(self) -> NDArray[np.uint8]:
        """Return the group of each place in tables of pairs; null is `ABSENT`."""
        of_cell = of_categories(self.groups, self.buckets)
        named = len(self.top)
        return np.concatenate([of_cell[:named], np.tile(of_cell[named:], 3), [ABSENT]]).astype(np.uint8)

    @cached_property
    def places(self) -> Mapping[str | None, int]:
        """Return a mapping from any string, or null, to its place.

        Places are the cells of `top`, then three times the buckets: of values that the baseline saw more than once
        (in an open vocabulary all others), once, and never; then `nowhere`.
        """
        return _Places(self)

    def place_of_text(self, value: str) -> int:
        """Return the place of a value that is not in `top`."""
        if value not in self.texts and (written := self.written(value)) is not None:
            return self.places[written]
        hashed = digest(value)
        name = value if self.distinct <= EXACT else f"{hashed:016x}"
        seen = 0 if self.is_open or name in self.known else 2
        return len(self.top) + (1 if name in self.once else seen) * self.buckets + hashed % self.buckets

    def written(self, value: str) -> str | None:
        """Return the category kept as text that writes the same number or truth value as one that is not kept."""
        return self._by_meaning.get(meaning(value, truth=self._is_truth))

    @cached_property
    def _is_truth(self) -> bool:
        return self.distinct == len(self.texts) and all(meaning(value, truth=False) in TRUTH for value in self.texts)

    @cached_property
    def _by_meaning(self) -> Mapping[str, str]:
        """Return categories by their meaning; of several with one meaning the most frequent, then the first."""
        order = (*self.top, *sorted(self.texts - {*self.top}, key=byte_order))
        return {meaning(value, truth=self._is_truth): value for value in reversed(order)}

    def place_of(self, column: NDArray[np.object_]) -> NDArray[np.intp]:
        """Return the place of each value of a column of str and None."""
        return np.fromiter(map(self.places.__getitem__, column.tolist()), dtype=np.intp, count=column.size)

    def cell_of(self, column: NDArray[np.object_]) -> NDArray[np.intp]:
        """Return the cell of each string of a column without nulls."""
        place, named = self.place_of(column), len(self.top)
        return np.where(place < named, place, named + (place - named) % self.buckets)

    def count(self, column: NDArray[np.object_]) -> tuple[NDArray[np.int64], int, int]:
        """Return counts per cell, and the numbers of nulls and of unseen values, of a column of str and None."""
        return self.count_places(self.place_of(column))

    def count_places(self, places: NDArray[np.intp]) -> tuple[NDArray[np.int64], int, int]:
        """Return the same of the places of a column's values."""
        named = len(self.top)
        counts = np.bincount(places, minlength=self.nowhere + 1)
        by_seen = counts[named : self.nowhere].reshape(3, self.buckets)
        cells = np.concatenate([counts[:named], by_seen.sum(axis=0)])
        return cells, int(counts[self.nowhere]), int(by_seen[2].sum())

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "categories": list(self.top),
            "boundary": self.boundary,
            "known": sorted(self.known - self.once, key=byte_order),
            "once": sorted(self.once, key=byte_order),
            "distinct": self.distinct,
            "singletons": self.singletons,
            "doubletons": self.doubletons,
            "rows": self.rows,
            "open_vocabulary": self.is_open,
            "groups": list(self.groups),
            "most": self.most,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Vocabulary:
        """Build a vocabulary from what `to_json` wrote."""
        once = frozenset(data["once"])
        return cls(
            top=tuple(data["categories"]),
            boundary=int(data["boundary"]),
            known=once.union(data["known"]),
            once=once,
            distinct=int(data["distinct"]),
            singletons=int(data["singletons"]),
            doubletons=int(data["doubletons"]),
            rows=int(data["rows"]),
            is_open=bool(data["open_vocabulary"]),
            groups=tuple(data["groups"]),
            most=int(data["most"]),
        )


def _certain(counts: Mapping[str, int], order: list[str]) -> tuple[list[str], int]:
    """Return the values whose rank is certain, and the largest count that others can have had."""
    if len(order) <= TOP:
        return order, 0
    first_left_out = counts[order[TOP]]
    boundary = int(first_left_out + CERTAIN * sqrt(first_left_out))
    return [value for value in order[:TOP] if counts[value] > boundary], boundary


def _hexadecimal(value: str) -> str:
    return f"{digest(value):016x}"
