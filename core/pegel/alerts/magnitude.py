"""How large a finding is, to tell whether it has grown since a person was told."""

from __future__ import annotations

import math
from typing import NamedTuple, Self

from pegel.judge.findings import Finding
from pegel.judge.layers.odd_events import DETECTOR as EVENTS

GROWS_BY = 2.0
"""A change that is so many times as large as it was told is news. So a steady rise is a mail for each doubling."""


class Magnitude(NamedTuple):
    """How large a change is: `size`, from 0 on, in `unit`. Sizes of other units are not compared."""

    unit: str
    size: float

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """Return how large a finding is: odd events by their share, a spread by the logarithm of its ratio.

        >>> from pegel.testing.samples import sample_finding
        >>> Magnitude.of(sample_finding(effect=-0.31)), Magnitude.of(sample_finding(effect=1.0, effect_unit="sd ratio"))
        (Magnitude(unit='sigma', size=0.31), Magnitude(unit='sd ratio', size=0.0))
        """
        try:
            return cls(*_measured(finding))
        except (TypeError, ValueError, ArithmeticError, LookupError):
            # What was stored is no number: it is told as it is, and never grows.
            return cls("", 0.0)

    def grew_from(self, before: Magnitude) -> bool:
        """Say whether it is news to somebody who knows it as it was `before`."""
        return self.unit == before.unit and before.size > 0 and self.size >= GROWS_BY * before.size


def _measured(finding: Finding) -> tuple[str, float]:
    """Return unit and size. Raises TypeError, ValueError, ArithmeticError or LookupError where they are none."""
    if finding.detector == EVENTS:
        counted = finding.evidence["tests"][finding.test]
        return "share of events", counted["seen"] / counted["n"]
    if finding.effect_unit == "sd ratio":
        return finding.effect_unit, abs(math.log(finding.effect))
    return finding.effect_unit, abs(finding.effect)
