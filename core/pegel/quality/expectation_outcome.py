"""What came of an expectation, with its p-value where it has one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pegel.detect.detector import Evidence
from pegel.detect.effect import percent_of
from pegel.detect.tolerated import ToleratedShare
from pegel.quality import expectation as kinds
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_words import in_words, told_apart
from pegel.stats import tails
from pegel.stats.moments import Moments

NEEDS_ROWS = "counts alone cannot tell"
"""Why it is not told of any window, whatever is in it."""
NO_ROWS = "there are no rows"
_ENDS = ("min_value", "max_value", "value")


@dataclass(frozen=True)
class BeyondBand:
    """A mean or a standard deviation of `n` values against the band in which it is expected.

    `low`, `high`: the band; infinite where it has no end. `error`: standard error of `observed`. `skewness`: of it.
    """

    name: str
    observed: float
    low: float
    high: float
    error: float
    skewness: float
    n: int

    m = 0
    """No values of a baseline: the band holds what there is to know of it."""

    @property
    def statistic(self) -> float:
        """Return by how many standard errors the band is left, upwards above 0; 0 within it."""
        beyond = max(0.0, self.observed - self.high) - max(0.0, self.low - self.observed)
        if not beyond:
            return 0.0
        return beyond / self.error if self.error else math.copysign(math.inf, beyond)

    @cached_property
    def p_value(self) -> float:
        """Return how likely so much beyond is where the true value is at the end of the band, by a skewed normal law.

        >>> round(BeyondBand("mean", 10.3, 9.0, 10.0, 0.1, 0.0, 100).p_value, 5)
        0.00135
        """
        z = self.statistic
        if not z:
            return 1.0
        if math.isinf(z):
            return 0.0
        return tails.bounded(float(tails.upper(abs(z), math.copysign(self.skewness, z * self.skewness))))

    def p_relevant(self, margin: float) -> float:  # noqa: ARG002  # the band is the margin
        """Return 0: beyond the band is relevant, because the band is what is tolerated."""
        return 0.0

    def numbers(self) -> dict[str, float]:
        """Return what was observed, the band and the standard error; ends that there are none of are left out."""
        ends = {"low": self.low, "high": self.high}
        return {
            "observed": self.observed,
            **{name: end for name, end in ends.items() if math.isfinite(end)},
            "standard_error": self.error,
            "n": self.n,
            "p": self.p_value,
        }


@dataclass(frozen=True, kw_only=True)
class ExpectationOutcome:
    """What rows say of one expectation.

    `met`: None where counts alone cannot tell. `seen`, `most_seen`: values that are not as expected, at least and at
    most, of `n`. `observed`: the number that is looked at; None where it is a share, or there is none. `test`: the test
    of "no more than tolerated"; None for a rule, and where there is nothing to test. `why`: what is not as it should
    be, or cannot be told.
    """

    expectation: Expectation
    met: bool | None
    n: int
    seen: int = 0
    most_seen: int = 0
    observed: float | None = None
    test: Evidence | None = None
    why: str = ""
    examples: tuple[str, ...] = field(default=())
    """Some values that are not as expected, where rows were looked at."""
    rows: tuple[str, ...] = field(default=())
    """Some rows that are not as expected, `EVENT/ROW`, where they are kept: by these they are found again."""

    @property
    def statistic(self) -> float:
        """Return the number that is told of a rule: what was observed, or how many values are not so."""
        observed = self.seen if self.observed is None else self.observed
        return float(observed) if math.isfinite(observed) else 0.0

    @property
    def words(self) -> str:
        """Return what was expected and what is there."""
        return f"expected: {in_words(self.expectation)}; {self.there}"

    @property
    def there(self) -> str:
        """Return what is there, in words."""
        if self.why:
            return self.why
        if self.expectation.type in kinds.SHARES or self.most_seen:
            least = percent_of(self.seen, self.n)
            if self.met is None:
                return f"{least} to {percent_of(self.most_seen, self.n)} of {self.n:,} values are not so"
            return f"{least} of {self.n:,} values are not so" + _such_as(self.examples)
        if self.observed is None:
            return "it is so" if self.met else "not so"
        ends = [self.expectation.kwargs[name] for name in _ENDS if name in self.expectation.kwargs]
        return f"it is {told_apart(self.observed, ends)}"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, for the page, a report and Hopsworks."""
        p_value = None if self.test is None else self.test.p_value
        return {
            "suite": self.expectation.suite,
            "type": self.expectation.type,
            "kwargs": self.expectation.short_kwargs,
            "feature": self.expectation.feature,
            "test": self.expectation.test,
            "expected": in_words(self.expectation),
            "met": self.met,
            "severity": self.expectation.severity,
            "there": self.there,
            "n": self.n,
            "p_value": p_value,
            **({"rows": list(self.rows)} if self.rows else {}),
        }


