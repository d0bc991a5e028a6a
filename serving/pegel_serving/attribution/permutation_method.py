"""Attributions of a model that is nothing but its answers: features are taken over one by one from another row.

Row x, one uniformly random order of the features, one random row z of the baseline: the part of the s-th feature is
f(x with the first s features, z with the others) less f(the same with s-1), so all parts add up to f(x) - f(z) exactly.
One order is an unbiased estimate of interventional SHAP, and a noisy one: for windows of many rows. A single row is
explained by the mean of 32 orders and their reverses, with its standard error. Source: Castro et al. 2009, Computers &
Operations Research 36, 1726-1730; reverses: Mitchell et al. 2022, JMLR 23(43).

What is drawn, Philox draws, keyed by the event's id and the row's place, so that a replay gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pegel.data.attribution_event import Method
from pegel_serving.attribution.compared_rows import Asked, compared_rows
from pegel_serving.attribution.explained import TOLERANCE, ExplainedRows
from pegel_serving.attribution.raw_output import chosen, taken
from pegel_serving.model_columns import Rows

ORDERS: Final = 32
"""Random orders of a row that is explained alone; each is taken forwards and backwards."""
AT_ONCE: Final = 5_000
"""About so many rows the model is asked about at once …"""
MOST_CELLS: Final = 1_000_000
"""… and of many features fewer: values of these rows, which are all that is in memory beside what the model says."""


class PermutationMethod:
    """Explains rows by asking about them and about what lies between them and rows of the baseline.

    `orders`: 1 for windows of many rows, 2 and more for a row alone, see `ORDERS`; then there are standard errors.
    """

    method = Method.PERMUTATION
    precision = TOLERANCE

    def __init__(self, asked: Asked, background: Rows, orders: int = 1) -> None:
        """Keep rows of the baseline, see `compared_rows`. Raises NotExplained, EndpointAway."""
        self._asked, self._background, self._orders = asked, compared_rows(asked, background), orders

    def calls(self, rows: int) -> int:
        """Return how many rows the model is asked about to explain some."""
        width = int(self._background.shape[1])
        return rows * (width + 1 if self._orders == 1 else 2 * self._orders * (width + 1))

    def explain(self, rows: Rows, seeds: Sequence[tuple[int, int]]) -> ExplainedRows:
        """Explain rows; `seeds` says what is drawn for each of them."""
        single = self._orders == 1
        paths = [_paths(seed, self._background, 1 if single else self._orders, mirrored=not single) for seed in seeds]
        per_row = [len(orders) for orders, _ in paths]
        width = rows.shape[1]
        outputs = self._walk(rows, paths)
        values = np.empty((len(rows), width))
        base, raw, errors = np.empty(len(rows)), np.empty(len(rows)), np.empty((len(rows), width))
        start = 0
        for at, count in enumerate(per_row):
            own = outputs[start : start + count]
            start += count
            which = chosen(own[:1, -1])
            steps = taken(own.reshape(-1, own.shape[2]), np.repeat(which, own.shape[0] * own.shape[1]))
            steps = steps.reshape(count, width + 1)
            parts = np.empty((count, width))
            np.put_along_axis(parts, paths[at][0], np.diff(steps, axis=1), axis=1)
            values[at], base[at], raw[at] = parts.mean(axis=0), steps[:, 0].mean(), steps[0, -1]
            pairs = parts if single else parts.reshape(-1, 2, width).mean(axis=1)
            errors[at] = pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs)) if len(pairs) > 1 else 0.0
        return ExplainedRows(values, base, raw, None if single else errors)

    def _walk(self, rows: Rows, paths: Sequence[tuple[NDArray[np.int64], Rows]]) -> NDArray[np.float64]:
        """Return the outputs along all ways, shape (ways, features + 1, classes): from a row of the baseline to x."""
        width = rows.shape[1]
        at_once = max(1, min(AT_ONCE, MOST_CELLS // max(1, width)) // (width + 1))
        ways = (
            _between(row, other, order)
            for row, (orders, others) in zip(rows, paths, strict=True)
            for order, other in zip(orders, others, strict=True)
        )
        asked = [self._asked(np.concatenate(some)) for some in _batched(ways, at_once)]
        return np.concatenate(asked).reshape(-1, width + 1, asked[0].shape[1]) if asked else np.empty((0, width + 1, 1))


def _paths(seed: tuple[int, int], background: Rows, orders: int, *, mirrored: bool) -> tuple[NDArray[np.int64], Rows]:
    """Return orders of the features, each with the row of the baseline that it begins at."""
    draw = np.random.Generator(np.random.Philox(key=np.array(seed, dtype=np.uint64)))
    drawn, others = [], []
    for _ in range(orders):
        order, other = draw.permutation(background.shape[1]), background[draw.integers(len(background))]
        drawn += [order, order[::-1]] if mirrored else [order]
        others += [other, other] if mirrored else [other]
    return np.array(drawn, dtype=np.int64), np.array(others, dtype=object)


def _batched(ways: Iterable[Rows], count: int) -> Iterator[list[Rows]]:
    """Yield so many at once, as long as there are any; the standard library has it from Python 3.12 on."""
    rest = iter(ways)
    while some := list(islice(rest, count)):
        yield some


def _between(row: Rows, other: Rows, order: NDArray[np.int64]) -> Rows:
    """Return the rows of one way, shape (features + 1, features): the other row first, the row itself last."""
    way = np.repeat(other[None, :], len(order) + 1, axis=0)
    for step, feature in enumerate(order.tolist(), start=1):
        way[step:, feature] = row[feature]
    return way
