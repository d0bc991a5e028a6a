"""How much categories have changed, in words: those that grew or shrank by name, rare ones by their number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pegel.detect.category_groups import CategoryGroups
from pegel.detect.detector import Evidence
from pegel.detect.effect import Effect, from_to
from pegel.detect.ranks import Counts
from pegel.detect.shape import pooled
from pegel.detect.single_category import SingleCategory
from pegel.stats import distances
from pegel.stats.layout import CategoricalLayout
from pegel.stats.vocabulary import Vocabulary

COMPARABLE = 0.5
"""The largest change in the opposite direction is told, too, if it is at least so large a part of the largest one."""


@dataclass(frozen=True, slots=True)
class _Compared:
    """One field as it was compared: rows of baseline and window per pool, and the pool of each group."""

    layout: CategoricalLayout
    baseline: Counts
    window: Counts
    pools: NDArray[np.int64]

    @property
    def change(self) -> NDArray[np.float64]:
        """Return the change of each pool's share of the rows."""
        return np.asarray(self.window / self.window.sum() - self.baseline / self.baseline.sum())

    def told(self, pool: int) -> str:
        """Say how the share of a pool has changed, and of the one that changed most the other way."""
        change = self.change
        opposite = int((-np.sign(change[pool]) * change).argmax())
        both = abs(change[opposite]) >= COMPARABLE * abs(change[pool])
        return ", ".join(self._words(one) for one in ((pool, opposite) if both else (pool,)))

    def _words(self, pool: int) -> str:
        before, now = (float(side[pool] / side.sum()) for side in (self.baseline, self.window))
        return f"{self._label(pool)} {from_to(before, now)}"

    def _label(self, pool: int) -> str:
        named = len(self.layout.categories)
        buckets = int((self.pools[named:] == pool).sum())
        if pool < named:
            return self.layout.categories[pool] + (" and rarer ones" if buckets else "")
        return others(self.layout.vocabulary, buckets)


def category_effect(test: Evidence, layout: CategoricalLayout, baseline: Counts, window: Counts) -> Effect:
    """Return the effect of a test of categories, given as counts per cell, on the groups that were compared."""
    groups = CategoryGroups.of([layout], [baseline], [window])
    if isinstance(test, SingleCategory):
        own = np.arange(groups.baseline.shape[1])
        compared = _Compared(layout, groups.baseline[0], groups.window[0], own)
        return Effect(float(compared.change[test.group]), "share", compared.told(test.group))
    b, w, pools = (side[0] for side in groups.pooled())
    compared = _Compared(layout, pooled(b, pools).astype(np.int64), pooled(w, pools).astype(np.int64), pools)
    largest = int(abs(compared.change).argmax())
    numbers = {"share_change": float(compared.change[largest])}
    return Effect(distances.tv(compared.baseline, compared.window), "TV", compared.told(largest), numbers)


def others(vocabulary: Vocabulary, buckets: int) -> str:
    """Return the name of the categories in some buckets, where one key or many of them may have changed.

    Those that have a cell are few among them.

    >>> others(Vocabulary.build(["a", "b"]), 1), others(Vocabulary.build(map(str, range(12_800))), 2)
    ('rare or new values', 'one or more of about 100 rarer keys')
    >>> others(Vocabulary.build(map(str, range(300))), 1)
    'a rarer key'
    """
    known = vocabulary.distinct - len(vocabulary.top)
    if not known:
        return "rare or new values"
    about = round(known * buckets / vocabulary.buckets)
    return f"one or more of about {about:,} rarer keys" if about > 1 else "a rarer key"
