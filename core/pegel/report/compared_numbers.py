"""A few numbers of one field, of training and of now, side by side: what a person compares first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pegel.detect.effect import percents
from pegel.report import words
from pegel.report.shapes import quantile, round_step, share_above
from pegel.stats.layout import CategoricalLayout
from pegel.stats.summary import FeatureSummary

TAIL = 0.95
"""The tail told in words begins near this quantile of the baseline, at a round value."""
CHANGED = 3
"""Categories whose shares are told."""


@dataclass(frozen=True, slots=True)
class ComparisonLine:
    """One line of the comparison: `median`, `-2 min`, `+6 min`."""

    label: str
    before: str
    now: str


def compared_numbers(
    before: FeatureSummary, now: FeatureSummary, unit: str | None, chance: float | None = None
) -> list[ComparisonLine]:
    """Return the numbers of one field, then and now, in the same cells; empty where either side has no values.

    `chance`: how often a row of now is the larger one of two, where that is known.
    """
    if not (before.counted and now.counted):
        return []
    if isinstance(before.layout, CategoricalLayout):
        return _categories(before.layout, before, now)
    return [*_of_numbers(before, now, unit), *_ranks(chance)]


def _of_numbers(before: FeatureSummary, now: FeatureSummary, unit: str | None) -> list[ComparisonLine]:
    medians = (words.number(quantile(side, 0.5), unit) for side in (before, now))
    step = round_step(max(abs(quantile(before, TAIL) - quantile(before, 0.5)), 1e-9) / 5)
    limit = round(quantile(before, TAIL) / step) * step
    tails = percents(*(max(share_above(side, limit), 0.0) for side in (before, now)))
    return [ComparisonLine("median", *medians), ComparisonLine(f"above {words.number(limit, unit)}", *tails)]


def _ranks(chance: float | None) -> list[ComparisonLine]:
    """Return what a shift in sigma says: how often a row of now is the larger one of two. None: it is not known."""
    if chance is None:
        return []
    return [ComparisonLine("above a training row", *percents(0.5, chance))]


def _categories(layout: CategoricalLayout, before: FeatureSummary, now: FeatureSummary) -> list[ComparisonLine]:
    labels, named = [*layout.categories, "others", "never seen in training"], len(layout.categories)
    sides = [
        np.append(side.cells[:named], [side.cells[named:].sum() - side.n_unseen, side.n_unseen])
        for side in (before, now)
    ]
    shares = [counts / counts.sum() for counts in sides]
    order = sorted(range(len(labels)), key=lambda cell: -abs(shares[1][cell] - shares[0][cell]))
    return [
        ComparisonLine(labels[cell], *percents(*(float(side[cell]) for side in shares))) for cell in order[:CHANGED]
    ]
