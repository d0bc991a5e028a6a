"""From "one false alarm per week" to the level of each single test, with the arithmetic shown."""

from __future__ import annotations

import math
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from pegel.spec.monitor_spec import FalseAlarms, Windowing


class Layer(StrEnum):
    """Who may raise an alarm: single windows, charts over windows, tests of several fields at once."""

    WINDOW = "window"
    CUSUM = "cusum"
    MULTIVARIATE = "multivariate"


SHARES = {Layer.CUSUM: 0.4, Layer.MULTIVARIATE: 0.1}
"""Part of the budget of each layer that runs; single windows have what is left."""
WINDOWS_ALONE = frozenset({Layer.WINDOW})
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
    correction. `alpha_cusum`: alarms per window of all charts together, to be divided by their number;
    `alpha_multivariate`: level of the multivariate tests per window; both 0 where the layer does not run.
    """

    drift: float
    quality: float
    alpha_drift: float
    alpha_quality: float
    features: int
    windows_per_day: float
    asked_per_day: float
    alpha_cusum: float = 0.0
    alpha_multivariate: float = 0.0

    @property
    def alpha_window(self) -> float:
        """Return the probability that a window without any change gives a finding."""
        return self.alpha_drift + self.alpha_quality

    @property
    def alpha(self) -> float:
        """Return the false alarms per window of all layers together."""
        return self.alpha_window + self.alpha_cusum + self.alpha_multivariate

    @property
    def share_drift(self) -> float:
        """Return the part of the whole budget that goes to changed distributions in single windows."""
        return self.alpha_drift / self.alpha

    @property
    def share_quality(self) -> float:
        """Return the part of the whole budget that goes to data quality in single windows."""
        return self.alpha_quality / self.alpha

    @property
    def expected_per_day(self) -> float:
        """Return how many false alarms per day to expect if nothing ever changes."""
        return self.alpha * self.windows_per_day

    def describe(self) -> str:
        """Return the arithmetic for people."""
        shares = f"{DRIFT_SHARE:.0%} for drift, {QUALITY_SHARE:.0%} for data quality"
        text = (
            f"With these settings expect {self.expected_per_day:.2g} false alarms per day: "
            f"{self.windows_per_day:g} windows a day, each judged at {self.alpha_window:.2g} in all ({shares}), "
            f"which is {self.drift:.2g} for the drift and {self.quality:.2g} for the quality of each of "
            f"{self.features} features; {self.others}."
        )
        if self.expected_per_day < self.asked_per_day * (1 - 1e-9):
            text += f" A window is never judged at more than {CAP:g}, so fewer are expected than asked for."
        return text

    @property
    def others(self) -> str:
        """Return what the layers beside single windows have, for people."""
        shares = {"charts over windows": self.alpha_cusum, "tests of several features": self.alpha_multivariate}
        named = [f"{name} have {alpha:.2g} per window" for name, alpha in shares.items() if alpha > 0]
        return " and ".join(named) if named else "only single windows are judged, with the whole budget"


def sidak(alpha: float, tests: int) -> float:
    """Return the level per test at which any of `tests` independent ones is flagged with probability `alpha`."""
    return -math.expm1(math.log1p(-alpha) / max(tests, 1))


def levels(
    false_alarms: FalseAlarms,
    windowing: Windowing,
    features: int,
    layers: AbstractSet[Layer] = WINDOWS_ALONE,
    *,
    rates: int = 1,
) -> Levels:
    """Divide a false-alarm budget among layers, windows, kinds of finding and features.

    Args:
        false_alarms: What the user asked for, per model.
        windowing: One window is judged per step, so its step gives the number of windows.
        features: Number of judged fields, predictions included.
        layers: Those that run; the share of the others goes to single windows.
        rates: Rates that are tested beside the fields: that of outliers, and that of wrong answers if it is known.
    """
    day = timedelta(days=1)
    alpha = min(CAP, false_alarms.count / (false_alarms.period / windowing.step))
    others = {layer: share * alpha if layer in layers else 0.0 for layer, share in SHARES.items()}
    window = alpha - sum(others.values())
    drift, quality = DRIFT_SHARE * window, QUALITY_SHARE * window
    return Levels(
        drift=sidak(drift, features),
        quality=sidak(quality, features + rates),
        alpha_drift=drift,
        alpha_quality=quality,
        features=features,
        windows_per_day=day / windowing.step,
        asked_per_day=false_alarms.count * (day / false_alarms.period),
        alpha_cusum=others[Layer.CUSUM],
        alpha_multivariate=others[Layer.MULTIVARIATE],
    )
