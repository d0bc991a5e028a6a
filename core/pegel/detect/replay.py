"""The baseline tested against itself, window by window: how far do clean windows really stray?

Each window of consecutive rows is tested against all other rows. If the statistics vary more than they should, the
factors say by how much; if they do not, nothing is corrected.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from pegel.detect.drift import drift_tests
from pegel.detect.ranks import Counts, RankStatistic
from pegel.detect.shape import ShapeStatistic
from pegel.layout import CategoricalLayout, FieldLayout, Layout
from pegel.stats.cells import cell_of
from pegel.stats.dispersion import Dispersion

MIN_BLOCKS = 30
"""Fewer windows than this in the baseline say too little about how windows vary."""
GATE = 0.05
ONE_SIDED = 1.645


def replay(layout: Layout, values: Mapping[str, NDArray[Any]], n_ref: int) -> dict[str, Dispersion]:
    """Return the factors of every field; empty if the baseline has fewer than 30 windows.

    Args:
        layout: The cells.
        values: Full columns as for `pegel.layout.build_layout`, in the order of time.
        n_ref: Rows that a window is expected to have.
    """
    rows = len(next(iter(values.values()))) if values else 0
    if n_ref < 1 or rows // n_ref < MIN_BLOCKS:
        return {}
    return {field.field.name: _replay(field, values[field.field.name], n_ref) for field in layout.features}


def _replay(field: FieldLayout, column: NDArray[Any], n_ref: int) -> Dispersion:
    blocks = len(column) // n_ref
    place, absent = _cells(field, column)
    total = np.bincount(place[~absent], minlength=field.size)
    inside = np.arange(len(column)) < blocks * n_ref
    chosen = ~absent & inside
    flat = (np.arange(len(column)) // n_ref)[chosen] * field.size + place[chosen]
    counts = np.bincount(flat, minlength=blocks * field.size).reshape(blocks, field.size)
    factors = _rank_factors(field, total, counts)
    nulls = absent[: blocks * n_ref].reshape(blocks, n_ref).sum(axis=1)
    factors["nulls"] = _count_factor(nulls, int(absent.sum()), len(column), n_ref)
    return Dispersion(
        n_ref,
        blocks,
        {name: factor for name, factor in factors.items() if factor > 1},
        _shape_factors(field, total, counts),
    )


def _cells(field: FieldLayout, column: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the cell of each row, and which rows are in none."""
    if isinstance(field, CategoricalLayout):
        absent = np.array([value is None for value in column.tolist()], dtype=np.bool_)
        place = np.zeros(len(column), dtype=np.intp)
        place[~absent] = field.vocabulary.cell_of(column[~absent])
        return place, absent
    return cell_of(column, field.edges), ~np.isfinite(column)


def _rank_factors(field: FieldLayout, total: Counts, counts: Counts) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for block in counts[counts.sum(axis=1) > 0]:
        for test in drift_tests(field, total - block, block):
            ranks = test if isinstance(test, RankStatistic) else getattr(test, "ranks", None)
            if ranks is not None:
                found.setdefault(ranks.name, []).append(ranks.z)
    return {name: _factor(np.array(zs)) for name, zs in found.items()}


def _factor(z: NDArray[np.float64]) -> float:
    """Return the variance factor if the replayed z vary significantly more than 1, with a margin for its error."""
    mean = float(np.mean(z * z))
    if z.size * mean <= chdtri(z.size, GATE):
        return 1.0
    return _digits(max(1.0, mean * (1 + math.sqrt(2 / z.size))))


def _count_factor(seen: Counts, whole: int, rows: int, n_ref: int) -> float:
    expected = whole * n_ref / rows
    spread = expected * (1 - whole / rows)
    if spread <= 0:
        return 1.0
    return _factor((seen.astype(np.float64) - expected) / math.sqrt(spread))


def _shape_factors(field: FieldLayout, total: Counts, counts: Counts) -> tuple[float, float, int] | None:
    """Match a scaled chi-squared law to mean and variance of the replayed X2, if their mean is too large."""
    tests = [
        test
        for block in counts[counts.sum(axis=1) > 0]
        for test in drift_tests(field, total - block, block)
        if isinstance(test, ShapeStatistic)
    ]
    if len(tests) < MIN_BLOCKS:
        return None
    x2, df = np.array([test.x2 for test in tests]), round(float(np.mean([test.df for test in tests])))
    mean, variance = float(x2.mean()), float(x2.var(ddof=1))
    if mean <= df + ONE_SIDED * math.sqrt(2 * df / x2.size):
        return None
    scale = variance / (2 * mean) * (1 + math.sqrt(2 / x2.size))
    return _digits(scale), _digits(2 * mean * mean / variance), df


def _digits(value: float) -> float:
    """Keep six digits: enough for a factor, and the same on every machine."""
    return float(f"{value:.6g}")
