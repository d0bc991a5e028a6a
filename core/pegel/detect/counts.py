"""Has something that is counted become more (or less) frequent? Exact, at any number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from pegel.stats import hypergeometric
from pegel.stats.tails import FLOOR


@dataclass(frozen=True)
class CountTest:
    """`seen` of `n` window rows against `seen_in_baseline` of `m` baseline rows.

    `least_difference`: a smaller difference of the rates is not relevant, however certain. `two_sided`: fewer counts
    as a change, too.
    """

    name: str
    seen: int
    n: int
    seen_in_baseline: int
    m: int
    two_sided: bool = False
    least_difference: float = 0.0

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
        counts = (self.seen, self.n, self.seen_in_baseline, self.m)
        tail = hypergeometric.two_sided if self.two_sided else hypergeometric.upper
        return max(FLOOR, tail(*counts))

    def p_relevant(self, margin: float) -> float:  # noqa: ARG002  # rates have a margin of their own
        """Return 0 when the difference of the rates is large enough to matter, else 1."""
        return 0.0 if abs(self.difference) >= self.least_difference else 1.0

    def numbers(self) -> dict[str, float]:
        """Return the four counts."""
        return {
            "seen": self.seen,
            "n": self.n,
            "seen_in_baseline": self.seen_in_baseline,
            "m": self.m,
            "p": self.p_value,
        }
