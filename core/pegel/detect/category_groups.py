"""Which categories are compared by themselves, and which together with the others of their bucket.

A category has a cell because it was frequent in the baseline. Compared by that cell it would seem to have become rarer
if it only happened to be frequent. So it stands alone only where the rows of both sides together say that its count in
the baseline is above the boundary for certain; otherwise it is counted in its bucket. The rows of both sides together
do not favour any outcome, so the choice does not bias the tests. `pegel.stats.vocabulary` says what buckets are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pegel.detect.ranks import Counts
from pegel.detect.shape import joined_neighbours, needed_rows, pooled
from pegel.stats.layout import CategoricalLayout
from pegel.stats.vocabulary import CERTAIN

POOLS = 32
"""For the shape test the buckets are joined to at most so many pools: more would drown the frequent categories."""


@dataclass(frozen=True, slots=True)
class CategoryGroups:
    """Counts of groups of categories of many fields: of each category that stands alone, and of each bucket.

    `baseline`, `window`: int64, shape (fields, named + buckets): first the categories with a cell, 0 where one does not
    stand alone, then the buckets, those of fields that have fewer spread evenly. `bucket_of`: the place among them of
    the bucket of each category with a cell, shape (fields, named). `own`: how many categories with a cell, and how many
    buckets, each field has by itself, shape (fields, 2).
    """

    baseline: Counts
    window: Counts
    bucket_of: NDArray[np.intp]
    own: NDArray[np.int64]

    @classmethod
    def of(
        cls, layouts: Sequence[CategoricalLayout], baseline: Sequence[Counts], window: Sequence[Counts]
    ) -> CategoryGroups:
        """Group counts per cell of at least one field, each of the shape (cells of its layout,)."""
        known = [layout.vocabulary for layout in layouts]
        own = np.array([(len(one.top), one.buckets) for one in known])
        named, buckets = own.max(axis=0).tolist()
        size = named + buckets
        b, w, bucket_of = (np.zeros((len(known), width), dtype=np.int64) for width in (size, size, named))
        for i, one in enumerate(known):
            top, step = len(one.top), buckets // one.buckets
            bucket_of[i, :top] = step * one.bucket_of_top
            for side, counts in ((b, baseline[i]), (w, window[i])):
                side[i, :top] = counts[:top]
                side[i, named::step] = counts[top:]
        m, n = b.sum(axis=1, keepdims=True), w.sum(axis=1, keepdims=True)
        boundary = np.array([[one.boundary / max(one.rows, 1)] for one in known]) * m
        expected = (b + w)[:, :named] * (m / np.maximum(m + n, 1))
        spread = np.sqrt(expected * (n / np.maximum(m + n, 1)))
        alone = expected - boundary - 0.5 >= CERTAIN * spread
        return cls(_moved(b, alone, bucket_of), _moved(w, alone, bucket_of), bucket_of, own)

    def cell(self, field: int, group: int) -> int:
        """Return the cell, among those of one field's own layout, whose place among the groups is `group`."""
        named, buckets = self.bucket_of.shape[1], self.baseline.shape[1] - self.bucket_of.shape[1]
        own_named, own_buckets = self.own[field].tolist()
        return group if group < named else int(own_named + (group - named) * own_buckets // buckets)

    def pooled(self) -> tuple[Counts, Counts, NDArray[np.int64]]:
        """Return baseline, window and the pool of each group for the shape test, each of shape (fields, groups).

        In each pool enough rows are expected. Categories with too few rows are counted in their bucket, and buckets are
        joined with their neighbours. If all together have too few, they join the smallest category that stands alone.
        """
        named, needed = self.bucket_of.shape[1], needed_rows(self.baseline, self.window)
        alone = (self.baseline + self.window)[:, :named] >= needed[:, None]
        b, w = (_moved(side, alone, self.bucket_of) for side in (self.baseline, self.window))
        both = b + w
        several = both[:, named:].reshape(len(b), min(POOLS, both.shape[1] - named), -1).sum(axis=2)
        rest = several.sum(axis=1)
        each = (both.shape[1] - named) // several.shape[1]
        buckets = named + np.repeat(joined_neighbours(several, needed), each, axis=1)
        if named:
            smallest = np.where(alone, both[:, :named], np.iinfo(np.int64).max).argmin(axis=1)
            joins = (rest < needed) & alone.any(axis=1)
            buckets = np.where(joins[:, None], smallest[:, None], buckets)
        own = np.broadcast_to(np.arange(named), (len(b), named))
        return b, w, np.concatenate([own, buckets], axis=1)


def _moved(counts: Counts, alone: NDArray[np.bool_], bucket_of: NDArray[np.intp]) -> Counts:
    """Count the categories that do not stand alone in their buckets."""
    named = bucket_of.shape[1]
    places = np.empty(counts.shape, dtype=np.int64)
    places[:] = np.arange(counts.shape[1])
    places[:, :named] = np.where(alone, places[:, :named], named + bucket_of)
    return pooled(counts, places).astype(np.int64)
