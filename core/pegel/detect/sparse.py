"""Have the few rows beside the usual value become more, or fewer? Exact, where a rank test can only be careful.

Where nearly all rows of the baseline share one value, such as zero, and the others lie on one side of it, the mean rank
of a window says little but how many these are. So their count decides, as it does for two values; the law of a skewed
rank statistic would be up to thirty times too careful. A row of the window on the other side counts as if it had the
usual value, because the tests of exceeded ranges look at it; but where most of the others lie there, ranks decide.

Where the others lie on both sides, as changes of a price do, ranks decide about location. That both sides become more,
or fewer, is then seen by no mean rank, and too few groups of cells are left for a test of shape: so the others are
counted in place of the test of scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pegel.detect.binary import BinaryTest
from pegel.detect.detector import Evidence
from pegel.detect.ranks import Counts, RankStatistic
from pegel.stats.layout import NumericLayout

SPARSE = 0.9
"""At least this share of the baseline has the usual value."""


@dataclass(frozen=True)
class SparseTest(BinaryTest):
    """The test of location or scale by a count of rows beside the usual value: above it, below it, or on either side.

    `above`: whether a larger count means a larger statistic; not where the rows lie below the usual value.
    """

    name: str = "location"
    above: bool = True

    @property
    def statistic(self) -> float:
        """Return z of the rank statistic, whose sign says where the window lies, or that it is spread wider."""
        return self.ranks.z

    def tail(self, sign: int) -> float:
        """Return the one-sided mid-p of lying higher or spread wider (1), lower or drawn together (-1)."""
        return super().tail(sign if self.above else -sign)


def location_of(layout: NumericLayout, baseline: Counts, window: Counts, ranks: RankStatistic) -> Evidence:
    """Return the test of location of one field: by the count where it is sparse on one side, else by its ranks.

    Where windows vary more than independent rows would, no count is exact, so ranks decide.
    """
    usual = int(np.argmax(baseline))
    if ranks.factor != 1 or not layout.points[usual] or baseline[usual] < SPARSE * ranks.m:
        return ranks
    # A single row of the window must not choose the test; a baseline of one value, though, has no side of its own.
    sides = [slice(0, usual), slice(usual + 1, None)]
    trained, seen = ([int(counts[side].sum()) for side in sides] for counts in (baseline, window))
    below, above = trained if any(trained) else seen
    rare = int(above > 0)
    if min(below, above) or seen[1 - rare] > seen[rare]:
        return ranks
    return SparseTest(seen[rare], ranks.n, trained[rare], ranks.m, ranks, above=above > 0)


def scale_of(layout: NumericLayout, baseline: Counts, window: Counts, ranks: RankStatistic) -> Evidence | None:
    """Return the test of scale of a field whose shape is not tested; None where no usual value lies between others.

    It is the count of the others where the usual value has nine tenths of the baseline, else that of ranks.
    """
    usual = int(np.argmax(baseline))
    if not has_both_sides(layout, baseline):
        return None
    if ranks.factor != 1 or baseline[usual] < SPARSE * ranks.m:
        return ranks
    seen, trained = ranks.n - int(window[usual]), ranks.m - int(baseline[usual])
    return SparseTest(seen, ranks.n, trained, ranks.m, ranks, name=ranks.name)


def has_both_sides(layout: NumericLayout, baseline: Counts) -> bool:
    """Say whether the most frequent value of the baseline stands alone in its cell, with others on both sides."""
    usual = int(np.argmax(baseline))
    return bool(layout.points[usual] and baseline[:usual].any() and baseline[usual + 1 :].any())
