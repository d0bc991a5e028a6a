"""Figures of performance, each with an interval, from counts that add up.

Error rate, precision, recall: Wilson's interval. F1: that of the share TP / (TP + FP + FN), of which it is a rising
function. AUC: of scores in bins, by DeLong's variance; the AUC of the scores themselves is at most `off_by` away. Log
loss, Brier score, calibration, bias, mean absolute error: Student's t. RMSE: the root of a t interval of the mean
square. Quantiles of residuals: order statistics, each read from its cell.

Sources: E. B. Wilson (1927), Journal of the American Statistical Association 22; E. DeLong, D. DeLong and D. Clarke-
Pearson (1988), Biometrics 44; W. J. Conover, "Practical Nonparametric Statistics" (1999), section 3.2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from pegel.stats.class_counts import NEGATIVE, POSITIVE, ClassCounts
from pegel.stats.performance_counts import PerformanceCounts
from pegel.stats.relative_cells import RELATIVE_ERROR, RelativeCells
from pegel.stats.residual_counts import ResidualCounts

LEVEL = 0.95
"""What an interval covers."""
RANKS = (0.05, 0.25, 0.5, 0.75, 0.95)
ERROR_RATE, PRECISION, RECALL, F1, AUC = "error rate", "precision", "recall", "F1", "AUC"
LOG_LOSS, BRIER, CALIBRATION = "log loss", "Brier score", "calibration"
BIAS, MAE, RMSE = "bias", "mean absolute error", "root mean square error"
SHARES = frozenset({ERROR_RATE, PRECISION, RECALL, F1, CALIBRATION})
"""Figures that are shares of rows, and shown in percent."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure over `rows` rows, its interval of 95 %, and by which method that is; None where undefined.

    `off_by`: how far the figure may be from that of the rows themselves, because these were counted in cells; 0 where
    it is exact.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    method: str
    rows: int
    off_by: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**data)


def figures(counts: PerformanceCounts) -> list[Figure]:
    """Return every figure of the labelled rows; what is undefined has no value. No labelled rows: no figures."""
    if not counts.labelled:
        return []
    compared = counts.compared
    return class_figures(compared) if isinstance(compared, ClassCounts) else residual_figures(compared)


def class_figures(counts: ClassCounts) -> list[Figure]:
    """Return the figures of a classifier: of two classes also those of the class `1`, with scores those of scores."""
    found = [_share(ERROR_RATE, counts.errors, counts.rows)]
    found += _of_positive(counts) if counts.is_binary else _averages(counts)
    return found + (_of_scores(counts) if counts.scored else [])


def residual_figures(counts: ResidualCounts) -> list[Figure]:
    """Return the figures of a regressor. A residual is the answer less the label."""
    n, sums = counts.rows, counts.sums
    bias = _mean(BIAS, sums["residual"], sums["square"], n)
    mae = _mean(MAE, sums["absolute"], sums["square"], n)
    square = _mean(RMSE, sums["square"], sums["fourth"], n)
    value, low, high = (None if x is None else math.sqrt(max(0.0, x)) for x in (square.value, square.low, square.high))
    root = Figure(RMSE, value, low, high, "root of t of the mean square", n)
    return [bias, mae, root, *(_quantile(counts.cells, rank) for rank in RANKS)]


def wilson(seen: int, n: int, level: float = LEVEL) -> tuple[float, float]:
    """Return Wilson's interval of a share.

    >>> [round(end, 4) for end in wilson(10, 100)]
    [0.0552, 0.1744]
    """
    z = float(ndtri((1 + level) / 2))
    share, more = seen / n, z * z / n
    middle, half = share + more / 2, z * math.sqrt(share * (1 - share) / n + more / (4 * n))
    low, high = (middle - half) / (1 + more), (middle + half) / (1 + more)
    return max(0.0, min(low, share)), min(1.0, max(high, share))


def positives(counts: ClassCounts) -> tuple[int, int, int]:
    """Return true positives, false positives and false negatives of the class `1`."""
    cells = [(POSITIVE, POSITIVE), (NEGATIVE, POSITIVE), (POSITIVE, NEGATIVE)]
    tp, fp, fn = (counts.confusion.get(cell, 0) for cell in cells)
    return tp, fp, fn


def auc(scores: NDArray[np.int64]) -> tuple[float, float, float] | None:
    """Return the AUC of scores in bins, its variance by DeLong, and how far the AUC of the scores may be from it.

    `scores`: rows by bin and class, shape (bins, 2). None without rows of both classes. Equal bins count half.
    """
    negative, positive = scores[:, 0].astype(np.float64), scores[:, 1].astype(np.float64)
    n, p = negative.sum(), positive.sum()
    if not n or not p:
        return None
    above = (np.cumsum(negative) - negative / 2) / n  # share of negatives that a positive of this bin exceeds
    below = (p - np.cumsum(positive) + positive / 2) / p
    area = float(positive @ above / p)
    spread = [float(rows @ (part - area) ** 2) / max(total - 1, 1) / total for rows, part, total in
              ((positive, above, p), (negative, below, n))]  # fmt: skip
    return area, sum(spread), float(negative @ positive) / (2 * n * p)


