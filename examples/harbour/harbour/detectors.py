"""The detector of docs/extending.md."""

from pegel.detect.count_tests import CountTest
from pegel.stats.summary import FeatureSummary


class Zeros:
    """Has the share of zeros changed? Exact two-sided test of two counts."""

    name = "zeros"
    needs = ("zero_share",)

    def test(self, baseline: FeatureSummary, window: FeatureSummary) -> CountTest | None:
        before, now = baseline.kept["zero_share"], window.kept["zero_share"]
        if not before.n or not now.n:
            return None
        return CountTest(self.name, now.zeros, now.n, before.zeros, before.n, two_sided=True, words="zeros")
