"""What clean windows of a baseline do, as far as the order of its rows tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.detect.replay import MIN_BLOCKS, replay
from pegel.detect.replayed_pairs import replay_pairs
from pegel.detect.season_choice import choose
from pegel.detect.single_category import NAME as SINGLE_CATEGORY
from pegel.spec.plain_numbers import how_many
from pegel.stats.dispersion import Dispersion
from pegel.stats.layout import Layout
from pegel.stats.noise import COUNTS, Noise

RANKS = ("location", "scale")
ANY_SIZE = 2**62


@dataclass(frozen=True, slots=True)
class RowTimes:
    """When the rows of a baseline happened.

    `instants`: microseconds since 1970 in UTC, never falling, one per row. `length`: how long windows are.
    `utc_offset`: of the clock that people follow.
    """

    instants: NDArray[np.int64]
    length: timedelta
    utc_offset: timedelta = timedelta(0)


def assess(layout: Layout, values: Mapping[str, NDArray[Any]], n_ref: int, row_times: RowTimes | None = None) -> Noise:
    """Replay a baseline window by window.

    Args:
        layout: The cells.
        values: Full columns as for `pegel.stats.layout.build_layout`, in the order of time.
        n_ref: Rows that a window is expected to have.
        row_times: When rows happened; None if only their order is known, so that hours cannot be told apart.
    """
    rows = len(next(iter(values.values()))) if values else 0
    if n_ref < 1 or rows // n_ref < MIN_BLOCKS:
        needed = f"{MIN_BLOCKS} windows of {how_many(n_ref, 'row')}"
        return Noise(why=f"not assessed: needs {needed} in the baseline, which has {how_many(rows, 'row')}")
    if row_times is None:
        why = "assessed; hours were not looked at: no times"
        return Noise(replay(layout, values, n_ref), None, why, pairs=replay_pairs(layout, values, n_ref))
    choice = choose(layout, values, row_times.instants, n_ref, length=row_times.length, utc_offset=row_times.utc_offset)
    of_row = None if choice.seasons is None else choice.seasons.season_of(row_times.instants)
    # Where hours are judged apart, no pairs are.
    pairs = replay_pairs(layout, values, n_ref) if choice.seasons is None else {}
    return Noise(replay(layout, values, n_ref, of_row), choice.seasons, f"assessed; {choice.why}", pairs=pairs)


def with_repeats(noise: Noise, layout: Layout, factor: float, unseen: Mapping[str, int]) -> Noise:
    """Return what clean windows do where rows stand there several times, in a window as in the baseline.

    A replay has seen already how much windows vary, but not that values of repeated rows are as new as single ones
    where the copies lie far apart. Without a replay, every test allows for the factor.

    Args:
        noise: What is known of windows.
        layout: The cells.
        factor: By how much repetition makes means vary more, see `pegel.detect.repeated_rows`; 1 for none.
        unseen: By name of a field of categories, the rows that would be unseen by all rows but their copies.
    """
    if factor == 1:
        return noise
    if noise.dispersion:
        replayed = {
            name: replace(dispersion, unseen=max(dispersion.unseen, unseen.get(name, 0)))
            for name, dispersion in noise.dispersion.items()
        }
        return replace(noise, repeats=factor, dispersion=replayed)
    # The factor is the same for windows of any size: n_ref is beyond all of them.
    each = Dispersion(ANY_SIZE, 0, dict.fromkeys((*RANKS, *COUNTS, SINGLE_CATEGORY), factor), shape=(factor, 1.0, 1))
    spread = {one.field.name: replace(each, unseen=unseen.get(one.field.name, 0)) for one in layout.features}
    return replace(noise, repeats=factor, dispersion=spread)
