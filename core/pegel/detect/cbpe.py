"""Performance without labels: what a binary classifier's own scores say it achieves.

An estimate for people: it never pages and never makes a verdict ok, because it cannot see the relation between inputs
and target change. Source: confidence-based performance estimation; calibration by isotonic regression, B. Zadrozny and
C. Elkan, "Transforming classifier scores into accurate multiclass probability estimates", KDD 2002.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pegel.stats.scores import BINS, bin_of

CAVEAT = (
    "Estimate, valid only if the relation between inputs and target is unchanged (covariate shift). "
    "It cannot see concept drift."
)

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


def count(scores: Floats, predicted: NDArray[np.bool_]) -> Counts:
    """Count rows per bin and predicted class, shape (1000, 2): all that a window keeps, and it adds up."""
    flat = np.bincount(2 * bin_of(np.asarray(scores)) + predicted, minlength=2 * BINS)
    return flat.reshape(BINS, 2).astype(np.int64)


def calibrate(scores: Floats, labels: NDArray[np.bool_]) -> Floats:
    """Return the probability of the positive class per bin, shape (1000,), never falling, from labelled rows.

    Bins without rows take the value of the nearest bin below that has some, or else above.
    """
    return calibrate_counts(count(np.asarray(scores), labels))


def calibrate_counts(scores: Counts) -> Floats:
    """Return the same of labelled rows by bin and whether they are of the positive class, shape (1000, 2)."""
    rows, positive = scores.sum(axis=1), scores[:, 1].astype(np.float64)
    seen = np.flatnonzero(rows)
    # Imported here: it brings half of scipy, and whoever only checks a table has no use for it.
    from scipy.optimize import isotonic_regression  # noqa: PLC0415

    if seen.size == 0:
        raise ValueError("expected labelled rows, given none: nothing was calibrated.")
    fitted = isotonic_regression(positive[seen] / rows[seen], weights=rows[seen]).x
    place = np.clip(np.searchsorted(seen, np.arange(BINS), side="right") - 1, 0, None)
    return np.asarray(fitted[place], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimated performance of one window; None where undefined. `accuracy_sd`: from the randomness of labels only."""

    n: int
    accuracy: float
    accuracy_sd: float
    precision: float | None
    recall: float | None
    f1: float | None
    roc_auc: float | None
    caveat: str = CAVEAT


def estimate(counts: Counts, calibration: Floats) -> Estimate | None:
    """Estimate the performance of a window from its `count` and the baseline's `calibrate`; None without rows."""
    n = int(counts.sum())
    if n == 0:
        return None
    positive, negative = calibration, 1 - calibration
    tp, fp = float(counts[:, 1] @ positive), float(counts[:, 1] @ negative)
    fn, tn = float(counts[:, 0] @ positive), float(counts[:, 0] @ negative)
    rows = counts.sum(axis=1)
    return Estimate(
        n=n,
        accuracy=(tp + tn) / n,
        accuracy_sd=math.sqrt(float(rows @ (positive * negative))) / n,
        precision=_ratio(tp, tp + fp),
        recall=_ratio(tp, tp + fn),
        f1=_ratio(2 * tp, 2 * tp + fp + fn),
        roc_auc=_auc(rows * positive, rows * negative),
    )


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _auc(positive: Floats, negative: Floats) -> float | None:
    above = positive.sum() - np.cumsum(positive)
    return _ratio(float(negative @ (above + positive / 2)), float(positive.sum() * negative.sum()))
