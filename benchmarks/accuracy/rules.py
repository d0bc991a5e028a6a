"""Decision rules that are compared: (baseline rows, window rows) of one feature -> flagged or not.

Ours is the library's own code at a stated level. The others are the default rules of tools in common use, as their
sources or documentation state them, written anew; each is prepared once per baseline, as the tool would.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from pegel.budget import sidak
from pegel.columns import Field, Kind, Schema
from pegel.detect.drift import drift_tests
from pegel.findings import Verdict
from pegel.layout import CategoricalLayout, FieldLayout, build_layout
from pegel.stats.cells import count_sorted
from pegel.verdicts import Bar, decide

Rows = NDArray[np.float64]
Rule = Callable[[Rows], bool]
Prepare = Callable[[Field, Rows], Rule]


def ours(field: Field, baseline: Rows, *, alpha: float, features: int, margin: float = 0.02) -> Rule:
    """Return the rule of this library at a level of `alpha` per window over all features."""
    column = _texts(baseline) if field.kind is Kind.CATEGORICAL else baseline
    layout = build_layout(Schema((field,)), {field.name: column}).features[0]
    counts = _counts(layout, baseline)
    bar = Bar("drift", sidak(alpha, features), 1.0, margin)

    def flagged(window: Rows) -> bool:
        tests = drift_tests(layout, counts, _counts(layout, window))
        return bool(tests) and decide(tests, bar)[1] is Verdict.DRIFT

    return flagged


def _texts(values: Rows) -> NDArray[np.object_]:
    return values.astype(np.int64).astype(str).astype(object)


def _counts(layout: FieldLayout, values: Rows) -> NDArray[np.int64]:
    if isinstance(layout, CategoricalLayout):
        return layout.vocabulary.count(_texts(values))[0]
    return count_sorted(np.sort(values), layout.edges)


def evidently_small(field: Field, baseline: Rows) -> Rule:
    """Return Evidently's default rule for reference data of at most 1,000 rows: a test at 5 % per feature."""
    reference = baseline[:1_000]

    def flagged(window: Rows) -> bool:
        values = np.union1d(reference, window)
        if field.kind is Kind.NUMERIC and values.size > 5:
            return bool(stats.ks_2samp(window, reference).pvalue <= 0.05)
        if values.size > 2:
            seen, before = _by_value(window, values), _by_value(reference, values)
            with np.errstate(divide="ignore", invalid="ignore"):
                expected = before * (window.size / reference.size)
                statistic = np.nansum((seen - expected) ** 2 / expected)
            return bool(stats.chi2.sf(statistic, values.size - 1) < 0.05)
        p, q = np.mean(reference != values[0]), np.mean(window != values[0])
        pooled = (p * reference.size + q * window.size) / (reference.size + window.size)
        spread = math.sqrt(pooled * (1 - pooled) * (1 / reference.size + 1 / window.size)) or 1.0
        return bool(2 * stats.norm.sf(abs(p - q) / spread) < 0.05)

    return flagged


def evidently_large(field: Field, baseline: Rows) -> Rule:
    """Return Evidently's default rule for larger reference data: a distance of at least 0.1 per feature."""
    sd, distinct = max(float(baseline.std()), 0.001), np.unique(baseline).size

    def flagged(window: Rows) -> bool:
        if field.kind is Kind.NUMERIC and np.union1d(baseline, window).size > 5:
            return bool(stats.wasserstein_distance(baseline, window) / sd >= 0.1)
        values = np.union1d(baseline, window)
        if field.kind is Kind.NUMERIC and distinct > 20:
            values = np.histogram_bin_edges(values, bins="sturges")
        return _js(_by_value(baseline, values), _by_value(window, values)) / math.sqrt(1 / math.log(2)) >= 0.1

    return flagged


def nannyml(field: Field, baseline: Rows, *, chunk: int) -> Rule:
    """Return NannyML's default rule: Jensen-Shannon beyond three deviations of the baseline's own chunks."""
    edges = np.histogram_bin_edges(baseline, bins="doane") if field.kind is Kind.NUMERIC else np.unique(baseline)

    def distance(rows: Rows) -> float:
        if field.kind is Kind.CATEGORICAL:
            return _js(_by_value(baseline, edges), _by_value(rows, edges))
        sides = [np.histogram(side, edges)[0].astype(np.float64) for side in (baseline, rows)]
        return _js(sides[0], np.append(sides[1], rows.size - sides[1].sum()), pad=True)

    chunks = [distance(part) for part in baseline[: baseline.size // chunk * chunk].reshape(-1, chunk)]
    limit = np.mean(chunks) + 3 * np.std(chunks)
    return lambda window: bool(distance(window) > limit)


def psi10(field: Field, baseline: Rows, *, limit: float) -> Rule:
    """Return the stability index on baseline deciles above a fixed limit, probabilities floored at 1e-6."""
    numeric = field.kind is Kind.NUMERIC
    edges = np.unique(np.quantile(baseline, np.arange(1, 10) / 10)) if numeric else np.unique(baseline)

    def shares(rows: Rows) -> NDArray[np.float64]:
        if not numeric:
            return np.maximum(_by_value(rows, edges) / rows.size, 1e-6)
        cells = np.bincount(np.searchsorted(edges, rows, side="left"), minlength=edges.size + 1)
        return np.maximum(cells / rows.size, 1e-6)

    p = shares(baseline)
    return lambda window: bool(np.sum((shares(window) - p) * np.log(shares(window) / p)) > limit)


def _by_value(rows: Rows, values: Rows) -> NDArray[np.float64]:
    places = np.clip(np.searchsorted(values, rows), 0, values.size - 1)
    return np.bincount(places, minlength=values.size).astype(np.float64)


def _js(b: NDArray[np.float64], w: NDArray[np.float64], *, pad: bool = False) -> float:
    """Return the Jensen-Shannon distance to base 2."""
    if pad:
        b = np.append(b, 0.0)
    p, q = b / b.sum(), w / w.sum()
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.nansum(p * np.log2(p / middle)) + np.nansum(q * np.log2(q / middle))
    return math.sqrt(max(0.0, float(total) / 2))


def peers(n: int) -> dict[str, Prepare]:
    """Return the rules of other tools for windows of `n` rows."""
    return {
        "Evidently, reference of 1,000": evidently_small,
        "Evidently, reference of 50,000": evidently_large,
        "NannyML": partial(nannyml, chunk=n),
        "PSI > 0.1": partial(psi10, limit=0.1),
        "PSI > 0.2": partial(psi10, limit=0.2),
    }
