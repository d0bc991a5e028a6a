"""How well a model did, on one core: `python -m benchmarks.performance [--write docs/measured.md]`, a minute.

Run it with the Spark environment's interpreter. Labelled rows are counted, figures made of the counts, a span of them
judged against training, and an estimate made of the answers alone. The peer is scikit-learn's functions for the same
figures on the same rows, which need all rows at once and give neither intervals nor verdicts; the floor is numpy that
compares two arrays.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from benchmarks.page import put, when
from numpy.typing import NDArray
from sklearn import metrics
from threadpoolctl import threadpool_limits

import pegel
from pegel.baseline.baseline import Baseline
from pegel.judge.performance.estimates import estimate_of
from pegel.judge.performance.span_judgement import judge_counts
from pegel.stats.figures import figures
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.performance_counts import PerformanceCounts

SEED, ROWS, TRAINED, ROUNDS = 20_261_129, 200_000, 50_000, 10
HOURS, LEAST_S = 24, 0.01
LEVEL, MARGIN = 1e-3, 0.1
Rows = Callable[[int, int], LabelledRows]


def instants(rows: int) -> NDArray[np.datetime64]:
    """Return the times of rows, a second apart."""
    return np.datetime64("2026-01-01", "us") + np.arange(rows) * np.timedelta64(1, "s")


def classes(seed: int, rows: int) -> LabelledRows:
    """Draw rows of a classifier whose score is the probability of its class."""
    rng = np.random.default_rng([SEED, seed])
    score = rng.beta(0.5, 0.5, rows)
    answer, truth = (score > 0.5).astype(np.int32), (rng.random(rows) < score).astype(np.int32)
    at = instants(rows)
    return LabelledRows(answer, truth, at, at + np.timedelta64(1, "h"), ("0", "1"), score)


def numbers(seed: int, rows: int) -> LabelledRows:
    """Draw rows of a regressor."""
    rng = np.random.default_rng([SEED, seed])
    answer, at = rng.gamma(3.0, 10.0, rows), instants(rows)
    return LabelledRows(answer, answer + rng.normal(0, 2 + 0.1 * answer), at, at + np.timedelta64(1, "h"))


def trained(draw: Rows) -> Baseline:
    """Return the baseline of training rows."""
    rows = draw(0, TRAINED)
    x = np.random.default_rng(SEED).normal(size=TRAINED)
    if rows.classes is None:
        return pegel.profile(
            {"x": x, "yhat": rows.predicted, "y": rows.label}, predictions=["yhat"], label="y", answer="yhat"
        )
    names = np.array(rows.classes)
    table = {"x": x, "p": rows.score, "yhat": names[rows.predicted], "y": names[rows.label]}
    return pegel.profile(table, predictions=["p", "yhat"], label="y", answer="yhat", score="p")


def of_classes_by_sklearn(rows: LabelledRows) -> None:
    """Compute the figures of a classifier."""
    truth, answer, score = rows.label, rows.predicted, rows.score
    metrics.accuracy_score(truth, answer)
    metrics.precision_recall_fscore_support(truth, answer, average="binary")
    for figure in (metrics.roc_auc_score, metrics.log_loss, metrics.brier_score_loss):
        figure(truth, score)


def of_numbers_by_sklearn(rows: LabelledRows) -> None:
    """Compute the figures of a regressor."""
    for figure in (metrics.mean_absolute_error, metrics.root_mean_squared_error, metrics.median_absolute_error):
        figure(rows.label, rows.predicted)
    np.quantile(rows.label - rows.predicted, [0.05, 0.5, 0.95])


def taken(work: Callable[[], object]) -> float:
    """Return the processor's seconds of the fastest of some rounds of a hundredth of a second or more."""
    found = []
    for _ in range(ROUNDS):
        times, began = 0, time.process_time()
        while (used := time.process_time() - began) < LEAST_S:
            work()
            times += 1
        found.append(used / times)
    return min(found)


def measured(kind: str, draw: Rows, by_sklearn: Callable[[LabelledRows], None]) -> list[tuple[str, str]]:
    """Measure one kind of model."""
    rows, baseline = draw(1, ROWS), trained(draw)
    counts = PerformanceCounts.of(rows)
    assert estimate_of(counts, baseline) is not None
    hours = [PerformanceCounts.of(draw(2 + at, 1_000)) for at in range(HOURS)]

    def day() -> None:
        whole = PerformanceCounts(classes=rows.classes is not None)
        for hour in hours:
            whole.merge(hour)

    def per_second(work: Callable[[], object]) -> str:
        return f"{ROWS / taken(work) / 1e6:.1f} M rows/s"

    def each(work: Callable[[], object]) -> str:
        return f"{1e3 * taken(work):.2f} ms"

    return [
        (f"numpy alone: {kind} compared", per_second(lambda: np.count_nonzero(rows.label != rows.predicted))),
        (f"scikit-learn: the figures of {kind}", per_second(lambda: by_sklearn(rows))),
        (f"counting {kind}", per_second(lambda: PerformanceCounts.of(rows))),
        (f"all figures of {kind}, with intervals", each(lambda: figures(counts))),
        (f"a span of {kind} judged", each(lambda: judge_counts(counts, baseline, level=LEVEL, margin=MARGIN))),
        (f"an estimate of {kind} without labels", each(lambda: estimate_of(counts, baseline))),
        (f"{HOURS} hours of {kind} merged to a day", each(day)),
    ]


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    with threadpool_limits(1):
        rows = measured("classes", classes, of_classes_by_sklearn) + measured("numbers", numbers, of_numbers_by_sklearn)
    text = (
        f"Run on {when()} by `python -m benchmarks.performance`: processor time on one core, best of {ROUNDS}; "
        f"{ROWS:,} labelled rows, {TRAINED:,} in training, seed {SEED}.\n\n| | measured |\n|---|---|\n"
        + "\n".join(f"| {what} | {told} |" for what, told in rows)
    )
    print(text)
    if asked.write:
        put(asked.write, "performance", text)


if __name__ == "__main__":
    main()
