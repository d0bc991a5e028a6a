"""Does a baseline follow the clock, so that each part of the day or week should be judged against its own rows?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from pegel.detect.ranks import Floats
from pegel.detect.replay import cut
from pegel.detect.siegmund import LEAST
from pegel.stats.layout import Layout
from pegel.stats.seasons import Partition, candidates

CERTAIN = 1e-3
"""The parts must differ at this level, over all fields."""
INFLATION = 1.1
"""Differences that would add less than a tenth to the variance of z are not worth the smaller parts."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How time is cut, or why it is not: `partition` is None where one baseline serves all hours."""

    partition: Partition | None
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
    """Return the finest partition that the baseline needs and can carry.

    Args:
        layout: The cells.
        values: Full columns as for `pegel.stats.layout.build_layout`, in the order of time.
        instants: When each row happened, microseconds since 1970 in UTC, never falling.
        n_ref: Rows that a window is expected to have.
        length: How long windows are; a part that is no multiple of it would be crossed by windows.
        utc_offset: Of the clock that the feature follows.
    """
    needed = False
    for partition in candidates(utc_offset):
        if timedelta(hours=partition.hours) % length:
            continue
        parts = partition.part_of(instants)
        rows = np.bincount(parts, minlength=partition.parts)
        if not _differ(layout, values, n_ref, parts):
            continue
        needed = True
        if rows.min() >= LEAST * n_ref:
            return Choice(partition, f"judged by {partition.parts} parts of {partition.hours} h each: they differ")
    if needed:
        return Choice(
            None, f"hours differ, but a part needs {LEAST} windows of {n_ref} rows; one baseline for all hours"
        )
    return Choice(None, "hours do not differ")


def _differ(layout: Layout, values: Mapping[str, NDArray[Any]], n_ref: int, parts: NDArray[np.int64]) -> bool:
    """Say whether windows of different parts stray in different directions, each tested against all other rows."""
    level = CERTAIN / len(layout.features)
    one = np.zeros_like(parts)
    blocks = len(parts) // n_ref
    of_block = parts[: blocks * n_ref].reshape(blocks, n_ref)
    whole = (of_block == of_block[:, :1]).all(axis=1)
    for field in layout.features:
        column = values[field.field.name]
        for z in cut(field, column, n_ref, one).deviations().values():
            if len(z) == blocks and _spread(z[whole], of_block[whole, 0], level):
                return True
    return False


def _spread(z: Floats, part: NDArray[np.int64], level: float) -> bool:
    """Say whether the means of the parts differ, by one-way analysis of variance, and by enough to matter."""
    count = np.bincount(part)
    used = count > 0
    k, n = int(used.sum()), z.size
    if k < 2 or n <= k:  # noqa: PLR2004  one part cannot differ
        return False
    means = np.bincount(part, weights=z)[used] / count[used]
    within = float(((z - means[np.searchsorted(np.flatnonzero(used), part)]) ** 2).sum()) / (n - k)
    between = float((count[used] * (means - z.mean()) ** 2).sum()) / (k - 1)
    if within == 0 or fdtrc(k - 1, n - k, between / within) >= level:
        return False
    beyond_noise = max(0.0, (between - within) / (n / k))
    return 1 + beyond_noise > INFLATION
