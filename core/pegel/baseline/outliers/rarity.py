"""How unusual a state of a field is that has no place on the number line: null, NaN, a category.

A category that the baseline lacks is as likely as one that it has once: so many rows of the baseline would be new to
all its other rows.

Source: I. J. Good, "The population frequencies of species and the estimation of population parameters", Biometrika 40
(1953).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pegel.stats.layout import CategoricalLayout
from pegel.stats.summary import FeatureSummary


def rare(seen: int, m: int) -> float:
    """Return the score of a state that `seen` of `m` baseline rows were in: -ln((seen + 1/2) / (m + 1))."""
    return -math.log((max(seen, 0) + 0.5) / (max(m, 0) + 1))


def frequencies(feature: FeatureSummary, layout: CategoricalLayout, left_out: int = 0) -> NDArray[np.float64]:
    """Return the scores of a categorical field: of each category with a cell, and of the others by how often seen.

    Shape (named + 3,), the last three of others that the baseline has several times, once, and never; see
    `pegel.stats.vocabulary.Vocabulary.places`. `left_out`: 1 for rows of the baseline itself, each of which is scored
    by all others; a row that has its value alone is then as good as new.
    """
    named, m = len(layout.categories), feature.counted - left_out
    counts = feature.cells[:named].tolist()
    alone = layout.vocabulary.singletons - counts.count(1)
    several = int(feature.cells[named:].sum())
    new = rare(layout.vocabulary.singletons - left_out, m)
    if not layout.vocabulary.is_open:
        several -= alone
    others = rare(several - left_out, m)
    own = [new if count == left_out == 1 else rare(count - left_out, m) for count in counts]
    return np.array([*own, others, new if left_out else others, new])
