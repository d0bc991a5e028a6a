"""A finding recomputed from what was stored: the window's summary and the baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pegel.baseline.baseline import Baseline
from pegel.detect.combine import corrected, shares
from pegel.detect.cusum import Chart, deviations
from pegel.detect.detector import Evidence
from pegel.detect.error_rate import ERROR_RATE, error_test
from pegel.detect.quality import quality_tests
from pegel.detect.siegmund import ChartLimits, alarm_rate
from pegel.errors import LayoutMismatch, NotFound
from pegel.judge import charts, correlations
from pegel.judge.chart_state import Carried
from pegel.judge.comparison import Comparison, compare, drift_family
from pegel.judge.findings import Finding
from pegel.judge.judge import OUTLIER_RATE, outlier_test
from pegel.stats.layout import NumericLayout
from pegel.stats.summary import Summary

TOLERANCE = 1e-9
FORMULAS = {
    "location": (
        "z = (mean score of the window - of the baseline) / sqrt(S2 (1/n + 1/m)), scores are {scores}, S2 their pooled "
        "variance; two-sided p from the Pearson III law with the permutation skewness"
    ),
    "scale": (
        "as location, with squared normal scores of the pooled midranks, clipped at 1/256; z > 0 means spread wider"
    ),
    "shape": (
        "X2 = sum (observed - expected)^2 / expected over pooled cells of window and baseline; p is the larger of "
        "those of X2 and of Williams' corrected G, chi-squared with df degrees of freedom"
    ),
    "binary": "twice the smaller tail of the hypergeometric law of the second value's count, given both totals",
    "correlation": (
        "z = (atanh r_now - atanh r_before) / sqrt(kappa (1/(n-3) + 1/(m-3))) of normal scores, largest of all pairs"
    ),
    "cusum": (
        "level = max(0, level before + z - k), z the window's deviation clipped at h/2; p is how often per window a "
        "chart without any change would reach this level, averaged over baselines of this size"
    ),
}
COUNT_FORMULA = (
    "P(K >= seen), K hypergeometric: `seen` of n rows of the window against `seen_in_baseline` of m, given their sum; "
    "for nulls, twice the smaller tail"
)
_SCORES = ("pooled midranks", "normal scores of the pooled midranks, clipped at 1/256")


@dataclass(frozen=True, slots=True)
class Explanation:
    """A finding and what was found again. `agrees`: statistic and p-value are equal to 1e-9."""

    finding: Finding
    formula: str
    numbers: dict[str, float]
    tests: tuple[str, ...]
    """Each test of the field with its share of the field's level."""
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
        among = f" over {len(self.tests)} tests ({', '.join(self.tests)})" if len(self.tests) > 1 else ""
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
            f"p           {self.p_value:.10g}{among}, below the level {one.threshold:.3g}\n"
            f"level       {one.budget_share:.2%} of the false-alarm budget of each window{relevant}\n"
            f"effect      {one.effect:.4g} {one.effect_unit}{_distances(one)}\n"
            f"baseline    {one.baseline_id}\n"
            f"recomputed  statistic {self.statistic:.10g}, p {self.p_value:.10g}: {state}"
        )


def _distances(finding: Finding) -> str:
    """Return the distances told beside a finding, on a line of their own."""
    told = finding.evidence.get("distances", {})
    text = ", ".join(f"{name} {value:.3g}" for name, value in told.items() if name != "cells")
    return f"\ndistances   {text} (none is compared with a threshold)" if text else ""


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
    if finding.detector == correlations.DETECTOR:
        return _correlation(finding, summary, baseline)
    if finding.feature == OUTLIER_RATE:
        return _tested(finding, outlier_test(baseline, summary), COUNT_FORMULA)
    if finding.feature == ERROR_RATE and baseline.performance is not None:
        errors = round(finding.statistic)  # labels are not part of a summary; the finding holds their count
        return _tested(finding, [error_test(baseline.performance, errors, finding.n)], COUNT_FORMULA)
    one = _comparison(finding, summary, baseline)
    if finding.detector == charts.DETECTOR:
        return _chart(finding, one)
    if finding.detector == "quality":
        return _tested(finding, quality_tests(one.before, one.now, one.dispersion), COUNT_FORMULA)
    light = isinstance(one.before.layout, NumericLayout) and one.before.layout.light_tails
    formula = FORMULAS.get(finding.test, COUNT_FORMULA).format(scores=_SCORES[light])
    return _tested(finding, _family(finding, one), formula)


def _tested(finding: Finding, tests: Sequence[Evidence], formula: str) -> Explanation:
    found = [(test, p) for test, p in zip(tests, corrected(tests), strict=True) if test.name == finding.test]
    if not found:
        names = ", ".join(test.name for test in tests) or "none"
        raise NotFound(f"expected a test {finding.test!r} of {finding.feature}, found {names}: nothing was recomputed.")
    test, p = found[0]
    divided = tuple(f"{each.name} {share:.0%}" for each, share in zip(tests, shares(tests), strict=True))
    return Explanation(finding, formula, test.numbers(), divided, test.statistic, p)


def _correlation(finding: Finding, summary: Summary, baseline: Baseline) -> Explanation:
    change = correlations.correlation_change(baseline, summary, finding.evidence["watched"])
    if change is None:
        raise NotFound(f"expected correlations of {finding.feature}, found too few rows: nothing was recomputed.")
    return Explanation(finding, FORMULAS[finding.test], change.numbers(), (), change.z, change.p_value)


def _chart(finding: Finding, one: Comparison) -> Explanation:
    """Take the chart as it stood before the window, and add the window again."""
    told = finding.evidence["chart"]
    limits, before = ChartLimits(told["k"], told["h"]), Chart.from_json(told["before"])
    test, direction = finding.test.split()
    found = {(name, where): z for name, where, z in deviations(_family(finding, one), one.dispersion)}
    if (test, direction) not in found:
        raise NotFound(f"expected a chart {finding.test!r} of {finding.feature}, found none: nothing was recomputed.")
    z = found[test, direction]
    after = before.step(z, limits)
    share = told["usual"] / (told["usual"] + told["rows"])
    numbers = {"level before": before.level, "z": z, "k": limits.k, "h": limits.h, "windows": float(after.length)}
    p = alarm_rate(after.level, limits.k, share)
    return Explanation(finding, FORMULAS[charts.DETECTOR], numbers, (), after.level, p)


def _comparison(finding: Finding, summary: Summary, baseline: Baseline) -> Comparison:
    """Put both sides next to each other as they were judged, with the values of earlier windows."""
    field = baseline.layout.schema.fields[baseline.layout.index[finding.feature]]
    carries = _Stored(finding.evidence.get("carried"))
    names = finding.evidence.get("detectors", ())
    return compare(baseline, summary, [field], finding.span, detectors=names, carries=carries)[0]


def _family(finding: Finding, one: Comparison) -> list[Evidence]:
    return drift_family([one], finding.evidence.get("detectors", ()))[one.name]


@dataclass(frozen=True, slots=True)
class _Stored:
    """The values of earlier windows as a finding's evidence holds them."""

    told: Mapping[str, Any] | None

    def carried(self, name: str, season: int | None) -> Carried | None:  # noqa: ARG002  evidence is of one field
        """Return them."""
        if self.told is None:
            return None
        cells = {int(cell): count for cell, count in self.told["cells"].items()}
        return Carried(cells, self.told["windows"], datetime.fromisoformat(self.told["since"]), season)
