"""What is counted in the windows of a baseline: do nulls, infinities, extremes and new values come in bursts?

Counts are compared with all hours of the baseline, also where distributions are compared with the same hour only; that
they follow the clock must then count as variation. So windows are cut here whatever the season.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.detect.variance_factor import digits, variance_factor
from pegel.stats.layout import CategoricalLayout, FieldLayout

Flags = NDArray[np.bool_]
EXTREMES = 60
"""So many of the largest (and smallest) values stand for those beyond all of them, which a baseline cannot have."""
MOST_EXTREMES = 0.25
"""Where ties make more than this share of the rows extreme, nothing lies beyond that could come in bursts."""
CERTAIN = 3.0
"""Standard deviations by which new values must come in bursts beyond chance."""


@dataclass(frozen=True, slots=True)
class Bursts:
    """How counts of one field vary from window to window.

    `factors`: by name of the count, by how much its variance exceeds that of independent rows, where it does.
    `unseen`: rows whose value occurs in no other window; 0 where these are as many as single occurrences say.
    """

    factors: dict[str, float]
    unseen: int = 0


def bursts(field: FieldLayout, column: NDArray[Any], n_ref: int) -> Bursts:
    """Return how counts vary between windows of `n_ref` consecutive rows of a full column, at least one window."""
    flags = _flags(field, column, len(column) // n_ref)
    unseen = 0
    if isinstance(field, CategoricalLayout) or field.discrete:
        codes = _codes(field, column)
        flags["unseen"] = _new(codes, n_ref)
        unseen = _unseen(codes, flags["unseen"], len(column) // n_ref)
    factors = {name: _factor(marked, n_ref) for name, marked in flags.items()}
    return Bursts({name: factor for name, factor in factors.items() if factor > 1}, unseen)


def _factor(marked: Flags, n_ref: int) -> float:
    """Return the variance factor of a count, with a margin for having seen few bursts only."""
    factor = variance_factor(_deviations(marked, n_ref))
    seen = max(1.0, np.count_nonzero(marked) / factor)
    return factor if factor == 1 else digits(factor * (1 + 1 / math.sqrt(seen)))


def _flags(field: FieldLayout, column: NDArray[Any], windows: int) -> dict[str, Flags]:
    """Return which rows are counted, by what they are counted as."""
    if isinstance(field, CategoricalLayout):
        return {"nulls": np.array([value is None for value in column.tolist()], dtype=np.bool_)}
    flags = {"nulls": np.isnan(column), "infinite": np.isinf(column)}
    finite = np.sort(column[np.isfinite(column)])
    extremes = max(EXTREMES, windows)
    if field.discrete or finite.size <= extremes:
        return flags
    below, above = column <= finite[extremes - 1], column >= finite[-extremes]
    flags |= {"below": below & (column > -np.inf), "above": above & (column < np.inf)}
    return {name: marked for name, marked in flags.items() if marked.mean() <= MOST_EXTREMES}


def _deviations(marked: Flags, n_ref: int) -> NDArray[np.float64]:
    """Return how far the count of each window is from what was to be expected; empty if all or none are marked."""
    share = float(marked.mean())
    if share in {0.0, 1.0}:
        return np.empty(0)
    windows = marked.size // n_ref
    counts = marked[: windows * n_ref].reshape(windows, n_ref).sum(axis=1)
    return np.asarray((counts - share * n_ref) / math.sqrt(n_ref * share * (1 - share)))


def _codes(field: FieldLayout, column: NDArray[Any]) -> NDArray[np.int64]:
    """Return a number for each value, the same for equal ones; -1 where there is none."""
    if isinstance(field, CategoricalLayout):
        numbers: dict[Any, int] = {None: -1}
        return np.array([numbers.setdefault(value, len(numbers)) for value in column.tolist()], dtype=np.int64)
    finite = np.isfinite(column)
    codes = np.full(column.size, -1, dtype=np.int64)
    codes[finite] = np.unique(column[finite], return_inverse=True)[1]
    return codes


def _new(codes: NDArray[np.int64], n_ref: int) -> Flags:
    """Say which rows have a value that occurs in no other window."""
    window = np.arange(codes.size) // n_ref
    first, last = (np.zeros(int(codes.max(initial=-1)) + 2, dtype=np.int64) for _ in range(2))
    last[codes] = window  # the last row that has a value writes last
    first[codes[::-1]] = window[::-1]
    return np.asarray((first == last)[codes] & (codes >= 0))


def _unseen(codes: NDArray[np.int64], new: Flags, windows: int) -> int:
    """Return how many rows are new in their window, if more are than chance puts together."""
    times = np.bincount(codes[codes >= 0])
    times = times[times > 0].astype(np.float64)
    together = windows ** (1 - times)
    expected, variance = float((times * together).sum()), float((times**2 * together * (1 - together)).sum())
    seen = int(np.count_nonzero(new))
    return seen if seen > expected + CERTAIN * math.sqrt(variance) + 1 else 0