def reliability(scores: NDArray[np.int64], groups: int = 10) -> list[tuple[float, int, int]]:
    """Return mean score, rows and rows of the class `1` for groups of bins of equal width; groups without rows are out.

    The mean is of the middles of bins, at most 0.0005 from that of the scores.
    """
    middles = (np.arange(len(scores)) + 0.5) / len(scores)
    found = []
    for part in np.array_split(np.arange(len(scores)), groups):
        rows = scores[part].sum(axis=1)
        if total := int(rows.sum()):
            found.append((float(rows @ middles[part]) / total, total, int(scores[part, 1].sum())))
    return found


def _share(name: str, seen: int, n: int) -> Figure:
    return Figure(name, seen / n, *wilson(seen, n), "Wilson", n) if n else Figure(name, None, None, None, "Wilson", 0)


def _of_positive(counts: ClassCounts) -> list[Figure]:
    tp, fp, fn = positives(counts)
    both = _share(F1, tp, tp + fp + fn)
    value, low, high = (None if x is None else 2 * x / (1 + x) for x in (both.value, both.low, both.high))
    f1 = Figure(F1, value, low, high, "Wilson of TP / (TP + FP + FN)", both.rows)
    return [_share(PRECISION, tp, tp + fp), _share(RECALL, tp, tp + fn), f1]


def per_class(counts: ClassCounts) -> list[tuple[str, int, int, int]]:
    """Return of each class that is told apart: its name, rows with both, rows answered so, rows labelled so."""
    right = {name: counts.confusion.get((name, name), 0) for name in counts.classes}
    answered, labelled = dict.fromkeys(right, 0), dict.fromkeys(right, 0)
    for (label, answer), n in counts.confusion.items():
        if answer is not None:
            answered[answer] += n
        if label is not None:
            labelled[label] += n
    return [(name, right[name], answered[name], labelled[name]) for name in right]


def _averages(counts: ClassCounts) -> list[Figure]:
    """Return the means over classes, each class as important as the other; None where not all are told apart."""
    parts = per_class(counts)
    whole = all(None not in pair for pair in counts.confusion) and bool(parts)
    ratios = {
        PRECISION: [right / answered if answered else 0.0 for _, right, answered, _ in parts],
        RECALL: [right / labelled if labelled else 0.0 for _, right, _, labelled in parts],
        F1: [2 * right / (answered + labelled) for _, right, answered, labelled in parts],
    }
    return [
        Figure(f"{name} (mean of classes)", math.fsum(each) / len(each) if whole else None, None, None, "none",
               counts.rows)
        for name, each in ratios.items()
    ]  # fmt: skip


def _of_scores(counts: ClassCounts) -> list[Figure]:
    n, sums = counts.scored, counts.sums
    found = auc(counts.scores)
    area = Figure(AUC, None, None, None, "DeLong", n)
    if found is not None:
        value, variance, off_by = found
        half = float(ndtri((1 + LEVEL) / 2)) * math.sqrt(variance)
        area = Figure(AUC, value, max(0.0, value - half), min(1.0, value + half), "DeLong", n, off_by)
    return [
        area,
        _mean(LOG_LOSS, sums["log_loss"], sums["log_loss_square"], n),
        _mean(BRIER, sums["brier"], sums["brier_square"], n),
        _mean(CALIBRATION, sums["surplus"], sums["brier"], n),
    ]


def _mean(name: str, total: Fraction | None, squares: Fraction | None, n: int) -> Figure:
    """Return a mean with Student's interval."""
    if total is None or not n:
        return Figure(name, None, None, None, "t", n)
    mean = float(total / n)
    if squares is None or n < 2:  # noqa: PLR2004  one row has no spread
        return Figure(name, mean, None, None, "t", n)
    variance = float(max(Fraction(0), squares - total * total / n)) / (n - 1)
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * math.sqrt(variance / n)
    return Figure(name, mean, mean - half, mean + half, "t", n)


def _quantile(cells: RelativeCells, rank: float) -> Figure:
    n = cells.n
    half = float(ndtri((1 + LEVEL) / 2)) * math.sqrt(n * rank * (1 - rank))
    places = (math.ceil(rank * n), math.floor(rank * n - half), math.ceil(rank * n + half) + 1)
    value, low, high = (cells.at(min(max(1, place), n)) for place in places)
    off_by = 0.0 if value is None else abs(value) * RELATIVE_ERROR
    return Figure(f"{100 * rank:g} % of residuals below", value, low, high, "order statistics", n, off_by)
