"""The baseline tested against itself, window by window: how far do clean windows really stray?

Each window of consecutive rows is tested against all other rows. If the statistics vary more than they should, the
factors say by how much; if they do not, nothing is corrected.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.detect import location, scale
from pegel.detect.category_groups import CategoryGroups
from pegel.detect.drift import BINARY
from pegel.detect.ranks import Counts, Floats, midranks, standardise
from pegel.detect.replayed_counts import bursts
from pegel.detect.shape import pool_ordered, shape_values
from pegel.detect.single_category import NAME as SINGLE_CATEGORY
from pegel.detect.variance_factor import digits, variance_factor
from pegel.stats.cells import cell_of
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import CategoricalLayout, FieldLayout, Layout, NumericLayout

MIN_BLOCKS = 30
"""Fewer windows than this in the baseline say too little about how windows vary."""
ONE_SIDED = 1.645


@dataclass(frozen=True, slots=True)
class Replayed:
    """One field cut into windows: counts per cell, shape (windows, cells), and of the rows each is tested against."""

    layout: FieldLayout
    window: Counts
    rest: Counts

    def deviations(self) -> dict[str, Floats]:
        """Return the z of each window by name of the test; of more than two categories, those of all their groups."""
        kept = (self.rest + self.window).any(axis=0)
        b, w = self.rest[:, kept], self.window[:, kept]
        if kept.sum() < BINARY:
            return {}
        if isinstance(self.layout, CategoricalLayout) and kept.sum() > BINARY:
            return {SINGLE_CATEGORY: _of_groups(self._groups(self.layout))}
        ranks = midranks(b, w)
        if kept.sum() == BINARY or not isinstance(self.layout, NumericLayout):
            return {"location": standardise(b, w, ranks)[0]}
        shifts = location.scores(ranks, np.full(len(w), self.layout.light_tails))
        return {"location": standardise(b, w, shifts)[0], "scale": standardise(b, w, scale.scores(ranks))[0]}

    def shapes(self) -> tuple[Floats, Counts]:
        """Return divergence and degrees of freedom of each window that can be tested for shape."""
        if isinstance(self.layout, CategoricalLayout):
            b, w, pools = self._groups(self.layout).pooled()
        else:
            b, w = self.layout.grouped(self.rest), self.layout.grouped(self.window)
            pools = pool_ordered(b, w)
        divergence, df, _ = shape_values(b, w, pools)
        return divergence[df > 0], df[df > 0]

    def _groups(self, layout: CategoricalLayout) -> CategoryGroups:
        return CategoryGroups.of([layout] * len(self.window), list(self.rest), list(self.window))


def replay(
    layout: Layout, values: Mapping[str, NDArray[Any]], n_ref: int, of_row: NDArray[np.int64] | None = None
) -> dict[str, Dispersion]:
    """Return the factors of every field; empty if the baseline has fewer than 30 windows.

    Args:
        layout: The cells.
        values: Full columns as for `pegel.stats.layout.build_layout`, in the order of time.
        n_ref: Rows that a window is expected to have.
        of_row: The season of each row, see `pegel.stats.seasons`: windows are then tested against the rows
            of their own season, and windows that lie in two seasons are left out.
    """
    rows = len(next(iter(values.values()))) if values else 0
    if n_ref < 1 or rows // n_ref < MIN_BLOCKS:
        return {}
    of_row = np.zeros(rows, dtype=np.int64) if of_row is None else of_row
    found = {}
    for field in layout.features:
        column = values[field.field.name]
        one = cut(field, column, n_ref, of_row)
        if len(one.window) >= MIN_BLOCKS:
            found[field.field.name] = _dispersion(one, column, n_ref)
    return found


def cut(field: FieldLayout, column: NDArray[Any], n_ref: int, of_row: NDArray[np.int64]) -> Replayed:
    """Cut a column into windows of `n_ref` rows that lie in one season each."""
    blocks = len(column) // n_ref
    place, absent = cells_of(field, column)
    size, inside = field.size, slice(0, blocks * n_ref)
    number = np.repeat(np.arange(blocks), n_ref)
    counted = ~absent[inside]
    flat = (number * size + place[inside])[counted]
    window = np.bincount(flat, minlength=blocks * size).reshape(blocks, size)
    nulls = absent[inside].reshape(blocks, n_ref).sum(axis=1)
    of_block = of_row[inside].reshape(blocks, n_ref)
    whole = (of_block == of_block[:, :1]).all(axis=1) & (nulls < n_ref)
    season = of_block[whole, 0]
    count = int(of_row.max()) + 1
    total = np.bincount((of_row * size + place)[~absent], minlength=count * size).reshape(count, size)
    return Replayed(field, window[whole], total[season] - window[whole])


def _dispersion(one: Replayed, column: NDArray[Any], n_ref: int) -> Dispersion:
    deviations = one.deviations()
    factors = {name: variance_factor(z) for name, z in deviations.items()}
    counted = bursts(one.layout, column, n_ref)
    # Windows follow each other; groups of categories do not, and enter no chart.
    lags = {name: _lag(z) for name, z in deviations.items() if name != SINGLE_CATEGORY}
    return Dispersion(
        n_ref,
        len(one.window),
        {name: factor for name, factor in factors.items() if factor > 1} | counted.factors,
        shape_factors(*one.shapes()),
        {name: lag for name, lag in lags.items() if lag > 0},
        counted.unseen,
    )


def _of_groups(groups: CategoryGroups) -> Floats:
    """Return the z of the count of every group of categories in every window, in one line."""
    b, w = groups.baseline, groups.window
    m, n = b.sum(axis=1, keepdims=True), w.sum(axis=1, keepdims=True)
    share = (b + w) / (m + n)
    variance = n * share * (1 - share) * m / (m + n)
    known = variance > 0
    return np.asarray((w - n * share)[known] / np.sqrt(variance[known]))


def cells_of(field: FieldLayout, column: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the cell of each row, and which rows are in none."""
    if isinstance(field, CategoricalLayout):
        absent = np.array([value is None for value in column.tolist()], dtype=np.bool_)
        place = np.zeros(len(column), dtype=np.intp)
        place[~absent] = field.vocabulary.cell_of(column[~absent])
        return place, absent
    return cell_of(column, field.cuts), ~np.isfinite(column)


def _lag(z: Floats) -> float:
    """Return the correlation of each z with the one before; 0 unless it is certainly more than that."""
    if z.size < MIN_BLOCKS or z.std() == 0:
        return 0.0
    lag = float(np.corrcoef(z[:-1], z[1:])[0, 1])
    return digits(min(lag, 0.99)) if lag > ONE_SIDED / math.sqrt(z.size) else 0.0


def shape_factors(divergence: Floats, df: Counts) -> tuple[float, float, int] | None:
    """Match a scaled chi-squared law to mean and variance of the replayed divergences, if their mean is too large."""
    if len(divergence) < MIN_BLOCKS:
        return None
    usual = round(float(np.mean(df)))
    mean, variance = float(divergence.mean()), float(divergence.var(ddof=1))
    if mean <= usual + ONE_SIDED * math.sqrt(2 * usual / divergence.size):
        return None
    scaled = variance / (2 * mean) * (1 + math.sqrt(2 / divergence.size))
    return digits(scaled), digits(2 * mean * mean / variance), usual
