"""Rows of a model with ten numbers and an airline, of which one row in twenty is of the segment that drifts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pegel.baseline.baseline import Baseline
from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.segment_counts import SegmentCounts
from pegel.stats.summary import Summary
from pegel.testing.samples import counted, sample_spec, trained_on

NUMBERS = 10
AIRLINES = np.array([f"A{number}" for number in range(10)], dtype=object)
SHARES = np.array([0.25, 0.2, 0.15, 0.1, 0.08, 0.06, 0.05, 0.05, 0.03, 0.03])
DRIFTING = "A6"
"""The airline of one row in twenty."""
SCHEMA = Schema(
    (
        Field("airline", Kind.CATEGORICAL),
        Field("distance", Kind.NUMERIC),
        *(Field(f"f{number}", Kind.NUMERIC) for number in range(NUMBERS)),
    )
)
COLUMNS = ("airline", {"column": "distance", "cuts": [300, 600, 1200]})
"""What parts the rows: ten airlines and the others, four distances."""


def spec(columns: int = 1) -> MonitorSpec:
    """Return a monitor with windows of a minute and so many of the columns of segments."""
    return sample_spec(watch={"segments": list(COLUMNS[:columns])})


def rows(rng: np.random.Generator, n: int, *, segment: float = 0.0, everywhere: float = 0.0) -> pa.Table:
    """Draw rows; `f0` is shifted by so many standard deviations, in one segment or in all rows."""
    airline = rng.choice(AIRLINES, n, p=SHARES)
    values = {f"f{number}": rng.normal(size=n) for number in range(NUMBERS)}
    values["f0"] += everywhere + segment * (airline == DRIFTING)
    return pa.table({"airline": airline, "distance": rng.exponential(600, n), **values})


def trained(rng: np.random.Generator, n: int, wish: MonitorSpec) -> Baseline:
    """Return the baseline of so many rows."""
    return trained_on(rows(rng, n), SCHEMA, wish)


def by_segment(baseline: Baseline, table: pa.Table) -> tuple[Summary, dict[str, Summary]]:
    """Return the counts of rows as a whole and by segment."""
    parts = SegmentCounts(baseline.layout, baseline.segments.segments)
    (batch,) = table.combine_chunks().to_batches()
    features = columns_of(SCHEMA.of_role(Role.FEATURE), batch)
    parts.update(features, Role.FEATURE, parts.segments.rows(baseline.layout, features))
    return counted(baseline.layout, table), parts.summaries
