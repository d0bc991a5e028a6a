"""From "one false alarm per week" to the level of each single test, with the arithmetic shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from pegel.spec import FalseAlarms, Windowing

DRIFT_SHARE = 0.8
"""Part of the window layer's budget for changed distributions."""
QUALITY_SHARE = 0.2
"""Part of the window layer's budget for nulls, unseen values, exceeded ranges and the outlier rate."""
CAP = 0.05
"""No window is judged at a higher level than this in all, however few windows there are."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels at which one window is judged.

    `alpha_drift` and `alpha_quality` are per window over all features; `drift` and `quality` per feature, after Šidák's
    correction. `expected_per_day`: false alarms per day if nothing ever changes.
    """

    drift: float
    quality: float
    alpha_drift: float
    alpha_quality: float
    features: int
    windows_per_day: float
    asked_per_day: float

    @property
    def alpha_window(self) -> float:
        """Return the probability that a window without any change gives a finding."""
        return self.alpha_drift + self.alpha_quality

    @property
    def expected_per_day(self) -> float:
        """Return how many false alarms per day to expect if nothing ever changes."""
        return self.alpha_window * self.windows_per_day

    def describe(self) -> str:
        """Return the arithmetic for people."""
        shares = f"{DRIFT_SHARE:.0%} for drift, {QUALITY_SHARE:.0%} for data quality"
        text = (
            f"With these settings expect {self.expected_per_day:.2g} false alarms per day: "
            f"{self.windows_per_day:g} windows a day, each judged at {self.alpha_window:.2g} in all ({shares}), "
            f"which is {self.drift:.2g} for the drift and {self.quality:.2g} for the quality of each of "
            f"{self.features} features. Only single windows are judged; they have the whole budget."
        )
        if self.expected_per_day < self.asked_per_day * (1 - 1e-9):
            text += f" A window is never judged at more than {CAP:g}, so fewer are expected than asked for."
        return text


def sidak(alpha: float, tests: int) -> float:
    """Return the level per test at which any of `tests` independent ones is flagged with probability `alpha`."""
    return -math.expm1(math.log1p(-alpha) / max(tests, 1))


def levels(false_alarms: FalseAlarms, windowing: Windowing, features: int) -> Levels:
    """Divide a false-alarm budget among windows, kinds of finding and features.

    Args:
        false_alarms: What the user asked for, per model.
        windowing: One window is judged per step, so its step gives the number of windows.
        features: Number of judged fields, predictions included.
    """
    windows = false_alarms.period / windowing.step
    alpha = min(CAP, false_alarms.count / windows)
    day = timedelta(days=1)
    drift, quality = DRIFT_SHARE * alpha, QUALITY_SHARE * alpha
    return Levels(
        drift=sidak(drift, features),
        quality=sidak(quality, features + 1),  # the outlier rate is one more
        alpha_drift=drift,
        alpha_quality=quality,
        features=features,
        windows_per_day=day / windowing.step,
        asked_per_day=false_alarms.count * (day / false_alarms.period),
    )
