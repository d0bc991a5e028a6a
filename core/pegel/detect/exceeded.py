"""Are there more extreme values? Exact test of how many lie outside the middle 98 % of the baseline.

The scale test bounds its scores and so hardly sees a change of the outermost percent; this one sees nothing else.
Source: exact conditional test of two counts, as in `pegel.detect.count_tests`.
"""

from __future__ import annotations

import numpy as np

from pegel.detect.count_tests import CountTest
from pegel.stats.summary import FeatureSummary

TAIL = 0.01
"""Share of the baseline beyond each end, at most."""


class Tails:
    """Counts values in the outermost cells, those that hold at most one percent of the baseline on each side."""

    name = "tails"
    needs: tuple[str, ...] = ()

    def test(self, baseline: FeatureSummary, window: FeatureSummary) -> CountTest | None:
        """Return the test; None when no cell of the baseline is so far out."""
        upto = np.cumsum(baseline.cells)
        outside = (upto <= TAIL * upto[-1]) | (upto - baseline.cells >= (1 - TAIL) * upto[-1])
        seen, before = int(window.cells[outside].sum()), int(baseline.cells[outside].sum())
        if not before:
            return None
        counts = (seen, window.counted, before, baseline.counted)
        return CountTest(self.name, *counts, words="values outside the middle 98 % of training")
