"""The summary of all fields and the statistics of single columns are one arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.stats.categories import Categories
from pegel.stats.counters import NULL, PRESENT, UNPARSEABLE, Counters
from pegel.stats.extremes import Extremes
from pegel.stats.histogram import Histogram
from pegel.stats.layout import CategoricalLayout, NumericLayout, build_layout
from pegel.stats.moment_sums import MomentSums
from pegel.stats.summary import Summary

RNG = np.random.default_rng(0)
LAYOUT = build_layout(
    Schema((Field("x", Kind.NUMERIC), Field("k", Kind.NUMERIC), Field("c", Kind.CATEGORICAL))),
    {
        "x": RNG.normal(size=2_000),
        "k": RNG.poisson(3, 2_000).astype(np.float64),
        "c": RNG.choice(np.array(["a", "b", "c"], dtype=object), 2_000),
    },
)
BATCHES = st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 80)), min_size=1, max_size=4)


def draw(seed: int, n: int) -> Columns:
    """Draw rows in which a third of the numbers are absent, NaN or infinite."""
    rng = np.random.default_rng(seed)
    numeric = np.column_stack([rng.normal(0.3, 2, n), rng.poisson(4, n)])
    numeric = np.where(rng.random((n, 2)) < 0.2, rng.choice([np.nan, np.inf, -np.inf, 1e9], (n, 2)), numeric)
    codes = rng.choice([Missing.PRESENT, Missing.NULL, Missing.UNPARSEABLE], (n, 2), p=[0.85, 0.1, 0.05])
    numeric[codes != Missing.PRESENT] = np.nan
    texts = rng.choice(np.array(["a", "b", "c", "new", None], dtype=object), n)
    return Columns(n, numeric, codes.astype(np.uint8), (texts,), (None,))


@given(BATCHES)
@settings(deadline=None)
def test_a_summary_is_made_of_its_statistics(batches: list[tuple[int, int]]) -> None:
    """Counters, cells and ranges of a summary are bit by bit those of single statistics; moments are as close."""
    summary = Summary.empty(LAYOUT)
    singles: dict[str, Any] = {
        name: (Counters(), Histogram(f.edges), Extremes(), MomentSums())
        for name, f in ((f.field.name, f) for f in LAYOUT.features if isinstance(f, NumericLayout))
    }
    text = next(Categories(f.vocabulary) for f in LAYOUT.features if isinstance(f, CategoricalLayout))
    for seed, n in batches:
        columns = draw(seed, n)
        summary.update(columns, Role.FEATURE)
        text.update(columns.categorical[0])
        for (counters, *others), values, codes in zip(
            singles.values(), columns.numeric.T, columns.missing.T if columns.missing is not None else [], strict=True
        ):
            counters.update(values, codes)
            for one in others:
                one.update(values)

    for name, (counters, histogram, extremes, moments) in singles.items():
        field = summary.features[name]
        state, scale = moments.state, float(np.abs([field.min or 0, field.max or 0]).max())

        assert counters.get() == {kind: getattr(field, kind if kind == "n" else f"n_{kind}") for kind in counters.get()}
        assert histogram.counts.tolist() == field.cells.tolist()
        assert extremes.get() == {"min": field.min, "max": field.max}
        assert state[0] == field.moments.count
        for power, expected in enumerate((field.moments.mean, field.moments.m2, field.moments.m3, field.moments.m4), 1):
            assert state[power] == pytest.approx(expected, rel=1e-9, abs=1e-12 * max(state[0], 1) * scale**power)
    assert text.counts.tolist() == summary.features["c"].cells.tolist()
    assert text.nulls == summary.features["c"].n_null


def test_the_codes_are_those_of_columns() -> None:
    """What is missing has the same numbers for a single column as in `pegel.data.columns.Missing`."""
    assert (Missing.PRESENT, Missing.NULL, Missing.UNPARSEABLE) == (PRESENT, NULL, UNPARSEABLE)
