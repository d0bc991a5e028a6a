"""What the library's tests say about thousands of windows at once: p-values, relevance, what enters the charts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chndtr, ndtri

from pegel.detect.binary import BinaryTest
from pegel.detect.ranks import Counts, Floats, RankStatistic
from pegel.detect.single_category import SingleCategory
from pegel.judge.decision import RELEVANT
from pegel.stats import tails

Flags = NDArray[np.bool_]
NOTHING = RankStatistic("none", 0.0, 0.0, 1, 1, 1.0, 1.0)
"""Stands where a binary test has its rank statistic, which only its relevance needs."""


@dataclass(frozen=True)
class Tests:
    """One test on many windows: p-values and the test's share of the level, shape (windows,)."""

    name: str
    p: Floats
    share: Floats
    n: int
    m: int

    def relevance(self, where: Flags, margin: float) -> Floats:
        """Return the p-value of "the change is at most `margin`" of some windows."""
        raise NotImplementedError

    def deviations(self) -> list[tuple[str, Floats]]:
        """Return what enters each chart of this test, by direction."""
        return [("any", normal_value(self.p))]


@dataclass(frozen=True)
class RankTests(Tests):
    """Location or scale. `longer`: by how much sums of many z vary more than independent ones."""

    z: Floats
    skewness: Floats
    factor: float = 1.0
    longer: float = 1.0

    def relevance(self, where: Flags, margin: float) -> Floats:
        """Return the one-sided p-value at |z| less the margin."""
        z, sign, root = self.z[where], np.sign(self.z[where]), self.factor**0.5
        beyond = np.abs(z) - margin * (self.n * self.m / (self.n + self.m)) ** 0.5
        return tails.upper(beyond / root, sign * self.skewness[where] * root)

    def deviations(self) -> list[tuple[str, Floats]]:
        """Return the normal value of each one-sided p-value."""
        root = (self.factor * self.longer) ** 0.5
        sides = (("up", 1), ("down", -1))
        return [(word, normal_value(tails.upper(s * self.z / root, s * self.skewness * root))) for word, s in sides]


@dataclass(frozen=True)
class ExactTests(RankTests):
    """The balance of two values; few different counts occur, so each is tested once."""

    seen: Counts = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    seen_in_baseline: int = 0

    def deviations(self) -> list[tuple[str, Floats]]:
        """Return the normal value of each mid-p."""
        seen, place = np.unique(self.seen, return_inverse=True)
        tests = [BinaryTest(int(x), self.n, self.seen_in_baseline, self.m, NOTHING) for x in seen]
        sides = (("up", 1), ("down", -1))
        return [(word, normal_value(np.array([test.tail(s) for test in tests]))[place]) for word, s in sides]


@dataclass(frozen=True)
class ShapeTests(Tests):
    """The divergence of `pools` cells, divided by the scale of its law, with `df` degrees of freedom."""

    divergence: Floats
    pools: Counts
    df: Floats
    excess: Floats
    scale: float = 1.0

    def deviations(self) -> list[tuple[str, Floats]]:
        """Return the normal value of the divergence shrunk to the mean of its law."""
        df = np.maximum(self.pools - 1, 1)
        p = chdtrc(self.df, self.divergence * df / (df + self.excess))
        return [("any", normal_value(np.where(self.pools > 1, p, self.p)))]

    def relevance(self, where: Flags, margin: float) -> Floats:
        """Return the non-central upper tail."""
        shift = margin**2 * self.n * self.m / (self.n + self.m) / self.scale
        return np.asarray(1 - chndtr(self.divergence[where], self.df[where], shift))


@dataclass(frozen=True)
class SingleTests(Tests):
    """The single category that changed most; those that cannot matter at any level have p = 1 and no test."""

    singles: Sequence[SingleCategory | None] = ()

    def relevance(self, where: Flags, margin: float) -> Floats:
        """Return the p-value of each test that was made."""
        chosen = (self.singles[i] for i in np.flatnonzero(where).tolist())
        return np.array([1.0 if one is None else one.p_relevant(margin) for one in chosen])

    def deviations(self) -> list[tuple[str, Floats]]:
        """Return nothing: single categories are not charted."""
        return []


def normal_value(p: Floats) -> Floats:
    """Return the standard normal value whose upper tail is `p`."""
    return np.asarray(-ndtri(np.clip(p, tails.FLOOR, 1 - 1e-16)))


@dataclass(frozen=True)
class Judged:
    """All tests of one feature on many windows."""

    tests: Sequence[Tests]

    @cached_property
    def p(self) -> Floats:
        """Return the feature's p-value, shape (windows,): the smallest over its share of the level."""
        return np.asarray(np.minimum(1.0, np.min([test.p / test.share for test in self.tests], axis=0)))

    def flags(self, level: float, margin: float) -> Flags:
        """Say which windows differ at a level, by more than a margin."""
        found = np.zeros_like(self.p, dtype=np.bool_)
        for test in self.tests:
            where = test.p < level * test.share
            found[where] |= test.relevance(where, margin) <= RELEVANT
        return found

    def with_equal_shares(self) -> Judged:
        """Return the same tests, each with the same share of the level."""
        count = np.sum([test.p <= 1 for test in self.tests], axis=0)
        return Judged([replace(test, share=1 / count) for test in self.tests])
