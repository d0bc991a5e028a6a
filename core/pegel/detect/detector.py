"""What every test of this package gives back."""

from __future__ import annotations

from typing import Protocol

from pegel.stats.summary import FeatureSummary


class Evidence(Protocol):
    """One test of one field: a statistic, its p-value, and the p-value of "the change is at most the margin"."""

    @property
    def name(self) -> str:
        """Return the test's name."""
        ...

    @property
    def n(self) -> int:
        """Return the number of window values (or rows) tested."""
        ...

    @property
    def m(self) -> int:
        """Return the number of baseline values (or rows) tested against."""
        ...

    @property
    def statistic(self) -> float:
        """Return the statistic."""
        ...

    @property
    def p_value(self) -> float:
        """Return the p-value of "nothing has changed"."""
        ...

    def p_relevant(self, margin: float) -> float:
        """Return the p-value of "the change is at most `margin`", in standard deviations."""
        ...

    def numbers(self) -> dict[str, float]:
        """Return every number needed to see how the p-value came about."""
        ...


class Detector(Protocol):
    """A further test of numeric fields, made beside those of location, scale and shape when a spec asks for it.

    `name`: what a spec calls it, and what its test is called. `needs`: names of statistics that must be kept of each
    field beside the fixed ones, see `pegel.stats.statistic_registry`; baseline and window then have them in `kept`.
    """

    name: str
    needs: tuple[str, ...]

    def test(self, baseline: FeatureSummary, window: FeatureSummary) -> Evidence | None:
        """Return the test of one field, or None where there is nothing to test. Both sides have values."""
        ...
