"""Which fields of a baseline are watched for correlations, which are not and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field
from pegel.detect.correlation import MIN_ROWS, judged_pairs
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.stats.layout import CORRELATED_CELLS, CORRELATED_FEATURES, CORRELATED_ROLE, CORRELATED_ROWS, NumericLayout
from pegel.stats.summary import Summary

PAIR = 2
SHOWN = 3
"""Fields that a note names; the others are counted."""


@dataclass(frozen=True, slots=True)
class PairedFields:
    """The judged numeric features.

    `watched`: those watched together. `left_out`: the others, by the reason why. `pairs`: how many of the pairs have
    enough rows, of the `possible` ones.
    """

    watched: Sequence[str]
    left_out: Mapping[str, Sequence[str]]
    pairs: int
    possible: int

    @classmethod
    def of(cls, baseline: Baseline, fields: Sequence[Field], summary: Summary | None = None) -> Self:
        """Look at the judged fields of a baseline, and at the rows of a window if there is one."""
        chosen = _chosen(baseline, tuple(fields))
        now = baseline.pairs.trained if summary is None else summary.comoments.pairs()
        return cls(
            watched=chosen.watched,
            left_out=chosen.left_out,
            pairs=int(np.count_nonzero(judged_pairs(baseline.pairs, now, chosen.places))),
            possible=len(chosen.places) * (len(chosen.places) - 1) // 2,
        )

    @property
    def missing(self) -> str | None:
        """Return why no pair is watched; None if some are."""
        if len(self.watched) < PAIR:
            features = "only 1 suitable numeric feature" if self.watched else "no suitable numeric feature"
            return f"correlations are not watched: {features}{self._others}"
        if not self.pairs:
            return (
                f"correlations are not watched: no two features have {MIN_ROWS} rows with both numbers in training and "
                f"in the window"
            )
        return None

    @property
    def note(self) -> str | None:
        """Return what is watched, if it is not everything."""
        several = f"correlations are watched between {len(self.watched)} numeric features{self._others}"
        if self.pairs < self.possible:
            few = self.possible - self.pairs
            rows = f"fewer than {MIN_ROWS} rows with both numbers in training or in the window"
            return f"{several}; {few:,} of {self.possible:,} pairs have {rows}"
        return several if self.left_out else None

    @property
    def _others(self) -> str:
        reasons = [f"{named(names)}: {reason}" for reason, names in self.left_out.items()]
        return f", not {'; '.join(reasons)}" if reasons else ""


class _Chosen(NamedTuple):
    """What the baseline alone says of its judged fields: places and names of those watched, and why others are not."""

    places: tuple[int, ...]
    watched: tuple[str, ...]
    left_out: Mapping[str, Sequence[str]]


@lru_cache(maxsize=32)
def _chosen(baseline: Baseline, fields: tuple[Field, ...]) -> _Chosen:
    """Choose once for all windows."""
    judged = {field.name for field in fields}
    names = [layout.field.name for _, layout in baseline.layout.correlated]
    places = tuple(place for place, name in enumerate(names) if name in judged)
    return _Chosen(places, tuple(names[place] for place in places), _left_out(baseline, judged))


def _left_out(baseline: Baseline, judged: set[str]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for name, feature in baseline.features.items():
        layout = feature.layout
        if not isinstance(layout, NumericLayout) or layout.field.role is not CORRELATED_ROLE or layout.correlated:
            continue
        if name in judged:
            reasons.setdefault(_reason(feature.counted, int(np.count_nonzero(feature.cells))), []).append(name)
    return reasons


def _reason(values: int, cells: int) -> str:
    if values < CORRELATED_ROWS:
        return f"fewer than {CORRELATED_ROWS:,} values in training"
    if cells < CORRELATED_CELLS:
        return "one value in training"
    return f"beyond the first {CORRELATED_FEATURES}, those that vary in most rows"


def named(names: Sequence[str]) -> str:
    """Return some names as a list, the others counted."""
    listed = ", ".join(shown(name, NAME_LIMIT) for name in names[:SHOWN])
    return f"{listed} and {len(names) - SHOWN} more" if len(names) > SHOWN else listed
