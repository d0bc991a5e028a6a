"""Has one category, or one bucket of rare ones, become more or less frequent? Exact, for the one that changed most.

A change of a single category is seen best by itself: over all categories together it drowns in the chance of the
others. This is also how a key that takes over, or appears and repeats, is found among thousands of rare ones.

Source: Bonferroni's correction over all groups; which of them is tested is chosen by the deviance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from pegel.detect.category_groups import CategoryGroups
from pegel.detect.count_tests import CountTest
from pegel.detect.location import location
from pegel.detect.ranks import Floats
from pegel.stats import tails

NAME = "single category"


@dataclass(frozen=True)
class SingleCategory:
    """The group that changed most. `group`: its cell in the field's layout; `groups`: how many have rows at all."""

    group: int
    groups: int
    count: CountTest
    name: str = NAME

    @property
    def n(self) -> int:
        """Return the number of window values."""
        return self.count.n

    @property
    def m(self) -> int:
        """Return the number of baseline values."""
        return self.count.m

    @property
    def statistic(self) -> float:
        """Return how often the group was seen in the window."""
        return self.count.statistic

    @cached_property
    def p_value(self) -> float:
        """Return the exact two-sided p-value times the number of groups."""
        return tails.bounded(self.groups * self.count.p_value)

    def p_relevant(self, margin: float) -> float:
        """Return the p-value of "the change is at most `margin`", by the rank statistic of the group and the rest."""
        one = self.count
        b, w = (np.array([rows - seen, seen]) for rows, seen in ((one.m, one.seen_in_baseline), (one.n, one.seen)))
        return location(b, w).p_relevant(margin)

    def numbers(self) -> dict[str, float]:
        """Return the counts, the group and the number of groups."""
        return {**self.count.numbers(), "group": self.group, "groups": self.groups, "p": self.p_value}


def single_categories(groups: CategoryGroups, factors: Sequence[float]) -> list[SingleCategory | None]:
    """Return the test of each field; None where all rows are in one group.

    `factors`: by how much counts of groups vary more than those of independent rows, by field.
    """
    return [single_category(groups, i, factor) for i, factor in enumerate(factors)]


def single_category(groups: CategoryGroups, field: int, factor: float = 1.0) -> SingleCategory | None:
    """Return the test of one of the fields."""
    b, w = groups.baseline[field], groups.window[field]
    used = int(np.count_nonzero(b + w))
    if used <= 1:
        return None
    group = int(deviances(b[None], w[None])[0].argmax())
    rows = (int(w[group]), int(w.sum()), int(b[group]), int(b.sum()))
    return SingleCategory(groups.cell(field, group), used, CountTest(NAME, *rows, two_sided=True, factor=factor))


def deviances(baseline: NDArray[np.int64], window: NDArray[np.int64]) -> Floats:
    """Return how far each group's division between both sides is from that of all rows, shape (fields, groups)."""
    m, n = baseline.sum(axis=1, keepdims=True), window.sum(axis=1, keepdims=True)
    both = baseline + window
    safe = np.where(both > 0, both, 1)
    of_group = xlogy(window, window * (m + n) / (n * safe)) + xlogy(baseline, baseline * (m + n) / (m * safe))
    others = 1 - both / (m + n)  # the larger a group, the more the rest of the rows says the same
    found: Floats = of_group / np.where(others > 0, others, 1)
    return found
