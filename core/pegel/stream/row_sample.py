"""A bounded sample of rows that is the same however the rows came: in one batch or many, in any order, on any worker.

Each row has a priority, a hash of its event's identity and its place in the event. A sample holds the rows of the
smallest priorities, as many as the bounds allow, and from where on it holds none: two samples together are the sample
of all their rows. What a row holds has no part in its priority, so the sample is drawn as if by lot, without
replacement.

Source: P. J. Haas, "Data-stream sampling: basic techniques and results", in M. Garofalakis, J. Gehrke, R. Rastogi
(eds.), Data Stream Management (2016), bottom-k samples; the hash is the finalizer of SplitMix64 (G. L. Steele, D. Lea,
C. H. Flood, OOPSLA 2014).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pegel.data.columns import Columns

MOST_ROWS = 10_000
"""Rows of one sample: a share is known within half a percent point, and running a suite on them takes a second."""
MOST_BYTES = 4 * 1024 * 1024
"""Bytes that the rows of one sample may take."""
LARGEST_ROW_BYTES = 64 * 1024
"""A row of more is in no sample, or a few of them would be all of one."""
PER_VALUE_BYTES = 9
"""What a value takes beside its text: a number and why it is missing, or a reference."""
_ASCII_BYTES, _OTHER_BYTES = 1, 4
_OBJECT_BYTES, _OTHER_OBJECT_BYTES = 49, 76
"""What Python takes for a text beside its letters."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))
_LAST_SHIFT = np.uint64(31)

Priorities = NDArray[np.uint64]


def priorities(identities: NDArray[np.uint64], index_in_body: NDArray[np.int64]) -> Priorities:
    """Return the priority of rows: of each its event's identity, and its place within that event, from 0 on.

    >>> priorities(np.array([1, 1], dtype=np.uint64), np.array([0, 1])).tolist()
    [10451216379200822465, 13757245211066428519]
    """
    with np.errstate(over="ignore"):
        mixed = identities + (index_in_body.astype(np.uint64) + np.uint64(1)) * _GOLDEN
        for shift, factor in _MIX:
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> _LAST_SHIFT
    return mixed