def _such_as(examples: tuple[str, ...]) -> str:
    return f", such as {', '.join(examples)}" if examples else ""


def of_share(expectation: Expectation, seen: int, most_seen: int, n: int, *, factor: float = 1.0) -> ExpectationOutcome:
    """Return what comes of `seen` to `most_seen` of `n` values that are not as expected.

    Whether it is met is said as Great Expectations says it, to the last digit; of no values it is met. `factor`: by how
    much the variance of the count exceeds that of independent rows; the test then counts bursts of so many rows.
    """
    mostly = expectation.mostly
    met: bool | None = _is_met(seen, n, mostly)
    if met is not _is_met(most_seen, n, mostly):
        met = None
    test = None if mostly >= 1 else tolerated(expectation, seen, n, factor=factor)
    return ExpectationOutcome(expectation=expectation, met=met, n=n, seen=seen, most_seen=most_seen, test=test)


def tolerated(expectation: Expectation, seen: int, n: int, *, factor: float = 1.0) -> ToleratedShare:
    """Return the test of "no more than tolerated" of `seen` of `n` values, which come in bursts of `factor`."""
    bursts = math.ceil(seen / factor)
    return ToleratedShare(expectation.test, bursts, max(math.ceil(n / factor), bursts), 1 - expectation.mostly)


def _is_met(seen: int, n: int, mostly: float) -> bool:
    return not n or (float(n) - float(seen)) / float(n) >= mostly


def of_moment(
    expectation: Expectation, moments: Moments, infinite: tuple[int, int], *, factor: float = 1.0
) -> ExpectationOutcome:
    """Return what comes of a mean or a standard deviation.

    `infinite`: how many values are plus and minus infinity; with any, the mean is infinite or, as the deviation, none.
    """
    n, is_mean = moments.count, expectation.type == kinds.MEAN
    if any(infinite):
        value = math.nan if all(infinite) or not is_mean else math.copysign(math.inf, infinite[0] - infinite[1])
        why = f"{sum(infinite):,} values are infinite"
        return of_rule(expectation, met=within(expectation.kwargs, value), n=n + sum(infinite), why=why)
    observed = moments.mean if is_mean else moments.sd
    if n > 1 and (observed is None or not math.isfinite(observed)):
        # Their squares are beyond what a number holds; whoever adds up otherwise may still have one.
        return ExpectationOutcome(expectation=expectation, met=None, n=n, why="the values are too large to add up")
    if not n or observed is None or not math.isfinite(observed):
        return ExpectationOutcome(expectation=expectation, met=False, n=n, why=f"there is none of {n:,} values")
    sd, kurtosis = moments.sd or 0.0, moments.kurtosis or 0.0
    error = sd * math.sqrt(factor / n * (1.0 if is_mean else max(kurtosis - 1, 0.0) / 4))
    skewness = (moments.skewness or 0.0) / math.sqrt(n / factor) if is_mean else 0.0
    low, high = (expectation.kwargs.get(name, end) for name, end in (("min_value", -math.inf), ("max_value", math.inf)))
    test = BeyondBand(expectation.test, observed, low, high, error, skewness, n)
    met: bool | None = within(expectation.kwargs, observed)
    # Two ways of adding up differ in the last digits; which side of a bound they come to lie on is then no matter.
    ends = (end for end in (low, high) if math.isfinite(end))
    if any(math.isclose(observed, end, rel_tol=1e-9, abs_tol=1e-9 * sd) for end in ends):
        met = None
    return ExpectationOutcome(expectation=expectation, met=met, n=n, observed=observed, test=test)


def of_rule(
    expectation: Expectation, *, met: bool, n: int, why: str = "", observed: float | None = None
) -> ExpectationOutcome:
    """Return what comes of a rule."""
    return ExpectationOutcome(expectation=expectation, met=met, n=n, observed=observed, why="" if met else why)


def within(kwargs: Mapping[str, Any], value: float) -> bool:
    """Say whether a number is within its limits, NaN never.

    >>> within({"min_value": 1.0}, 1.0), within({"min_value": 1.0, "strict_min": True}, 1.0)
    (True, False)
    """
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if math.isnan(value):
        return False
    is_high = low is None or (value > low if kwargs.get("strict_min") else value >= low)
    is_low = high is None or (value < high if kwargs.get("strict_max") else value <= high)
    return is_high and is_low
