"""Has something that is counted become more (or less) frequent? Exact, at any number of rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from scipy.special import betainc

from pegel.stats import hypergeometric, tails


@dataclass(frozen=True)
class CountTest:
    """`seen` of `n` window rows against `seen_in_baseline` of `m` baseline rows.

    `least_difference`: a smaller difference of the rates is not relevant, however certain. `two_sided`: fewer counts
    as a change, too. `factor`: by how much the variance of the count exceeds that of independent rows; above 1 the
    exact law no longer holds, and a skewed normal one of that variance takes its place, or, where the baseline has
    none, the law of bursts.
    """

    name: str
    seen: int
    n: int
    seen_in_baseline: int
    m: int
    two_sided: bool = False
    least_difference: float = 0.0
    factor: float = 1.0
    words: str = ""
    """What is counted, for people."""

    @property
    def statistic(self) -> float:
        """Return how often it was seen in the window."""
        return float(self.seen)

    @property
    def difference(self) -> float:
        """Return the rate in the window less that in the baseline."""
        return self.seen / max(self.n, 1) - self.seen_in_baseline / max(self.m, 1)

    @cached_property
    def p_value(self) -> float:
        """Return the exact conditional p-value.

        >>> round(CountTest("above", 3, 54, 0, 2000).p_value, 10)
        1.71991e-05
        """
        if not self.seen and not (self.two_sided and self.seen_in_baseline):
            return 1.0
        if self.factor > 1:
            return tails.bounded(self._in_bursts())
        counts = (self.seen, self.n, self.seen_in_baseline, self.m)
        tail = hypergeometric.two_sided if self.two_sided else hypergeometric.upper
        return tails.bounded(tail(*counts))

    def _in_bursts(self) -> float:
        """Return the p-value where the variance of the count is `factor` times that of independent rows."""
        more = max(self._bursts_of_one_length(), self._more_of_many() if self.seen_in_baseline else self._first_burst())
        return min(1.0, 2 * min(more, self._fewer())) if self.two_sided else more

    def _bursts_of_one_length(self) -> float:
        """Return P(K >= seen) where bursts are as long as the factor: the law of counting bursts instead of rows."""
        counted = math.ceil(self.seen / self.factor)
        before = self.seen_in_baseline / self.factor
        return float(betainc(counted, before + 1, self.n / (self.n + self.m))) if counted else 1.0

    def _first_burst(self) -> float:
        """Return P(K >= seen) of what the baseline has none of, where bursts end at random.

        That the window has the first one is as likely as ever; further ones are more likely to follow it.
        """
        share, length = self.n / (self.n + self.m), (self.factor + 1) / 2
        return share * (1 - (1 - share) / length) ** (self.seen - 1)

    def _more_of_many(self) -> float:
        """Return P(K >= seen) by a skewed normal law of the larger variance."""
        expected, spread, skewness = self._law()
        return float(tails.upper((self.seen - 0.5 - expected) / spread, skewness))

    def _fewer(self) -> float:
        expected, spread, skewness = self._law()
        return float(tails.upper((expected - self.seen - 0.5) / spread, -skewness)) if expected else 1.0

    def _law(self) -> tuple[float, float, float]:
        """Return mean, standard deviation and skewness of the count."""
        expected = self.seen_in_baseline * self.n / self.m
        rest = 1 - self.seen_in_baseline / self.m
        spread = math.sqrt(self.factor * max(expected * rest * (1 + self.n / self.m), 1e-300))
        return expected, spread, (2 * self.factor - 1) / math.sqrt(self.factor * max(expected, 1e-300))

    def p_relevant(self, margin: float) -> float:  # noqa: ARG002  # rates have a margin of their own
        """Return 0 when the difference of the rates is large enough to matter, else 1."""
        return 0.0 if abs(self.difference) >= self.least_difference else 1.0

    def numbers(self) -> dict[str, float]:
        """Return the four counts and the factor."""
        counts = {"seen": self.seen, "n": self.n, "seen_in_baseline": self.seen_in_baseline, "m": self.m}
        return {**counts, "factor": self.factor, "p": self.p_value}
