"""What a baseline keeps of labelled training rows: how the model did on them, and how its errors come.

Labels of what is served come late or never; where they are, `pegel.detect.performance_tests` compares them with this.
Scores and answers without labels are estimated by `pegel.detect.cbpe` and `pegel.detect.direct_loss`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from pegel.detect.cbpe import calibrate_counts
from pegel.detect.direct_loss import errors_by_answer
from pegel.stats.class_counts import NEGATIVE, POSITIVE, ClassCounts
from pegel.stats.figures import BIAS, BRIER, ERROR_RATE, MAE
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.performance import Performance
from pegel.stats.performance_counts import PerformanceCounts

BLOCK = 100
"""Rows are put into blocks of so many, to see whether errors come in bursts."""
MIN_BLOCKS = 30
GATE = 0.05


def measure(rows: LabelledRows, *, in_order: bool = True) -> Performance:
    """Return how a model did on labelled rows. `in_order`: whether their order is that of time."""
    counts = PerformanceCounts.of(rows)
    known = rows.where(rows.is_labelled)
    calibration = None
    if isinstance(counts.compared, ClassCounts) and counts.compared.is_binary and counts.compared.scored:
        calibration = tuple(calibrate_counts(counts.compared.scores).tolist())
    factors = {name: burstiness(values) for name, values in _losses(known)} if in_order else {}
    return Performance(
        counts,
        dispersion={name: factor for name, factor in factors.items() if factor > 1},
        calibration=calibration,
        by_answer=None if counts.is_of_classes else errors_by_answer(known.predicted, known.label),
    )


def _losses(known: LabelledRows) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Yield by figure what each row adds to it; residuals by rank, as they are tested."""
    if known.classes is None:
        residual = known.residuals
        yield BIAS, _ranks(residual)
        yield MAE, _ranks(np.abs(residual))
        return
    yield ERROR_RATE, (known.predicted != known.label).astype(np.float64)
    if known.score is not None:
        truth = np.array([{NEGATIVE: 0.0, POSITIVE: 1.0}.get(name, np.nan) for name in known.classes] or [np.nan])
        loss = (known.score - truth[known.label]) ** 2
        yield BRIER, loss[np.isfinite(loss)]


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return midranks: by their places alone, equal residuals would rise with time, and all of them seem to."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[places], dtype=np.float64)


def burstiness(values: NDArray[np.float64]) -> float:
    """Return by how much sums over blocks vary more than those of independent rows; 1 unless certain."""
    blocks = len(values) // BLOCK
    if blocks < MIN_BLOCKS:
        return 1.0
    spread = BLOCK * float(np.var(values))
    if not spread > 0:
        return 1.0
    sums = values[: blocks * BLOCK].reshape(blocks, BLOCK).sum(axis=1)
    mean = float(np.mean((sums - BLOCK * float(np.mean(values))) ** 2)) / spread
    if blocks * mean <= chdtri(blocks, GATE):
        return 1.0
    return float(f"{mean * (1 + math.sqrt(2 / blocks)):.6g}")
