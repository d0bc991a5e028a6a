"""Which fields of a baseline are watched for correlations, which are not and why."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Self

import numpy as np

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field
from pegel.detect.correlation import MIN_ROWS, judged_pairs
from pegel.judge.watched_pairs import ChosenFields, WatchedPairs
from pegel.stats.layout import CORRELATED_CELLS, CORRELATED_FEATURES, CORRELATED_ROLE, CORRELATED_ROWS, NumericLayout
from pegel.stats.summary import Summary


class PairedFields(WatchedPairs):
    """The judged numeric features, for correlations."""

    __slots__ = ()
    subject = "correlations are"
    kind = "numeric feature"
    values = "numbers"
    least = MIN_ROWS

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


@lru_cache(maxsize=32)
def _chosen(baseline: Baseline, fields: tuple[Field, ...]) -> ChosenFields:
    """Choose once for all windows."""
    judged = {field.name for field in fields}
    names = [layout.field.name for _, layout in baseline.layout.correlated]
    places = tuple(place for place, name in enumerate(names) if name in judged)
    return ChosenFields(places, tuple(names[place] for place in places), _left_out(baseline, judged))


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
