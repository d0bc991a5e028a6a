"""From a budget of outliers per day to the score above which an event is one."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pegel.spec.plain_numbers import plain

MIN_ROWS = 10
"""A cut-off needs at least this many baseline rows beyond it."""
_MOST_ROWS = 1e9
"""More training rows are not worth naming."""


def outlier_cutoff(scores: NDArray[np.float64], rate: float) -> float | None:
    """Return the score above which a share `rate` of baseline rows lies; None if fewer than ten rows would.

    The cut-off is the floor(rate * m)-th largest baseline score; an outlier scores strictly more.
    """
    beyond = math.floor(rate * scores.size)
    if beyond < MIN_ROWS:
        return None
    place = scores.size - beyond
    return float(np.partition(scores, place)[place])


def affordable(rows: int, rows_per_day: float) -> float | None:
    """Return the smallest number of outliers per day that `rows` baseline rows can place a cut-off for.

    `outlier_cutoff` accepts it when it is divided by `rows_per_day`. None if there are fewer than ten rows: then no
    budget is affordable.
    """
    if rows < MIN_ROWS:
        return None
    budget = MIN_ROWS / rows * rows_per_day
    while math.floor(budget / rows_per_day * rows) < MIN_ROWS:  # the divisions may have rounded down
        budget = math.nextafter(budget, math.inf)
    return budget


def refusal(rows: int, rows_per_day: float, outliers_per_day: float) -> str | None:
    """Return in words why a budget cannot be kept, and which one could; None if it can be kept."""
    if math.floor(min(1.0, outliers_per_day / rows_per_day) * rows) >= MIN_ROWS:
        return None
    least = affordable(rows, rows_per_day)
    remedy = (
        f"the least that they afford is {plain(least, 3)}" if least is not None else "so few rows afford no such budget"
    )
    asked, of = plain(outliers_per_day, 6), plain(rows_per_day, 6)
    share = outliers_per_day / rows_per_day
    beyond = plain(share * rows)
    return (
        f"no event is called an outlier: `watch.outliers_per_day` {asked}, of `watch.rows_per_day` {of}, puts {beyond} "
        f"of {rows:,} baseline rows beyond the cut-off, and {MIN_ROWS} are needed; {remedy}"
        f"{_rows_that_do(asked, share)}"
    )


def _rows_that_do(asked: str, share: float) -> str:
    """Return how many baseline rows a budget takes, as the end of a sentence; "" where no table has so many."""
    rows = MIN_ROWS / share if share else math.inf
    return f", and {asked} takes {math.ceil(rows):,} rows" if rows <= _MOST_ROWS else ""
