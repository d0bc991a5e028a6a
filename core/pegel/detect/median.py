"""Has the middle moved? Exact test of how many values lie above the baseline's median (Mood's median test).

Less powerful than the location test, and blind to everything but the middle: for features whose tails are noise.
Source: A. M. Mood, "Introduction to the Theory of Statistics" (1950), section 16.5.
"""

from __future__ import annotations

import numpy as np

from pegel.detect.count_tests import CountTest
from pegel.stats.summary import FeatureSummary


class Median:
    """Counts values above the cell in which half of the baseline is reached."""

    name = "median"
    needs: tuple[str, ...] = ()

    def test(self, baseline: FeatureSummary, window: FeatureSummary) -> CountTest | None:
        """Return the test; None when nothing of the baseline lies above its median cell."""
        above = slice(int(np.searchsorted(np.cumsum(baseline.cells), baseline.counted / 2)) + 1, None)
        seen, before = int(window.cells[above].sum()), int(baseline.cells[above].sum())
        if not before:
            return None
        counts = (seen, window.counted, before, baseline.counted)
        return CountTest(self.name, *counts, two_sided=True, words="values above the middle of training")
