"""Does a baseline follow the clock, so that each season should be judged against its own rows?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from pegel.detect.ranks import Floats
from pegel.detect.replay import cut
from pegel.detect.siegmund import LEAST
from pegel.spec.plain_numbers import how_many
from pegel.stats.layout import Layout
from pegel.stats.seasons import Seasons, candidates

CERTAIN = 1e-3
"""The seasons must differ at this level, over all fields."""
INFLATION = 1.1
"""Differences that would add less than a tenth to the variance of z are not worth the smaller seasons."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How time is cut, or why it is not: `seasons` is None where one baseline serves all hours."""

    seasons: Seasons | None
    why: str


def choose(
    layout: Layout,
    values: Mapping[str, NDArray[Any]],
    instants: NDArray[np.int64],
    n_ref: int,
    *,
    length: timedelta,
    utc_offset: timedelta = timedelta(0),
) -> Choice:
    """Return the finest seasons that the baseline needs and can carry.

    Args:
        layout: The cells.
        values: Full columns as for `pegel.stats.layout.build_layout`, in the order of time.
        instants: When each row happened, microseconds since 1970 in UTC, never falling.
        n_ref: Rows that a window is expected to have.
        length: How long windows are; a season that is no multiple of it would be crossed by windows.
        utc_offset: Of the clock that the feature follows.
    """
    needed = False
    for seasons in candidates(utc_offset):
        if timedelta(hours=seasons.hours) % length:
            continue
        of_row = seasons.season_of(instants)
        rows = np.bincount(of_row, minlength=seasons.count)
        if not _differ(layout, values, n_ref, of_row, _coarser(seasons, instants)):
            continue
        needed = True
        if rows.min() >= LEAST * n_ref:
            return Choice(seasons, f"judged by {seasons.count} seasons of {seasons.hours} h each: they differ")
    if needed:
        few = f"a season needs {LEAST} windows of {how_many(n_ref, 'row')} in the baseline"
        return Choice(None, f"hours differ, but {few}; one baseline for all hours")
    return Choice(None, "hours do not differ")


def _coarser(seasons: Seasons, instants: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the season of each row without telling weekends apart; one season for all where that is all there is.

    Weekends are told apart only if they differ at the same hour: otherwise each hour would be cut in two for nothing.
    """
    if not seasons.weekend:
        return np.zeros_like(instants)
    return replace(seasons, weekend=False).season_of(instants)


def _differ(
    layout: Layout,
    values: Mapping[str, NDArray[Any]],
    n_ref: int,
    of_row: NDArray[np.int64],
    inside: NDArray[np.int64],
) -> bool:
    """Say whether windows of different seasons stray in different directions, each tested against all rows `inside`.

    `of_row`: the season of each row; `inside`: the coarser one against whose rows it is tested.
    """
    level = CERTAIN / len(layout.features)
    blocks = len(of_row) // n_ref
    of_block, coarse = (each[: blocks * n_ref].reshape(blocks, n_ref) for each in (of_row, inside))
    whole = (of_block == of_block[:, :1]).all(axis=1)
    kept = (coarse == coarse[:, :1]).all(axis=1)
    for field in layout.features:
        column = values[field.field.name]
        for z in cut(field, column, n_ref, inside).deviations().values():
            if len(z) != kept.sum():
                continue  # windows without any value were left out
            found = np.full(blocks, np.nan)
            found[kept] = z
            if _spread(found[whole], of_block[whole, 0], level):
                return True
    return False


def _spread(z: Floats, season: NDArray[np.int64], level: float) -> bool:
    """Say whether the means of the seasons differ, by one-way analysis of variance, and by enough to matter."""
    count = np.bincount(season)
    used = count > 0
    k, n = int(used.sum()), z.size
    if k < 2 or n <= k:  # noqa: PLR2004  one season cannot differ
        return False
    means = np.bincount(season, weights=z)[used] / count[used]
    within = float(((z - means[np.searchsorted(np.flatnonzero(used), season)]) ** 2).sum()) / (n - k)
    between = float((count[used] * (means - z.mean()) ** 2).sum()) / (k - 1)
    if within == 0 or fdtrc(k - 1, n - k, between / within) >= level:
        return False
    beyond_noise = max(0.0, (between - within) / (n / k))
    return 1 + beyond_noise > INFLATION
