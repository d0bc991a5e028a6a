"""Decision rules of other tools: from baseline rows of one feature to a rule that flags window rows.

The default rules of tools in common use, as their sources or documentation state them, written anew; each is prepared
once per baseline, as the tool would. `benchmarks.accuracy.real` holds two of them against the tools themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from benchmarks.accuracy.streams import Rows
from numpy.typing import NDArray
from scipy import stats

from pegel.data.columns import Field, Kind

Rule = Callable[[Rows], bool]
Prepare = Callable[[Field, Rows], Rule]
MLRUN = "MLRun (whole model)"
SUSPECTED = 0.5


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
    reference, sd = np.sort(baseline), max(float(baseline.std()), 0.001)
    distinct, sums = np.unique(reference), np.append(0.0, np.cumsum(reference))

    def flagged(window: Rows) -> bool:
        few = np.union1d(distinct[:6], window[:1_000]) if distinct.size <= 5 else distinct
        if field.kind is Kind.NUMERIC and few.size > 5:
            return earth_moved(reference, sums, np.sort(window)) / sd >= 0.1
        values = np.union1d(distinct, window)
        return _js(_by_value(baseline, values), _by_value(window, values)) * math.sqrt(math.log(2)) >= 0.1

    return flagged


def earth_moved(reference: Rows, sums: Rows, window: Rows) -> float:
    """Return the Wasserstein distance of sorted rows; `sums`: of the first 0, 1, 2, ... reference rows.

    Between two values of the window its distribution function is constant and that of the reference crosses it at most
    once, so only the window's values and those crossings are looked up.
    """

    def integral(x: Rows) -> Rows:
        below = np.searchsorted(reference, x, side="right")
        return (x * below - sums[below]) / reference.size

    ends = [min(reference[0], window[0]), max(reference[-1], window[-1])]
    places = np.concatenate([ends[:1], window, ends[1:]])
    start, end, share = places[:-1], places[1:], np.arange(window.size + 1) / window.size
    rank = np.ceil(share * reference.size).astype(np.int64) - 1
    crossing = np.clip(reference[np.maximum(rank, 0)], start, end)
    crossing = np.where(rank < 0, start, crossing)
    below, above = integral(crossing) - integral(start), integral(end) - integral(crossing)
    return float((share * (crossing - start) - below + above - share * (end - crossing)).sum())


def nannyml(field: Field, baseline: Rows, *, chunk: int) -> Rule:
    """Return NannyML's default rule: Jensen-Shannon beyond three deviations of the baseline's own chunks."""
    numeric = field.kind is Kind.NUMERIC
    edges = np.histogram_bin_edges(baseline, bins="doane") if numeric else np.unique(baseline)
    reference = np.append(np.histogram(baseline, edges)[0], 0) if numeric else _by_value(baseline, edges)

    def distance(rows: Rows) -> float:
        if not numeric:
            return _js(reference, _by_value(rows, edges))
        counts = np.histogram(rows, edges)[0]
        return _js(reference, np.append(counts, rows.size - counts.sum()))

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

    def flagged(window: Rows) -> bool:
        q = shares(window)
        return bool((q - p) @ np.log(q / p) > limit)

    return flagged


def vertex(field: Field, baseline: Rows) -> Rule:
    """Return Vertex AI's default: Jensen-Shannon divergence above .3 on shared bins; largest change of categories."""
    if field.kind is Kind.CATEGORICAL:
        return lambda window: _largest_change(baseline, window) > 0.3
    edges = np.linspace(baseline.min(), baseline.max(), 11)
    reference = _by_edges(baseline, edges)
    return lambda window: _js(reference, _by_edges(window, edges)) ** 2 > 0.3


def deequ(field: Field, baseline: Rows) -> Rule:
    """Return the robust distance of SageMaker and Deequ above .1: the largest difference less what chance allows."""
    reference = np.sort(baseline)

    def flagged(window: Rows) -> bool:
        n, m = window.size, baseline.size
        if field.kind is Kind.CATEGORICAL:
            found = _largest_change(baseline, window)
        else:
            places = np.sort(window)
            steps = np.searchsorted(reference, places, side="right") / m, np.searchsorted(reference, places) / m
            upto = np.searchsorted(places, places, side="right") / n, np.searchsorted(places, places) / n
            found = max(float(np.abs(steps[0] - upto[0]).max()), float(np.abs(steps[1] - upto[1]).max()))
        return max(0.0, found - 1.8 * math.sqrt((n + m) / (n * m))) > 0.1

    return flagged


def mlrun(baseline: Rows) -> Callable[[Rows], float]:
    """Return MLRun's drift value of one numeric feature: mean of total variation and Hellinger distance."""
    width = np.ptp(baseline) / 20
    edges = np.linspace(baseline.min() - width, baseline.max() + width, 23)
    p = _by_edges(baseline, edges) / baseline.size

    def value(window: Rows) -> float:
        q = _by_edges(window, edges) / window.size
        return float(np.abs(p - q).sum() / 2 + math.sqrt(max(0.0, 1 - float(np.sqrt(p * q).sum())))) / 2

    return value


def _by_edges(rows: Rows, edges: Rows) -> NDArray[np.float64]:
    """Count rows in equal bins, and beyond both ends."""
    return np.bincount(np.searchsorted(edges, rows, side="left"), minlength=edges.size + 1).astype(np.float64)


def _by_value(rows: Rows, values: Rows) -> NDArray[np.float64]:
    places = np.clip(np.searchsorted(values, rows), 0, values.size - 1)
    return np.bincount(places, minlength=values.size).astype(np.float64)


def _largest_change(baseline: Rows, window: Rows) -> float:
    values = np.union1d(baseline, window)
    return float(np.abs(_by_value(baseline, values) / baseline.size - _by_value(window, values) / window.size).max())


def _js(b: NDArray[np.float64], w: NDArray[np.float64]) -> float:
    """Return the Jensen-Shannon distance to base 2."""
    p, q = b / b.sum(), w / w.sum()
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        total = np.nansum(p * np.log2(p / middle)) + np.nansum(q * np.log2(q / middle))
    return math.sqrt(max(0.0, float(total) / 2))


def peers(n: int) -> dict[str, Prepare]:
    """Return the rules of other tools for windows of `n` rows, feature by feature."""
    return {
        "Evidently, reference of 1,000": evidently_small,
        "Evidently, reference of 50,000": evidently_large,
        "NannyML": partial(nannyml, chunk=n),
        "PSI > 0.1": partial(psi10, limit=0.1),
        "PSI > 0.2": partial(psi10, limit=0.2),
        "Vertex AI, TFDV": vertex,
        "SageMaker, Deequ": deequ,
    }
