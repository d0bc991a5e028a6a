"""The distribution of one feature in numbers: quantiles, or the share of each category, of the baseline and now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from pegel.detect.effect import percent
from pegel.report.shapes import quantile
from pegel.report.words import number
from pegel.spec.outside_text import LONGEST_SHOWN, shown
from pegel.stats.layout import CategoricalLayout
from pegel.stats.summary import FeatureSummary

MOST_CATEGORIES: Final = 40
QUANTILES: Final = {"5 %": 0.05, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "95 %": 0.95}
_WITHOUT: Final = {
    "null": "n_null",
    "NaN": "n_nan",
    "+inf": "n_posinf",
    "-inf": "n_neginf",
    "unparseable": "n_unparseable",
}


@dataclass(frozen=True, slots=True)
class FeatureLine:
    """One line of the table: `median`, of the baseline, now; empty where there is nothing to tell."""

    label: str
    before: str
    now: str


def feature_table(before: FeatureSummary, now: FeatureSummary | None, unit: str | None) -> list[FeatureLine]:
    """Return quantiles, or the largest `MOST_CATEGORIES` categories of either side; then what came instead."""
    if isinstance(before.layout, CategoricalLayout):
        lines = _categories(before.layout, before, now)
    else:
        lines = [
            FeatureLine(label, _at(before, share, unit), _at(now, share, unit)) for label, share in QUANTILES.items()
        ]
        lines.insert(
            0, FeatureLine("least", _extreme(before.min, unit), "" if now is None else _extreme(now.min, unit))
        )
        lines.append(FeatureLine("most", _extreme(before.max, unit), "" if now is None else _extreme(now.max, unit)))
    return [*lines, *_without(before, now)]


def without_value(feature: FeatureSummary) -> tuple[int, int]:
    """Return how many rows have no value, and how many there are."""
    return sum(getattr(feature, name) for name in _WITHOUT.values()), feature.n


def _at(side: FeatureSummary | None, share: float, unit: str | None) -> str:
    return "" if side is None or not side.counted else number(quantile(side, share), unit)


def _extreme(value: float | None, unit: str | None) -> str:
    return "" if value is None else number(value, unit)


def _categories(layout: CategoricalLayout, before: FeatureSummary, now: FeatureSummary | None) -> list[FeatureLine]:
    named, sides = len(layout.categories), [before] if now is None else [before, now]
    shares = [side.cells[:named] / max(side.counted, 1) for side in sides]
    order = np.argsort(-np.max(shares, axis=0), kind="stable") if named else np.empty(0, dtype=np.int64)
    chosen = order[:MOST_CATEGORIES]
    lines = [
        FeatureLine(
            shown(layout.categories[cell], LONGEST_SHOWN),
            percent(float(shares[0][cell])),
            "" if now is None else percent(float(shares[1][cell])),
        )
        for cell in chosen.tolist()
    ]
    rest = [float(share[order[MOST_CATEGORIES:]].sum()) for share in shares]
    if named > MOST_CATEGORIES:
        label = f"{named - MOST_CATEGORIES:,} further categories"
        lines.append(FeatureLine(label, percent(rest[0]), "" if now is None else percent(rest[1])))
    other = [side.counted - side.n_unseen - int(side.cells[:named].sum()) for side in sides]
    for label, counts in (("others", other), ("never seen in training", [side.n_unseen for side in sides])):
        if any(counts):
            parts = [percent(count / max(side.counted, 1)) for count, side in zip(counts, sides, strict=True)]
            lines.append(FeatureLine(label, parts[0], parts[1] if len(parts) > 1 else ""))
    return lines


def _without(before: FeatureSummary, now: FeatureSummary | None) -> list[FeatureLine]:
    """Return a line for each kind of no value that any row has."""
    lines = []
    for label, name in _WITHOUT.items():
        counts = [getattr(side, name) for side in (before, now) if side is not None]
        if any(counts):
            parts = [
                percent(count / max(side.n, 1)) for count, side in zip(counts, (before, now), strict=False) if side
            ]
            lines.append(FeatureLine(f"no value: {label}", parts[0], parts[1] if len(parts) > 1 else ""))
    return lines
