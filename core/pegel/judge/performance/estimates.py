"""Performance of answers without labels, and how good such estimates have been once labels came.

An estimate is for people: it never pages, and never makes a span ok.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from pegel.baseline.baseline import Baseline
from pegel.detect import cbpe
from pegel.detect.direct_loss import estimate_errors
from pegel.judge.performance.performance_rows import PerformanceRow
from pegel.stats.figures import ERROR_RATE, LEVEL, MAE, figures
from pegel.stats.performance_counts import PerformanceCounts

WIDTH = float(ndtri((1 + LEVEL) / 2))


def estimate_of(counts: PerformanceCounts, baseline: Baseline | None) -> dict[str, Any] | None:
    """Return the estimated error rate or mean absolute error of all answered rows, as it is stored; None without one.

    `kind` is always `estimate`; `figure`, `value`, `sd`, `n`, and what it assumes as `caveat`.
    """
    performance = None if baseline is None else baseline.performance
    if performance is None:
        return None
    if performance.by_answer is not None and not counts.is_of_classes:
        errors = estimate_errors(counts.sizes, performance.by_answer)
        return None if errors is None else _stored(MAE, errors.mean_absolute_error, errors.sd, errors.n, errors.caveat)
    if performance.calibration is None or not counts.is_of_classes:
        return None
    found = cbpe.estimate(counts.answers, np.array(performance.calibration))
    if found is None:
        return None
    further = {"precision": found.precision, "recall": found.recall, "F1": found.f1, "AUC": found.roc_auc}
    return _stored(ERROR_RATE, 1 - found.accuracy, found.accuracy_sd, found.n, found.caveat) | {"further": further}


def _stored(figure: str, value: float, sd: float, n: int, caveat: str) -> dict[str, Any]:
    return {"kind": "estimate", "figure": figure, "value": value, "sd": sd, "n": n, "caveat": caveat}


@dataclass(frozen=True, slots=True)
class EstimateScore:
    """How good estimates of settled spans have been: mean of estimate less truth, and intervals that held it.

    `figure`: what was estimated. `held` of `spans` intervals of 95 % had the truth in them.
    """

    figure: str
    spans: int
    mean_error: float
    mean_distance: float
    held: int


def score_estimates(rows: Sequence[PerformanceRow]) -> EstimateScore | None:
    """Compare the estimates of settled spans with what labels said; None where none can be compared.

    The truth has a chance of its own: its rows with labels are a part of those that were estimated. So an interval
    holds it where both differ by no more than the deviations of both together allow.
    """
    errors, held, figure = [], 0, ""
    for row in rows:
        if not row.settled or row.estimate is None:
            continue
        figure = row.estimate["figure"]
        truth = next((one for one in figures(row.counts) if one.name == figure), None)
        if truth is None or truth.value is None or truth.low is None or truth.high is None:
            continue
        unlabelled = 1 - row.counts.labelled / row.counts.answered
        chance = (truth.high - truth.low) / (2 * WIDTH) * math.sqrt(unlabelled)
        error = row.estimate["value"] - truth.value
        errors.append(error)
        held += abs(error) <= WIDTH * math.hypot(row.estimate["sd"], chance)
    if not errors:
        return None
    n = len(errors)
    return EstimateScore(figure, n, math.fsum(errors) / n, math.fsum(map(abs, errors)) / n, held)