@dataclass(slots=True)
class RowSample:
    """The rows of the smallest priorities among `seen`, in their order.

    `limit`: the sample holds exactly the rows of a priority below it; None: it holds all. A row of more than
    `LARGEST_ROW_BYTES` has its place, and nothing in it. At most `most_rows` rows are held, which take `most_bytes` at
    most; samples of different bounds must not be put together.
    """

    columns: Columns
    priorities: Priorities
    sizes: NDArray[np.int64]
    """Bytes of each row."""
    is_empty: NDArray[np.bool_]
    """Whether a row was too large."""
    seen: int
    limit: int | None = None
    most_rows: int = field(default=MOST_ROWS, kw_only=True)
    most_bytes: int = field(default=MOST_BYTES, kw_only=True)

    @classmethod
    def of(
        cls, columns: Columns, given: Priorities, *, most_rows: int = MOST_ROWS, most_bytes: int = MOST_BYTES
    ) -> RowSample:
        """Return the sample of some rows, of which each has its priority in `given`."""
        sizes = _sizes(columns)
        large = sizes > LARGEST_ROW_BYTES
        if large.any():
            columns, sizes = _without_texts(columns, large), np.where(large, 0, sizes)
        sample = cls(columns, given, sizes, large, columns.n, most_rows=most_rows, most_bytes=most_bytes)
        sample._bound()
        return sample

    @property
    def rows(self) -> Columns:
        """Return the rows that it holds."""
        return self.columns.take(~self.is_empty) if self.is_empty.any() else self.columns

    @property
    def too_large(self) -> int:
        """Return how many rows would be in it and were too large."""
        return int(self.is_empty.sum())

    @property
    def size_bytes(self) -> int:
        """Return about how much memory it takes."""
        return int(self.sizes.sum()) + self.priorities.nbytes + self.sizes.nbytes

    @property
    def is_whole(self) -> bool:
        """Say whether it holds every row that was seen."""
        return self.limit is None and not self.too_large

    def add(self, columns: Columns, given: Priorities) -> None:
        """Add rows, of which each has its priority in `given`; none may have been seen."""
        seen = columns.n
        if self.limit is not None:
            near = given < np.uint64(self.limit)
            columns, given = columns.take(near), given[near]
        fresh = RowSample.of(columns, given, most_rows=self.most_rows, most_bytes=self.most_bytes)
        fresh.seen = seen
        self.merge(fresh)

    def merge(self, other: RowSample) -> None:
        """Become the sample of all rows of both, none of which both have seen."""
        self.limit = min((limit for limit in (self.limit, other.limit) if limit is not None), default=None)
        self.seen += other.seen
        self.columns = _together(self.columns, other.columns)
        self.priorities = np.concatenate([self.priorities, other.priorities])
        self.sizes = np.concatenate([self.sizes, other.sizes])
        self.is_empty = np.concatenate([self.is_empty, other.is_empty])
        self._bound()

    def _bound(self) -> None:
        """Put the rows in order; leave out those from the first one on that is too many or too much."""
        order = np.argsort(self.priorities, kind="stable")
        ordered = self.priorities[order]
        # Rows of one priority are all in it or none, so that it does not matter which of them came first.
        fit = min(self.most_rows, int(np.searchsorted(np.cumsum(self.sizes[order]), self.most_bytes, side="right")))
        limits = [] if self.limit is None else [self.limit]
        self.limit = min([*limits, *ordered[fit : fit + 1].tolist()], default=None)
        if self.limit is not None:
            order = order[: int(np.searchsorted(ordered, np.uint64(self.limit), side="left"))]
        self.columns = self.columns.take(order)
        self.priorities, self.sizes = self.priorities[order], self.sizes[order]
        self.is_empty = self.is_empty[order]


def _without_texts(columns: Columns, which: NDArray[np.bool_]) -> Columns:
    """Return rows of which some have no texts any more, which is what makes a row large."""
    texts = [np.where(which, np.array(None, dtype=np.object_), column) for column in columns.categorical]
    return replace(columns, categorical=tuple(texts))


def _sizes(columns: Columns) -> NDArray[np.int64]:
    values = columns.numeric.shape[1] + len(columns.categorical)
    sizes = np.full(columns.n, PER_VALUE_BYTES * values, dtype=np.int64)
    for column in columns.categorical:
        sizes += np.fromiter((_text_bytes(text) for text in column), dtype=np.int64, count=columns.n)
    return sizes


def _text_bytes(text: str | None) -> int:
    """Return the most that a text may take in memory."""
    if text is None:
        return 0
    if text.isascii():
        return _OBJECT_BYTES + _ASCII_BYTES * len(text)
    return _OTHER_OBJECT_BYTES + _OTHER_BYTES * len(text)


def _together(first: Columns, second: Columns) -> Columns:
    """Return the rows of both, which have the same fields."""
    missing = None
    if first.missing is not None or second.missing is not None:
        missing = np.concatenate([_codes(first), _codes(second)])
    pairs = zip(first.unparseable, second.unparseable, strict=True)
    texts = zip(first.categorical, second.categorical, strict=True)
    return Columns(
        first.n + second.n,
        np.concatenate([first.numeric, second.numeric]),
        missing,
        tuple(np.concatenate(pair) for pair in texts),
        tuple(_masks(one, other, first.n, second.n) for one, other in pairs),
    )


def _codes(columns: Columns) -> NDArray[np.uint8]:
    return np.zeros(columns.numeric.shape, dtype=np.uint8) if columns.missing is None else columns.missing


def _masks(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None, n: int, m: int) -> NDArray[np.bool_] | None:
    if one is None and other is None:
        return None
    first = np.zeros(n, dtype=np.bool_) if one is None else one
    second = np.zeros(m, dtype=np.bool_) if other is None else other
    return np.concatenate([first, second])
