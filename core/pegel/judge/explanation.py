"""What a recomputed finding says: its formula, its numbers, and whether they are those that were stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pegel.detect.combine import corrected, shares
from pegel.detect.detector import Evidence
from pegel.errors import NotFound
from pegel.judge.change_interval import ChangeInterval, interval_of
from pegel.judge.findings import Finding
from pegel.spec.plain_numbers import how_many

TOLERANCE = 1e-9
DIGITS = 6
"""Significant digits for people; as JSON all numbers are exact."""
_TOLD = (
    *(
        "id",
        "model",
        "version",
        "segment",
        "feature",
        "what",
        "revision",
        "test",
        "threshold",
        "p_relevant",
        "budget_share",
    ),
    *("effect", "effect_unit", "n", "m", "baseline_id"),
)
"""What is told of a finding as it was stored."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A finding and what was found again. `agrees`: statistic and p-value are equal to 1e-9, instants the same."""

    finding: Finding
    formula: str
    numbers: dict[str, float]
    tests: tuple[str, ...]
    """Each test of the field with its share of the field's level."""
    statistic: float
    p_value: float
    budget: str = ""
    """Which budget the level is of, in words; empty: a share of each window's, or each long span's."""
    began: ChangeInterval | None = None
    """When a change that a chart found began, recomputed; None where nothing is known of it."""

    @property
    def agrees(self) -> bool:
        """Say whether the stored finding was found again."""
        pairs = ((self.finding.statistic, self.statistic), (self.finding.p_value, self.p_value))
        equal = all(math.isclose(stored, again, rel_tol=TOLERANCE, abs_tol=1e-300) for stored, again in pairs)
        return equal and interval_of(self.finding.evidence) == self.began

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, every number exact: the finding, and what was found again beside what was `stored`."""
        finding = self.finding
        return {name: getattr(finding, name) for name in _TOLD} | {
            "window": [finding.span.start.isoformat(), finding.span.end.isoformat()],
            "formula": self.formula,
            "numbers": self.numbers,
            "tests": list(self.tests),
            "statistic": self.statistic,
            "p_value": self.p_value,
            "began": None if self.began is None else self.began.to_json(),
            "stored": {"statistic": finding.statistic, "p_value": finding.p_value},
            "agrees": self.agrees,
        }

    def __str__(self) -> str:
        """Return the arithmetic for people."""
        finding = self.finding
        numbers = ", ".join(f"{name} = {_few(value)}" for name, value in self.numbers.items())
        among = f" over {len(self.tests)} tests ({', '.join(self.tests)})" if len(self.tests) > 1 else ""
        relevant = ""
        if finding.p_relevant is not None:
            relevant = (
                f"\nrelevant    p = {finding.p_relevant:.3g} of a change of at most the margin; at most 0.01 is needed"
            )
        judged = "window" if finding.rhythm is None else finding.rhythm.value
        budget = self.budget or f"{finding.budget_share:.2%} of the false-alarm budget of each {judged}"
        state = "equal to 1e-9" if self.agrees else "NOT what was stored"
        return (
            f"{finding.about} of {finding.model} v{finding.version}: {finding.what}\n"
            f"{judged:<11} {finding.span.start.isoformat()} to {finding.span.end.isoformat()}, "
            f"revision {finding.revision}\n"
            f"test        {finding.test}: {self.formula}\n"
            f"inputs      n = {finding.n}, m = {finding.m}, {numbers}\n"
            f"p           {_few(self.p_value)}{among}, below the threshold {finding.threshold:.3g}\n"
            f"level       {budget}{relevant}\n"
            f"effect      {finding.effect:.4g} {finding.effect_unit}{_distances(finding)}\n"
            f"{_began(self.began)}"
            f"baseline    {finding.baseline_id or 'none: nothing was compared with one'}{_season(finding)}\n"
            f"recomputed  statistic {_few(self.statistic)}, p {_few(self.p_value)}: {state}"
        )


def _few(value: float) -> str:
    """Return a number for people; counts in full."""
    return f"{value:.0f}" if float(value).is_integer() and abs(value) < 1 / TOLERANCE else f"{value:.{DIGITS}g}"


def _began(began: ChangeInterval | None) -> str:
    """Return between which instants a change began, on a line of its own."""
    if began is None:
        return ""
    known_from, latest = began.known_from.isoformat(), began.latest.isoformat()
    if began.earliest is None:
        text = f"before {latest}; of what was before {known_from} nothing is known"
    else:
        gradually = "" if began.is_sudden else ", gradually"
        text = f"between {began.earliest.isoformat()} and {latest}{gradually}: {how_many(began.windows, 'window')}"
    if began.is_sudden and began.gradual_earliest != began.earliest:
        gradual = began.gradual_earliest
        since = f"before {known_from}" if gradual is None else f"from {gradual.isoformat()} on"
        text += f"; if it came gradually, maybe {since}"
    return f"began       {text} ({100 * began.confidence:g} % sure)\n"


def _season(finding: Finding) -> str:
    """Return which rows of the baseline it was compared with, where these are not all, on a line of their own."""
    return f"\ncompared    with its {finding.m:,} rows of {finding.season}" if finding.season else ""


def _distances(finding: Finding) -> str:
    """Return the distances told beside a finding, on a line of their own."""
    distances = finding.evidence.get("distances", {})
    text = ", ".join(f"{name} {value:.3g}" for name, value in distances.items() if name != "cells")
    return f"\ndistances   {text} (none is compared with a threshold)" if text else ""


def explained_by(finding: Finding, tests: Sequence[Evidence], formula: str) -> Explanation:
    """Explain a finding by the one of a field's tests that it names. Raises NotFound if it is not among them."""
    matching = [(test, p) for test, p in zip(tests, corrected(tests), strict=True) if test.name == finding.test]
    if not matching:
        names = ", ".join(test.name for test in tests) or "none"
        raise NotFound(f"expected a test {finding.test!r} of {finding.feature}, found {names}: nothing was recomputed.")
    test, p = matching[0]
    divided = tuple(f"{each.name} {share:.0%}" for each, share in zip(tests, shares(tests), strict=True))
    return Explanation(finding, formula, test.numbers(), divided, test.statistic, p)
