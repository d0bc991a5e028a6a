"""What is said about pairs of fields: have two come to move together, or ceased to?"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field
from pegel.detect.correlation import CorrelationChange, correlation
from pegel.judge.budget import Levels
from pegel.judge.decision import FeatureVerdict
from pegel.judge.findings import Verdict
from pegel.stats.dispersion import Dispersion
from pegel.stats.summary import Summary

DETECTOR = "correlation"
PAIR = 2
BETWEEN = " × "  # noqa: RUF001  the sign for "times", as in interactions
"""Stands between the names of a pair."""


def places(baseline: Baseline, watched: Collection[str]) -> list[int]:
    """Return the places of the watched fields among the correlated ones; fewer than two have no correlation to watch.

    None are watched where hours are judged apart: fields that follow the clock go together over a day, but not within
    an hour, and the baseline's correlations are those of all hours.
    """
    if baseline.noise.seasons is not None:
        return []
    return [i for i, (_, one) in enumerate(baseline.layout.correlated) if one.field.name in watched]


def correlation_change(baseline: Baseline, summary: Summary, watched: Collection[str]) -> CorrelationChange | None:
    """Return the watched pair whose correlation changed most; None where too few rows are complete."""
    chosen = places(baseline, watched)
    if len(chosen) < PAIR:
        return None
    return correlation(baseline.summary.comoments, summary.comoments, baseline.kappa * _wider(baseline), chosen)


def correlation_verdict(
    baseline: Baseline, summary: Summary, fields: Sequence[Field], levels: Levels
) -> FeatureVerdict | None:
    """Judge the correlations of a window; None where they are not watched or cannot be judged."""
    level = levels.alpha_multivariate
    change = correlation_change(baseline, summary, [field.name for field in fields]) if level > 0 else None
    if change is None:
        return None
    found = change.p_value < level
    verdict = Verdict.OK
    if found:
        verdict = Verdict.DRIFT if change.relevant else Verdict.BELOW_MARGIN
    correlated = baseline.layout.correlated
    names = [correlated[place][1].field.name for place in (change.first, change.second)]
    return FeatureVerdict(
        feature=BETWEEN.join(names),
        verdict=verdict,
        what=f"correlation {change.before:.2f} -> {change.now:.2f}",
        n=summary.comoments.n,
        m=baseline.summary.comoments.n,
        detector=DETECTOR,
        test=DETECTOR,
        statistic=change.z,
        p_value=change.p_value,
        threshold=level,
        budget_share=level / levels.alpha,
        effect=change.now - change.before,
        effect_unit="r",
        evidence={"tests": {DETECTOR: change.numbers()}, "watched": [field.name for field in fields]},
    )


def _wider(baseline: Baseline) -> NDArray[np.float64]:
    """Return by how much correlations of rows that resemble their neighbours vary more at most, shape (fields, fields).

    A product of two fields forgets faster than either, so the geometric mean of both factors is enough.
    """
    spread = baseline.noise.dispersion
    factors = [_location_factor(spread.get(one.field.name)) for _, one in baseline.layout.correlated]
    return np.asarray(np.sqrt(np.outer(factors, factors)), dtype=np.float64)


def _location_factor(dispersion: Dispersion | None) -> float:
    return 1.0 if dispersion is None else math.fabs(dispersion.factor("location", dispersion.n_ref))
