"""TrustyAI: its tests of means and of Kolmogorov and Smirnov, at its own threshold, on each window and the reference.

The Java classes are those that its service runs, out of its published Python package, which hands rows over one value
at a time: that cost is counted apart, as `hand_s`, because the service does not have it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from benchmarks.stream.contenders.event_windows import contend
from trustyai.initializer import init

init()

import trustyai.model  # noqa: E402, F401  before the next, which needs it whole
from org.kie.trustyai.metrics.drift.kstest import KSTest  # noqa: E402  after the JVM
from org.kie.trustyai.metrics.drift.meanshift import Meanshift  # noqa: E402
from trustyai.utils.data_conversions import numpy_to_trusty_dataframe  # noqa: E402

THRESHOLD = 0.05


def frame(rows: np.ndarray) -> Any:
    """Return rows as TrustyAI holds them."""
    names = [f"x-{number}" for number in range(rows.shape[1])]
    return numpy_to_trusty_dataframe(rows, no_outputs=True, feature_names=names)


def start(reference: np.ndarray) -> Callable[[Any], dict[str, list[int]]]:
    """Take the reference."""
    known = frame(reference)
    means, distances = Meanshift(known), KSTest()

    def judge(now: Any) -> dict[str, list[int]]:
        results = {
            "means": means.calculate(now, THRESHOLD),
            "distances": distances.calculate(known, now, THRESHOLD),
        }
        return {
            name: [int(str(column).rpartition("-")[2]) for column in found if found[column].isReject()]
            for name, found in results.items()
        }

    return judge


if __name__ == "__main__":
    contend(start, frame)
