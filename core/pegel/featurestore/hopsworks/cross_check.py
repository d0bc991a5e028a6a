"""A baseline of ours beside Hopsworks' statistics of the same training data.

Both counted the same rows, so what both know must be the same but for rounding. Hopsworks' histograms and quantiles are
not compared: labels of two decimals, slots that are not filled. It counts in two ways: its Spark gives the deviation of
a population and counts NaN as a value, its Python that of a sample and takes NaN for null; either is taken as right.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from pegel.baseline.baseline import Baseline
from pegel.errors import PermanentError
from pegel.featurestore.hopsworks.facts import FeatureStatistics, Statistics
from pegel.stats.summary import FeatureSummary

TOLERANCE = 1e-6
"""Of the larger of a field's deviation and its mean, or of an extreme: doubles that are added up in another order, or
written and read, differ by far less."""
MOST_NAMED = 5


def cross_check(baseline: Baseline, statistics: Statistics | None, what: str) -> list[str]:
    """Return what differs, one line a field and statistic, and what could not be compared; empty if all is the same.

    `what` is the training dataset, for people. Raises PermanentError where the numbers of values differ: then other
    rows were read than Hopsworks has counted.
    """
    if statistics is None:
        return [f"Hopsworks has no statistics of {what}: nothing to compare the baseline with"]
    if statistics.share < 1:
        return [f"Hopsworks' statistics of {what} are of {statistics.share:.3g} of its rows: they were not compared"]
    shared = [name for name in baseline.features if name in statistics.features]
    pairs = [(name, baseline.features[name], statistics.features[name]) for name in shared]
    _refuse_other_rows([line for name, ours, theirs in pairs if (line := _other_number(name, ours, theirs))], what)
    missing = [name for name in baseline.features if name not in statistics.features]
    lines = [f"Hopsworks' statistics of {what} say nothing of {', '.join(missing)}"] if missing else []
    return [*lines, *(line for name, ours, theirs in pairs for line in _differences(name, ours, theirs))]


def _other_number(name: str, ours: FeatureSummary, theirs: FeatureStatistics) -> str:
    """Say how the numbers of values differ; "" where they are the same, or Hopsworks does not say."""
    values = ours.n - ours.n_null
    if theirs.values is None or theirs.values in (values, values - ours.n_nan):
        return ""
    return f"{name}: {theirs.values:,} by Hopsworks, {values:,} read"


def _refuse_other_rows(lines: list[str], what: str) -> None:
    if lines:
        more = f" and {len(lines) - MOST_NAMED} more" if len(lines) > MOST_NAMED else ""
        raise PermanentError(
            f"baseline.source: expected the rows that Hopsworks has counted in {what}; given others, by their numbers "
            f"of values that are not null ({'; '.join(lines[:MOST_NAMED])}{more}). Somebody changed the files, or the "
            "statistics are of another version of them: compute them anew. No baseline was kept."
        )


def _differences(name: str, ours: FeatureSummary, theirs: FeatureStatistics) -> Iterator[str]:
    """Yield what differs of a field of numbers."""
    if ours.min is None or ours.max is None or not ours.moments.count:
        return
    for statistic, given, known, scale in _compared(ours, theirs, ours.min, ours.max):
        # Of NaN among the values nothing else can be made by whoever counts it as one.
        if given is None or (math.isnan(given) and ours.n_nan):
            continue
        # Written so that a NaN is never near.
        if not any(given == one or abs(given - one) <= TOLERANCE * scale for one in known):
            yield f"{name}: {statistic} {given:.9g} by Hopsworks, {known[0]:.9g} here"


def _compared(
    ours: FeatureSummary, theirs: FeatureStatistics, least: float, most: float
) -> Iterator[tuple[str, float | None, tuple[float, ...], float]]:
    """Yield each statistic with what Hopsworks says, what is right, and the size of which a millionth is rounding.

    A sum is rounded by the size of its field; an extreme is one of the values, and by its own.
    """
    if not ours.n_posinf and not ours.n_neginf:
        moments, sample = ours.moments, ours.moments.sd or 0.0
        scale = max(sample, abs(moments.mean))
        yield "mean", theirs.mean, (moments.mean,), scale
        yield "standard deviation", theirs.std, (sample, math.sqrt(moments.m2 / moments.count)), scale
    least = -math.inf if ours.n_neginf else least
    most = math.inf if ours.n_posinf else most
    for statistic, given, one in (("minimum", theirs.least, least), ("maximum", theirs.most, most)):
        yield statistic, given, (one,), abs(one) if math.isfinite(one) else 0.0
