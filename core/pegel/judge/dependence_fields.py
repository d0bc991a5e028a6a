"""Which features of a baseline are watched for how they go together, which are not and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Self

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field
from pegel.detect.dependence_change import MIN_ROWS, judged_pairs
from pegel.judge.paired_fields import PAIR, named
from pegel.stats.layout import (
    CORRELATED_ROLE,
    CORRELATED_ROWS,
    PAIRED_FEATURES,
    CategoricalLayout,
    FieldLayout,
)
from pegel.stats.summary import Summary


@dataclass(frozen=True, slots=True)
class DependenceFields:
    """The judged features.

    `watched`: those of which every two are watched; `places`: theirs among the layout's paired features. `left_out`:
    the others, by the reason why. `pairs`: how many of the pairs have enough rows, of the `possible` ones.
    """

    watched: Sequence[str]
    places: Sequence[int]
    left_out: Mapping[str, Sequence[str]]
    pairs: int
    possible: int

    @classmethod
    def of(cls, baseline: Baseline, fields: Sequence[Field], summary: Summary | None = None) -> Self:
        """Look at the judged fields of a baseline, and at the rows of a window if there is one."""
        chosen = _chosen(baseline, tuple(field.name for field in fields))
        trained = baseline.summary.pair_tables
        now = trained if summary is None else summary.pair_tables
        return cls(
            watched=chosen.watched,
            places=chosen.places,
            left_out=chosen.left_out,
            pairs=judged_pairs(trained, now, chosen.places)[0].size,
            possible=len(chosen.places) * (len(chosen.places) - 1) // 2,
        )

    @property
    def missing(self) -> str | None:
        """Return why no pair is watched; None if some are."""
        if len(self.watched) < PAIR:
            features = "only 1 suitable feature" if self.watched else "no suitable feature"
            return f"dependence is not watched: {features}{self._others}"
        if not self.pairs:
            return (
                f"dependence is not watched: no two features have {MIN_ROWS} rows with both values in training and "
                f"in the window"
            )
        return None

    @property
    def note(self) -> str | None:
        """Return what is watched, if it is not everything."""
        several = f"dependence is watched between {len(self.watched)} features{self._others}"
        if self.pairs < self.possible:
            few = self.possible - self.pairs
            rows = f"fewer than {MIN_ROWS} rows with both values in training or in the window"
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
def _chosen(baseline: Baseline, judged: tuple[str, ...]) -> _Chosen:
    """Choose once for all windows."""
    layout = baseline.layout
    names = [layout.features[position].field.name for position in layout.paired]
    places = tuple(place for place, name in enumerate(names) if name in judged)
    reasons: dict[str, list[str]] = {}
    for name, feature in baseline.features.items():
        if name in judged and name not in names and feature.layout.field.role is CORRELATED_ROLE:
            reasons.setdefault(_reason(feature.layout, feature.counted), []).append(name)
    return _Chosen(places, tuple(names[place] for place in places), reasons)


def _reason(layout: FieldLayout, values: int) -> str:
    if values < CORRELATED_ROWS:
        return f"fewer than {CORRELATED_ROWS:,} values in training"
    if isinstance(layout, CategoricalLayout) and layout.has_no_frequent_values:
        return "hardly any value occurs twice"
    if layout.fit_for_pairs or layout.dense:
        return f"beyond the first {PAIRED_FEATURES}: those that vary in most rows, categories before numbers"
    return "one value in training"
