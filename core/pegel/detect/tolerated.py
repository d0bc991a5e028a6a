"""Is a share larger than what is tolerated? Exact, at any number of events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from scipy.special import betainc

from pegel.stats import tails


@dataclass(frozen=True)
class ToleratedShare:
    """`seen` of `n` events, of which a share of `tolerated` (0 to 1, inclusive) may be so.

    Nothing is compared with a baseline: training data has no events, so a person says what is tolerated.
    """

    name: str
    seen: int
    n: int
    tolerated: float

    m = 0
    """No values of a baseline."""

    @property
    def statistic(self) -> float:
        """Return how many there were."""
        return float(self.seen)

    @property
    def share(self) -> float:
        """Return the share of the events that were so; 0 of none."""
        return self.seen / max(self.n, 1)

    @cached_property
    def p_value(self) -> float:
        """Return P(K >= seen), K binomial of n events at the tolerated share: the upper tail, exactly.

        Source: the binomial tail as a regularised incomplete beta function; M. Abramowitz, I. A. Stegun, "Handbook of
        Mathematical Functions" (1964), 26.5.24.

        >>> round(ToleratedShare("late", 37, 1_204, 0.01).p_value, 12)
        4.646e-09
        """
        if not self.seen or self.tolerated >= 1:
            return 1.0
        return tails.bounded(float(betainc(self.seen, self.n - self.seen + 1, self.tolerated)))

    def p_relevant(self, margin: float) -> float:  # noqa: ARG002  # what is tolerated is the margin
        """Return 0: more than tolerated is relevant, because a person said what is tolerated."""
        return 0.0

    def numbers(self) -> dict[str, float]:
        """Return the counts, the tolerated share and the p-value."""
        return {"seen": self.seen, "n": self.n, "tolerated": self.tolerated, "p": self.p_value}
