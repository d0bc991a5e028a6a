"""Correlations: have two fields come to move together, or ceased to? No test of single fields can see it."""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.detect.correlation import CorrelationChange, correlation
from pegel.errors import NotFound
from pegel.judge.budget import Budget
from pegel.judge.decision import FeatureVerdict
from pegel.judge.explanation import Explanation
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judged_window import JudgedWindow
from pegel.judge.layer import LayerResult, Setting
from pegel.stats.dispersion import Dispersion
from pegel.stats.summary import Summary

DETECTOR = "correlation"
PAIR = 2
BETWEEN = " × "  # noqa: RUF001  the sign for "times", as in interactions
"""Stands between the names of a pair."""
_FORMULA = "z = (atanh r_now - atanh r_before) / sqrt(kappa (1/(n-3) + 1/(m-3))) of normal scores, largest of all pairs"


class Correlations:
    """The layer of pairs of numeric features."""

    name = "correlations"
    detectors = (DETECTOR,)

    def missing(self, setting: Setting) -> str | None:
        """Return why no pair is watched: hours are judged apart, or there are not two suitable features."""
        baseline = setting.baseline
        if baseline is None:
            return None
        chosen = _places(baseline, [field.name for field in setting.fields])
        if len(chosen) >= PAIR:
            return None
        apart = baseline.noise.seasons is not None
        why = "hours are judged apart" if apart else f"{len(chosen)} suitable numeric features"
        return f"correlations are not watched: {why}"

    def judge(self, window: JudgedWindow, _setting: Setting, budget: Budget) -> LayerResult:
        """Return a verdict on the pair that changed most, if it has changed."""
        level, baseline = budget.of(self.name), window.baseline
        watched = [field.name for field in window.fields]
        change = correlation_change(baseline, window.summary, watched)
        if change is None or change.p_value >= level or not change.relevant:
            return LayerResult()
        correlated = baseline.layout.correlated
        names = [correlated[place][1].field.name for place in (change.first, change.second)]
        verdict = FeatureVerdict(
            feature=BETWEEN.join(names),
            verdict=Verdict.DRIFT,
            what=f"correlation {change.before:.2f} -> {change.now:.2f}",
            n=window.summary.comoments.n,
            m=baseline.summary.comoments.n,
            detector=DETECTOR,
            test=DETECTOR,
            statistic=change.z,
            p_value=change.p_value,
            threshold=level,
            budget_share=budget.share(level),
            effect=change.now - change.before,
            effect_unit="r",
            evidence={"tests": {DETECTOR: change.numbers()}, "watched": watched},
        )
        return LayerResult([verdict])

    def notes(self, _setting: Setting, _budget: Budget) -> list[str]:
        """Return nothing: whoever knows that pairs are watched knows all."""
        return []

    def arithmetic(self, _setting: Setting, alpha: float) -> str:
        """Return the level of all pairs together."""
        return f"tests of several features have {alpha:.2g} per window"

    def explain(self, finding: Finding, summary: Summary, baseline: Baseline) -> Explanation:
        """Recompute the pair that changed most among those that were watched."""
        change = correlation_change(baseline, summary, finding.evidence["watched"])
        if change is None:
            raise NotFound(f"expected correlations of {finding.feature}, found too few rows: nothing was recomputed.")
        return Explanation(finding, _FORMULA, change.numbers(), (), change.z, change.p_value)


def correlation_change(baseline: Baseline, summary: Summary, watched: Collection[str]) -> CorrelationChange | None:
    """Return the watched pair whose correlation changed most; None where too few rows are complete."""
    chosen = _places(baseline, watched)
    if len(chosen) < PAIR:
        return None
    return correlation(baseline.summary.comoments, summary.comoments, baseline.kappa * _wider(baseline), chosen)


def _places(baseline: Baseline, watched: Collection[str]) -> list[int]:
    """Return the places of the watched fields among the correlated ones; fewer than two have no correlation to watch.

    None are watched where hours are judged apart: fields that follow the clock go together over a day, but not within
    an hour, and the baseline's correlations are those of all hours.
    """
    if baseline.noise.seasons is not None:
        return []
    return [i for i, (_, layout) in enumerate(baseline.layout.correlated) if layout.field.name in watched]


def _wider(baseline: Baseline) -> NDArray[np.float64]:
    """Return by how much correlations of rows that resemble their neighbours vary more at most, shape (fields, fields).

    A product of two fields forgets faster than either, so the geometric mean of both factors is enough.
    """
    spread = baseline.noise.dispersion
    factors = [_location_factor(spread.get(layout.field.name)) for _, layout in baseline.layout.correlated]
    return np.asarray(np.sqrt(np.outer(factors, factors)), dtype=np.float64)


def _location_factor(dispersion: Dispersion | None) -> float:
    return 1.0 if dispersion is None else math.fabs(dispersion.factor("location", dispersion.n_ref))
