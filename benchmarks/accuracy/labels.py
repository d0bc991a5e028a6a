"""A classifier comes to err more often: events until the first alarm, and alarms while nothing has changed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pegel.detect.bernoulli import ErrorChart, ErrorCusum, error_chart
from pegel.detect.river_detectors import RiverDetector

BASELINE, P0 = 50_000, 0.1
RATE = 1e-5
"""False alarms per labelled event: one in 100,000."""
AFTER = (0.12, 0.15, 0.2, 0.3)
CLEAN, CHANGED = 3_000, 6_000
"""Events before and after the change."""
OURS = "Pegel, Bernoulli CUSUM"
OTHERS = {"ADWIN": "ADWIN", "PageHinkley": "Page-Hinkley", "HDDMA": "HDDM_A"}
NAMES = (OURS, *OTHERS.values())
Found = dict[tuple[str, float], list[tuple[float, int]]]
"""By detector and new error rate, of each stream: events until the first alarm, and alarms before the change."""


class _Ours:
    def __init__(self, chart: ErrorChart) -> None:
        self._cusum = ErrorCusum(chart)

    def update(self, error: float) -> bool:
        return bool(self._cusum.update([bool(error)]))


def one_baseline(task: tuple[int, int, int]) -> Found:
    """Follow streams of labels after one baseline. The task: seed, number of the baseline, streams of each new rate."""
    seed, number, streams = task
    rng = np.random.default_rng([seed, number])
    chart = error_chart(int(rng.binomial(BASELINE, P0)), BASELINE, RATE)
    assert chart is not None
    found: Found = {}
    for p in AFTER:
        for _ in range(streams):
            clean, changed = rng.random(CLEAN) < P0, rng.random(CHANGED) < p
            made = {OURS: _Ours(chart)} | {words: RiverDetector(name) for name, words in OTHERS.items()}
            for words, detector in made.items():
                found.setdefault((words, p), []).append(_delay(detector, clean, changed))
    return found


def _delay(detector: _Ours | RiverDetector, clean: NDArray[np.bool_], changed: NDArray[np.bool_]) -> tuple[float, int]:
    false = sum(detector.update(float(error)) for error in clean)
    for events, error in enumerate(changed, start=1):
        if detector.update(float(error)):
            return float(events), false
    return float("inf"), false
