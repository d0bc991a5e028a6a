"""The search for slices that hold most of a change: in one half of the rows, confirmed in the other.

Whoever looks at ten thousand slices finds one that stands out. So the rows are parted by event: one half is searched,
with every bound and every choice made in it, and at most ten slices are asked again of the other, each at a
share of the level. That holds whatever the search looks at, in which order, and how its slices overlap (ADR 0015).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from pegel.slices.change_score import Aspect, ChangeScore, change_scores
from pegel.slices.found_slices import FoundSlices, RowSlice
from pegel.slices.part_of_change import contributions, difference
from pegel.slices.searched_half import CONCENTRATED, MOST, Pick, ScoredRows, floats_of, search_half
from pegel.slices.sliced_columns import Flags, sliced_column
from pegel.stats.tails import upper

LEVEL: Final = 0.05
"""How often a change that no slice holds may have one named."""
MOST_NAMED: Final = 3
LEAST_ROWS: Final = 200
"""Rows with a value that each side needs."""
WITHIN: Final = 0.8
"""Nor is one named that has so much of its rows in a clearer one, or holds so much of that."""
CLEAR: Final = 2.0
"""Standard errors by which the rows must differ at all."""


def find_slices(
    before: pa.Table,
    now: pa.Table,
    column: str,
    aspect: Aspect = Aspect.VALUES,
    *,
    searched: Flags,
    leave_out: Iterable[str] = (),
    level: float = LEVEL,
) -> FoundSlices:
    """Return the slices that hold most of how a column's rows of now differ from those before.

    Args:
        before: Rows to compare with; a column that `now` lacks is not looked at.
        now: Rows of now.
        column: What changed.
        aspect: In what it changed.
        searched: Of each row, those before first, whether it is in the half that is searched.
        leave_out: Columns of which no condition is made, beside `column` itself.
        level: How often a change of everything may have a slice named.
    """
    none = FoundSlices((), "", before.num_rows, now.num_rows, 0, 0, level)
    # A name that stands twice says nothing about which is meant.
    once = [[name for name in side.column_names if side.column_names.count(name) == 1] for side in (before, now)]
    shared = [name for name in once[1] if name in once[0]]
    target = sliced_column(column, before.column(column), now.column(column)) if column in shared else None
    if target is None:
        return _none(none, f"{column} is not in the rows of both sides")
    is_now = np.arange(before.num_rows + now.num_rows) >= before.num_rows
    if not _enough(is_now, searched):
        return _none(none, f"too few rows, {LEAST_ROWS} are needed on each side")
    score = _clearest(change_scores(target, aspect, is_now), is_now, searched)
    kept = np.isfinite(score.values)
    rows = ScoredRows(score.values[kept], is_now[kept], searched[kept])
    none = FoundSlices((), score.what, int((~rows.is_now).sum()), int(rows.is_now.sum()), 0, 0, level)
    if not _enough(rows.is_now, rows.searched):
        return _none(none, f"too few rows with a value, {LEAST_ROWS} are needed on each side")
    apart, z = difference(*rows.sums(np.ones((rows.score.size, 1)), np.ones(rows.score.size, dtype=np.bool_)))
    none = FoundSlices((), score.what if apart >= 0 else score.less, none.rows_before, none.rows_now, 0, 0, level)
    if abs(z) < CLEAR:
        return _none(none, "these rows do not differ clearly from those before")
    unused = {column, *leave_out}
    names = [name for name in shared if name not in unused]
    columns = (sliced_column(name, before.column(name), now.column(name)) for name in names)
    picks, count = search_half(rows, (one for one in columns if one is not None), kept)
    named = _confirmed(rows, picks, level)
    found = FoundSlices(tuple(named), none.what, none.rows_before, none.rows_now, count, len(picks), level)
    return found if named else _none(found, "none holds most of the change")


def _none(found: FoundSlices, why: str) -> FoundSlices:
    told = (found.what, found.rows_before, found.rows_now, found.searched, found.confirmed_of, found.level)
    return FoundSlices((), *told, why_none=why)


def _enough(is_now: Flags, searched: Flags) -> bool:
    """Say whether both sides have enough rows, in either half some of them."""
    halves = ((side & half).sum() for side in (is_now, ~is_now) for half in (searched, ~searched))
    return bool(min(is_now.sum(), (~is_now).sum()) >= LEAST_ROWS and min(halves) >= LEAST_ROWS / 4)


def _clearest(scores: Iterable[ChangeScore], is_now: Flags, searched: Flags) -> ChangeScore:
    """Return the score by which the half that is searched differs most."""

    def clear(one: ChangeScore) -> float:
        kept = np.isfinite(one.values) & searched
        if not (kept & is_now).any() or not (kept & ~is_now).any():
            return 0.0
        rows = ScoredRows(one.values, is_now, searched)
        return abs(difference(*rows.sums(np.ones((int(kept.sum()), 1)), kept))[1])

    return max(scores, key=clear, default=ChangeScore("", "", np.full(is_now.size, np.nan)))


def _confirmed(rows: ScoredRows, picks: Sequence[Pick], level: float) -> list[RowSlice]:
    """Return the slices that the other half shows, too, the clearest first."""
    if not picks:
        return []
    everywhere = np.ones(rows.score.size, dtype=np.bool_)
    masks = [mask for _, mask, _ in picks]
    again = contributions(*rows.sums(floats_of(masks, ~rows.searched), ~rows.searched))
    whole = contributions(*rows.sums(floats_of(masks, everywhere), everywhere))
    found: list[tuple[float, Flags, RowSlice]] = []
    for at, (told, mask, _) in enumerate(picks):
        p, part, share = float(upper(again.z[at], 0.0)), float(whole.part[at]), float(whole.share_now[at])
        if p <= level / len(picks) and part >= max(MOST, CONCENTRATED * share):
            one = RowSlice(told, part, float(whole.share_before[at]), share, float(again.z[at]), p)
            found.append((float(whole.rank[at]), mask, one))
    found.sort(key=lambda each: -each[0])
    named: list[tuple[Flags, RowSlice]] = []
    for _, mask, one in found:
        if all((mask & other).sum() < WITHIN * min(mask.sum(), other.sum()) for other, _ in named):
            named.append((mask, one))
    return [one for _, one in named[:MOST_NAMED]]
