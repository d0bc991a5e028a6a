"""Have the few rows beside the usual value become more, or fewer? Exact, where a rank test can only be careful.

Where nearly all rows share one value, such as zero, and the others lie on one side of it, the mean rank of a window
says little but how many these are. So their count decides, as it does for two values; the law of a skewed rank
statistic would be up to thirty times too careful.
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
    """The test of location by the count of rows that differ from the usual value; they lie above it if `above`."""

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
    below, above = (int((baseline[side] + window[side]).sum()) for side in (slice(0, usual), slice(usual + 1, None)))
    if min(below, above):
        return ranks
    rare, before = ranks.n - int(window[usual]), ranks.m - int(baseline[usual])
    return SparseTest(rare, ranks.n, before, ranks.m, ranks, above=above > 0)
