"""A finding recomputed from what was stored: the window's summary and the baseline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pegel.baseline import Baseline
from pegel.detect.drift import drift_tests
from pegel.detect.protocol import Evidence
from pegel.detect.quality import quality_tests
from pegel.errors import LayoutMismatch, NotFound
from pegel.findings import Finding
from pegel.judge import OUTLIER_RATE, outlier_test
from pegel.summary import Summary

TOLERANCE = 1e-9
FORMULAS = {
    "location": (
        "z = (mean midrank of the window - of the baseline) / sqrt(S2 (1/n + 1/m)), S2 the pooled variance of "
        "midranks; two-sided p from the Pearson III law with the permutation skewness"
    ),
    "scale": (
        "as location, with squared normal scores of the pooled midranks, clipped at 1/256; z > 0 means spread wider"
    ),
    "shape": (
        "X2 = sum (observed - expected)^2 / expected over pooled cells of window and baseline; p is the larger of "
        "those of X2 and of Williams' corrected G, chi-squared with df degrees of freedom"
    ),
    "binary": "twice the smaller tail of the hypergeometric law of the second value's count, given both totals",
}
COUNT_FORMULA = (
    "P(K >= seen), K hypergeometric: `seen` of n rows of the window against `seen_in_baseline` of m, given their sum; "
    "for nulls, twice the smaller tail"
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A finding and what was found again. `agrees`: statistic and p-value are equal to 1e-9."""

    finding: Finding
    formula: str
    numbers: dict[str, float]
    tests: tuple[str, ...]
    statistic: float
    p_value: float

    @property
    def agrees(self) -> bool:
        """Say whether the stored finding was found again."""
        pairs = ((self.finding.statistic, self.statistic), (self.finding.p_value, self.p_value))
        return all(math.isclose(stored, again, rel_tol=TOLERANCE, abs_tol=1e-300) for stored, again in pairs)

    def __str__(self) -> str:
        """Return the arithmetic for people."""
        one = self.finding
        numbers = ", ".join(f"{name} = {value:.10g}" for name, value in self.numbers.items())
        names = " and ".join(self.tests)
        corrected = f"{len(self.tests)} tests ({names})" if len(self.tests) > 1 else "one test"
        relevant = ""
        if one.p_relevant is not None:
            relevant = (
                f"\nrelevant    p = {one.p_relevant:.3g} of a change of at most the margin; at most 0.01 is needed"
            )
        state = "equal to 1e-9" if self.agrees else "NOT what was stored"
        return (
            f"{one.feature} of {one.model} v{one.version}: {one.what}\n"
            f"window      {one.span.start.isoformat()} to {one.span.end.isoformat()}, revision {one.revision}\n"
            f"test        {one.test}: {self.formula}\n"
            f"inputs      n = {one.n}, m = {one.m}, {numbers}\n"
            f"p           {self.p_value:.10g} over {corrected}, below the level {one.threshold:.3g}\n"
            f"level       {one.budget_share:.2%} of the false-alarm budget of each window{relevant}\n"
            f"effect      {one.effect:.4g} {one.effect_unit}\n"
            f"baseline    {one.baseline_id}\n"
            f"recomputed  statistic {self.statistic:.10g}, p {self.p_value:.10g}: {state}"
        )


def explain(finding: Finding, summary: Summary, baseline: Baseline) -> Explanation:
    """Recompute a finding.

    Args:
        finding: As stored.
        summary: The stored summary of the finding's span and revision.
        baseline: The baseline that the finding names.

    Raises:
        LayoutMismatch: If baseline or summary are not those of the finding.
        NotFound: If the test is not among those that the field has now.
    """
    if finding.baseline_id != baseline.id or summary.layout.layout_hash != baseline.layout.layout_hash:
        raise LayoutMismatch(
            f"expected the baseline {finding.baseline_id} and a summary in its cells, given {baseline.id} and cells "
            f"{summary.layout.layout_hash[:12]}: nothing was recomputed."
        )
    tests = _tests(finding, summary, baseline)
    test = next((test for test in tests if test.name == finding.test), None)
    if test is None:
        names = ", ".join(test.name for test in tests) or "none"
        raise NotFound(f"expected a test {finding.test!r} of {finding.feature}, found {names}: nothing was recomputed.")
    return Explanation(
        finding=finding,
        formula=FORMULAS.get(test.name, COUNT_FORMULA),
        numbers=test.numbers(),
        tests=tuple(test.name for test in tests),
        statistic=test.statistic,
        p_value=min(1.0, len(tests) * test.p_value),
    )


def _tests(finding: Finding, summary: Summary, baseline: Baseline) -> Sequence[Evidence]:
    if finding.feature == OUTLIER_RATE:
        return outlier_test(baseline, summary)
    spread = baseline.dispersion.get(finding.feature)
    before, now = baseline.summary.features[finding.feature], summary.features[finding.feature]
    if finding.detector == "quality":
        return quality_tests(before, now, spread)
    return drift_tests(before.layout, before.cells, now.cells, spread)
