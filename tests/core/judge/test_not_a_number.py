"""What no comparison sees: NaN where a p-value belongs is refused, never taken for a change or for none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest

from pegel.detect.combine import corrected
from pegel.errors import InvalidSpec
from pegel.judge.decision import Criterion, decide
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats import tails

CRITERION = Criterion("drift", 0.01, 1.0, 0.02)


@dataclass(frozen=True)
class Odd:
    """A test of an installed package that went wrong."""

    p_value: float
    relevance: float
    name: str = "odd"
    n: int = 100
    m: int = 1_000
    statistic: float = 1.0

    def p_relevant(self, _margin: float) -> float:
        """Return what it was made with."""
        return self.relevance

    def numbers(self) -> dict[str, float]:
        """Return nothing."""
        return {}


def test_p_values_are_bounded() -> None:
    """A p-value lies between 1e-300 and 1; NaN is none."""
    assert [1e-300, 0.5, 1.0] == [tails.bounded(p) for p in (0.0, 0.5, 1.5)]
    with pytest.raises(ValueError, match="given NaN: nothing was judged by it"):
        tails.bounded(math.nan)


@pytest.mark.parametrize("before", [0, 1])
def test_a_test_without_a_p_value_is_named(before: int) -> None:
    """Wherever it stands among the tests of a field, a p-value of NaN is refused by the test's name."""
    tests: list[Any] = [Odd(0.5, 1.0, name="even")] * before + [Odd(math.nan, 1.0)]

    with pytest.raises(ValueError, match="from odd, given NaN: the field was not judged"):
        corrected(tests)


def test_a_certain_change_of_unknown_relevance_is_refused() -> None:
    """A significant test that cannot say whether its change matters is no change below the margin."""
    with pytest.raises(ValueError, match="from odd, given NaN: it would make a certain change irrelevant"):
        decide([Odd(1e-9, math.nan)], CRITERION)


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("field", ["outliers_per_day", "rows_per_day", "margin"])
def test_a_spec_holds_numbers_only(field: str, value: float) -> None:
    """Neither NaN nor infinity is a wish."""
    document = {"model": {"name": "x", "uri": "x"}, "baseline": {"source": "x"}, "watch": {field: value}}

    with pytest.raises(InvalidSpec, match=f"watch.{field}"):
        MonitorSpec.parse(document)
