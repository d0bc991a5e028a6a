"""Do fresh rows keep the budget? The realised rate of outliers over the rate asked for."""

from __future__ import annotations

import numpy as np
from benchmarks.outliers.ours import columns_of
from numpy.typing import NDArray

from pegel.baseline.outliers import OutlierTables, outlier_cutoff
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.spec.monitor_spec import OutlierMethod
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary

FEATURES = 10
ROWS = 50_000
FRESH = 200_000
SCHEMA = Schema(tuple(Field(f"f{j}", Kind.NUMERIC) for j in range(FEATURES)))


def draw(rng: np.random.Generator, rows: int) -> NDArray[np.float64]:
    """Draw normal, lognormal and t3 features, and counts."""
    kinds = (rng.normal(size=(rows, 3)), rng.lognormal(size=(rows, 3)), rng.standard_t(3, size=(rows, 2)))
    return np.column_stack([*kinds, rng.poisson(3.0, (rows, 2))])


def realised(method: OutlierMethod, rate: float, baselines: int, seed: int = 1) -> tuple[float, float]:
    """Return the share of fresh rows above the cut-off, over `rate`: mean over baselines, and its standard error."""
    ratios = []
    for number in range(baselines):
        rng = np.random.default_rng([seed, number])
        rows = draw(rng, ROWS)
        summary = Summary.empty(build_layout(SCHEMA, {f"f{j}": column for j, column in enumerate(rows.T)}))
        summary.update(columns_of(rows), Role.FEATURE)
        tables = OutlierTables.from_summary(summary, method)
        cutoff = outlier_cutoff(tables.score(columns_of(rows))[0], rate)
        assert cutoff is not None
        scores = tables.score(columns_of(draw(rng, FRESH)))[0]
        ratios.append(float(np.mean(scores > cutoff)) / rate)
    return float(np.mean(ratios)), float(np.std(ratios, ddof=1) / np.sqrt(baselines))
