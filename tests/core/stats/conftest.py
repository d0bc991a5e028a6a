"""A model of four fields, rows for it, and the objects made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pegel.baseline import Baseline
from pegel.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.findings import Span
from pegel.layout import Layout, build_layout
from pegel.outliers import OutlierTables
from pegel.spec import MonitorSpec, Watch
from pegel.summary import Summary

Rows = Mapping[str, NDArray[Any]]


@pytest.fixture(scope="session")
def schema() -> Schema:
    """Delay in minutes, carrier, number of stops; the prediction is 0 or 1."""
    return Schema(
        (
            Field("delay", Kind.NUMERIC, unit="min"),
            Field("carrier", Kind.CATEGORICAL),
            Field("stops", Kind.NUMERIC),
            Field("late", Kind.NUMERIC, Role.PREDICTION),
        )
    )


@pytest.fixture(scope="session")
def draw() -> Callable[..., Rows]:
    """Draw rows; keyword arguments change the distribution."""

    def rows(
        n: int, seed: int, *, shift: float = 0.0, spread: float = 1.0, nulls: float = 0.001, wn: float = 0.22
    ) -> Rows:
        rng = np.random.default_rng(seed)
        delay = rng.normal(5 + 20 * shift, 20 * spread, n)
        delay[rng.random(n) < nulls] = np.nan
        carriers = np.array(["WN", "AA", "DL", "UA"], dtype=object)
        rest = (1 - wn) / 3
        return {
            "delay": delay,
            "carrier": carriers[rng.choice(4, n, p=[wn, rest, rest, rest])],
            "stops": rng.poisson(3, n).astype(np.float64),
            "late": (rng.random(n) < 0.3).astype(np.float64),
        }

    return rows


def request_columns(rows: Rows) -> Columns:
    """Return the feature columns of rows; NaN stands for null."""
    numeric = np.column_stack([rows["delay"], rows["stops"]])
    missing = np.where(np.isnan(numeric), Missing.NULL, Missing.PRESENT).astype(np.uint8)
    return Columns(len(numeric), numeric, missing, (rows["carrier"],), (None,))


def response_columns(rows: Rows) -> Columns:
    """Return the prediction columns of rows."""
    return Columns(rows["late"].size, rows["late"][:, None], None, (), ())


@pytest.fixture(scope="session")
def count() -> Callable[..., Summary]:
    """Summarise rows in a layout, features and predictions."""

    def summarise(layout: Layout, rows: Rows, *, exact: bool = False) -> Summary:
        summary = Summary.empty(layout, exact=exact)
        summary.update(request_columns(rows), Role.FEATURE)
        summary.update(response_columns(rows), Role.PREDICTION)
        return summary

    return summarise


@pytest.fixture(scope="session")
def training(draw: Callable[..., Rows]) -> Rows:
    """20,000 training rows."""
    return draw(20_000, seed=1)


@pytest.fixture(scope="session")
def layout(schema: Schema, training: Rows) -> Layout:
    """The cells of the training rows."""
    return build_layout(schema, training)


@pytest.fixture(scope="session")
def baseline(layout: Layout, training: Rows, count: Callable[..., Summary]) -> Baseline:
    """The baseline of the training rows, with an outlier cut-off."""
    summary = count(layout, training, exact=True)
    scores, _ = OutlierTables.from_summary(summary).score(request_columns(training))
    return Baseline.build(
        layout=layout, summary=summary, model="delays", version=1, source="test", scores=scores, watch=Watch()
    )


@pytest.fixture
def spec() -> MonitorSpec:
    """Watch everything in windows of a minute, at one false alarm per week."""
    return MonitorSpec.parse({"model": {"name": "delays", "uri": "file:///models/delays"}, "baseline": {"source": "x"}})


@pytest.fixture
def span() -> Span:
    """One minute."""
    start = datetime(2026, 7, 1, 12, tzinfo=UTC)
    return Span(start, start + timedelta(minutes=1))
