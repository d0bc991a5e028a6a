"""Has the balance of two values changed? Exact two-sided test; relevance from the rank statistic of the same counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pegel.detect.location import location
from pegel.detect.ranks import Counts, RankStatistic
from pegel.stats import hypergeometric, tails


@dataclass(frozen=True)
class BinaryTest:
    """Counts of the second of two values: `seen` of `n` in the window, `seen_in_baseline` of `m` in the baseline."""

    seen: int
    n: int
    seen_in_baseline: int
    m: int
    ranks: RankStatistic
    name: str = "binary"

    @property
    def statistic(self) -> float:
        """Return how often the second value was seen in the window."""
        return float(self.seen)

    @cached_property
    def p_value(self) -> float:
        """Return the exact two-sided p-value."""
        return tails.bounded(hypergeometric.two_sided(self.seen, self.n, self.seen_in_baseline, self.m))

    def tail(self, sign: int) -> float:
        """Return the one-sided mid-p in the direction of `sign`: 1 for more of the second value, -1 for fewer.

        Half of the probability of what was seen counts, so that the value is centred although counts are discrete.
        """
        tail = hypergeometric.upper if sign > 0 else hypergeometric.lower
        here = tail(self.seen, self.n, self.seen_in_baseline, self.m)
        beyond = tail(self.seen + sign, self.n, self.seen_in_baseline - sign, self.m)
        return (here + beyond) / 2

    def p_relevant(self, margin: float) -> float:
        """Return the p-value of "the change is at most `margin`"."""
        return self.ranks.p_relevant(margin)

    def numbers(self) -> dict[str, float]:
        """Return the four counts and z."""
        counts = {"seen": self.seen, "n": self.n, "seen_in_baseline": self.seen_in_baseline, "m": self.m}
        return {**counts, "z": self.ranks.z, "p": self.p_value}


def binary(baseline: Counts, window: Counts) -> BinaryTest:
    """Test two cells, given as counts of shape (2,)."""
    return BinaryTest(
        seen=int(window[1]),
        n=int(window.sum()),
        seen_in_baseline=int(baseline[1]),
        m=int(baseline.sum()),
        ranks=location(baseline, window),
    )
