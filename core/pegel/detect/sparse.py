"""Have the few rows beside the usual value become more, or fewer? Exact, where a rank test can only be careful.

Where nearly all rows of the baseline share one value, such as zero, and the others lie on one side of it, the mean rank
of a window says little but how many these are. So their count decides, as it does for two values; the law of a skewed
rank statistic would be up to thirty times too careful. A row of the window on the other side counts as if it had the
usual value, because the tests of exceeded ranges look at it; but where most of the others lie there, ranks decide.
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
    """The test of location by the count of rows beyond the usual value: above it if `above`, else below."""

    name: str = "location"
    above: bool = True

    @property
    def statistic(self) -> float:
        """Return z of the rank statistic, whose sign says where the window lies."""
        return self.ranks.z

    def tail(self, sign: int) -> float:
        """Return the one-sided mid-p of lying higher (1) or lower (-1)."""
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
