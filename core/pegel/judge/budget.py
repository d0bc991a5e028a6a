"""From "one false alarm per week" to what each layer of tests may spend on one window."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from pegel.spec.monitor_spec import FalseAlarms

CAP = 0.05
"""No window is judged at a higher level than this in all, however few windows there are."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Budget:
    """How many false alarms each layer may raise per window.

    `alphas`: by name of the layer, those that run only. `asked_per_day`: what the user allows, which is more than
    `expected_per_day` where the cap on a single window binds. `scale`: by what all levels were multiplied, to keep the
    promise for most baselines instead of on average. `part`: which part of what such windows may spend this is, that of
    the whole or of a segment.
    """

    alphas: Mapping[str, float]
    windows_per_day: float
    asked_per_day: float
    scale: float = 1.0
    part: float = 1.0

    @property
    def alpha(self) -> float:
        """Return the false alarms per window of all layers together."""
        return sum(self.alphas.values())

    @property
    def expected_per_day(self) -> float:
        """Return how many false alarms per day to expect if nothing ever changes."""
        return self.alpha * self.windows_per_day

    @property
    def capped(self) -> bool:
        """Say whether fewer false alarms are expected than asked for, because no window may have more than the cap."""
        return self.expected_per_day < self.scale * self.asked_per_day * (1 - 1e-9)

    def of(self, layer: str) -> float:
        """Return what one layer may spend per window; 0 where it does not run."""
        return self.alphas.get(layer, 0.0)

    def scaled(self, scale: float) -> Budget:
        """Return the budget with all levels multiplied."""
        return replace(self, alphas={name: scale * alpha for name, alpha in self.alphas.items()}, scale=scale)

    def for_part(self, part: float) -> Budget:
        """Return a part of it: that of the whole, or of one segment."""
        alphas = {name: part * alpha for name, alpha in self.alphas.items()}
        return replace(self, alphas=alphas, asked_per_day=part * self.asked_per_day, part=part)

    def share(self, alpha: float) -> float:
        """Return which part of what such windows may spend a number of false alarms per window is."""
        return self.part * alpha / self.alpha


def divide(
    false_alarms: FalseAlarms, step: timedelta, shares: Mapping[str, float | None], *, part: float = 1.0
) -> Budget:
    """Divide a false-alarm budget among the layers that run.

    Args:
        false_alarms: What the user asked for, per model.
        step: From one judged span to the next: it gives their number.
        shares: The part of each layer that runs, by name; None for the one that has what the others leave.
        part: Of what the user asked for, what spans of this rhythm may spend, from 0 to 1.
    """
    alpha = min(CAP, part * false_alarms.count / (false_alarms.period / step))
    rest = alpha - sum(share * alpha for share in shares.values() if share is not None)
    return Budget(
        alphas={name: rest if share is None else share * alpha for name, share in shares.items()},
        windows_per_day=_DAY / step,
        asked_per_day=part * false_alarms.count * (_DAY / false_alarms.period),
    )


def sidak(alpha: float, tests: int) -> float:
    """Return the level per test at which any of `tests` independent ones is flagged with probability `alpha`."""
    return -math.expm1(math.log1p(-alpha) / max(tests, 1))
