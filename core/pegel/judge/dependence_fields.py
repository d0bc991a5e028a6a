"""Which features of a baseline are watched for how they go together, which are not and why."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Self

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field
from pegel.detect.dependence_change import MIN_ROWS, judged_pairs
from pegel.judge.watched_pairs import ChosenFields, WatchedPairs
from pegel.stats.layout import (
    CORRELATED_ROLE,
    CORRELATED_ROWS,
    PAIRED_FEATURES,
    CategoricalLayout,
    FieldLayout,
)
from pegel.stats.summary import Summary


class DependenceFields(WatchedPairs):
    """The judged features of any kinds, for dependence."""

    __slots__ = ()
    subject = "dependence is"
    kind = "feature"
    values = "values"
    least = MIN_ROWS

    @classmethod
    def of(cls, baseline: Baseline, fields: Sequence[Field], summary: Summary | None = None) -> Self:
        """Look at the judged fields of a baseline, and at the rows of a window if there is one."""
        chosen = _chosen(baseline, tuple(field.name for field in fields))
        trained = baseline.summary.pair_tables
        now = trained if summary is None else summary.pair_tables
        return cls(
            watched=chosen.watched,
            left_out=chosen.left_out,
            pairs=judged_pairs(trained, now, chosen.places)[0].size,
            possible=len(chosen.places) * (len(chosen.places) - 1) // 2,
        )


def watched_features(baseline: Baseline, fields: Sequence[Field]) -> tuple[str, ...]:
    """Return the features of which every two are watched, of the judged fields; nothing is counted for it."""
    return _chosen(baseline, tuple(field.name for field in fields)).watched


@lru_cache(maxsize=32)
def _chosen(baseline: Baseline, judged: tuple[str, ...]) -> ChosenFields:
    """Choose once for all windows."""
    layout = baseline.layout
    names = [layout.features[position].field.name for position in layout.paired]
    places = tuple(place for place, name in enumerate(names) if name in judged)
    reasons: dict[str, list[str]] = {}
    for name, feature in baseline.features.items():
        if name in judged and name not in names and feature.layout.field.role is CORRELATED_ROLE:
            reasons.setdefault(_reason(feature.layout, feature.counted), []).append(name)
    return ChosenFields(places, tuple(names[place] for place in places), reasons)


def _reason(layout: FieldLayout, values: int) -> str:
    if values < CORRELATED_ROWS:
        return f"fewer than {CORRELATED_ROWS:,} values in training"
    if isinstance(layout, CategoricalLayout) and layout.has_no_frequent_values:
        return "hardly any value occurs twice"
    if layout.fit_for_pairs or layout.dense:
        return f"beyond the first {PAIRED_FEATURES}: those that vary in most rows, categories before numbers"
    return "one value in training"
