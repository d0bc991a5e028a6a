"""Performance of a regressor without labels: what its errors were in training where it answered alike.

An estimate for people: it never pages and never makes a verdict ok. It looks at the answer alone, so it sees neither a
changed relation of inputs and target, nor that other inputs lead to the same answer. Source of the idea: direct loss
estimation, here without a second model; the expected error is a step function of the answer.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pegel.stats.performance import ErrorsByAnswer
from pegel.stats.relative_cells import RelativeCells, cells_of

GROUPS = 20
"""Groups of answers, of about as many training rows each."""
CAVEAT = (
    "Estimate, valid only if errors are what they were in training wherever the model answers alike. "
    "It cannot see concept drift."
)


@dataclass(frozen=True, slots=True)
class ErrorEstimate:
    """Estimated mean absolute error of `n` answers, and its standard deviation by the chance of labels."""

    n: int
    mean_absolute_error: float
    sd: float
    caveat: str = CAVEAT


def errors_by_answer(predicted: NDArray[np.float64], label: NDArray[np.float64]) -> ErrorsByAnswer | None:
    """Return what errors are like by answer, arrays of shape (rows,); None without rows, or where they are too large.

    Too large are those whose squares no float can add up.
    """
    with np.errstate(over="ignore"):
        size = np.abs(predicted - label)
        if not size.size or not np.isfinite(size.max() ** 2 * size.size):
            return None
    cells = cells_of(predicted)
    places = np.arange(1, GROUPS) * cells.size // GROUPS
    upto = np.unique(np.sort(cells)[places])
    group = np.searchsorted(upto, cells, side="left")
    parts = [size[group == each] for each in range(upto.size + 1)]
    kept = [each for each, part in enumerate(parts) if part.size]
    means = [_mean(parts[each]) for each in kept]
    return ErrorsByAnswer(
        upto=tuple(int(upto[each]) for each in kept[:-1]),
        rows=tuple(parts[each].size for each in kept),
        absolute=tuple(means),
        absolute_variance=tuple(_mean((parts[each] - mean) ** 2) for each, mean in zip(kept, means, strict=True)),
    )


def _mean(values: NDArray[np.float64]) -> float:
    """Return the mean to the last digit, whatever the order: it is part of a baseline's identity."""
    return math.fsum(values.tolist()) / values.size


def estimate_errors(answers: RelativeCells, known: ErrorsByAnswer) -> ErrorEstimate | None:
    """Estimate the mean absolute error of answers; None without any.

    The deviation allows for the chance of their labels, and of those of training.
    """
    n = answers.n
    if not n:
        return None
    counts = [0] * len(known.rows)
    for cell, count in answers.cells.items():
        counts[bisect_left(known.upto, cell)] += count
    mean = math.fsum(count * each for count, each in zip(counts, known.absolute, strict=True)) / n
    spread = math.fsum(
        variance * (count + count * count / rows)
        for count, variance, rows in zip(counts, known.absolute_variance, known.rows, strict=True)
    )
    return ErrorEstimate(n, mean, math.sqrt(spread) / n)
