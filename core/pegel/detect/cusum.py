"""Small changes that last: deviations of one window after another are added up until they exceed a limit.

Source: E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from scipy.special import ndtri

from pegel.detect.binary import BinaryTest
from pegel.detect.detector import Evidence
from pegel.detect.ranks import RankStatistic
from pegel.detect.shape import ShapeStatistic
from pegel.detect.siegmund import ChartLimits
from pegel.stats import tails
from pegel.stats.dispersion import Dispersion

RELEVANT_Z = 2.326
"""The mean of the run must exceed the margin at one percent."""
RECOVERY = 16
"""After an alarm, so many windows are looked at together …"""
RECOVERED_Z = 2.58
"""… and the chart has recovered when their mean is not surprising any more."""
REMEMBERED = RECOVERY // 2
"""Of these, so many are remembered: among the older ones there may still be changed ones."""

Key = tuple[str, str, str]
"""Field, test and direction (`up`, `down`, `any`) of a chart."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A one-sided chart: `level`, and length, sum and begin of the run since the level was last 0.

    `recent`: the newest deviations since the last alarm, at most 16; None when the chart has recovered from it.
    """

    level: float = 0.0
    length: int = 0
    total: float = 0.0
    since: datetime | None = None
    recent: tuple[float, ...] | None = None

    @property
    def drifting(self) -> bool:
        """Say whether the chart alarmed and has not recovered."""
        return self.recent is not None

    def step(self, z: float, limits: ChartLimits, start: datetime | None = None) -> Chart:
        """Return the chart with one more window; if it `alarms`, it goes on `restarted`.

        Args:
            z: Deviation of the window in the chart's direction, a standard normal value if nothing has changed; NaN if
                it has none, which leaves the chart as it is.
            limits: Allowance and limit. One window counts at most half the limit, so that none alarms alone.
            start: When the window begins.

        >>> chart, limits = Chart(), ChartLimits(k=0.5, h=8.0)
        >>> for _ in range(4):
        ...     chart = chart.step(3.0, limits)
        ...     print(chart.level, chart.alarms(limits))
        2.5 False
        5.0 False
        7.5 False
        10.0 True
        """
        if math.isnan(z):
            return self  # a window without a deviation says nothing; a comparison with NaN would make it the largest
        z = max(-limits.h / 2, min(limits.h / 2, z))
        level = max(0.0, self.level + z - limits.k)
        recent = None if self.recent is None else (*self.recent, z)[-RECOVERY:]
        if recent is not None and len(recent) == RECOVERY and abs(sum(recent)) / math.sqrt(RECOVERY) < RECOVERED_Z:
            return Chart()
        if level == 0.0:
            return Chart(recent=recent)
        since = self.since if self.length else start
        return Chart(level, self.length + 1, self.total + z, since, recent)

    def alarms(self, limits: ChartLimits, margin: float = 0.0) -> bool:
        """Say whether the level exceeds the limit, by a change that matters.

        `margin`: smallest change that matters, times the square root of the effective number of rows.
        """
        return self.level > limits.h and self.relevance(margin) >= RELEVANT_Z

    def relevance(self, margin: float) -> float:
        """Return how far the mean of the run lies beyond the margin, a standard normal value if it does not."""
        root = math.sqrt(max(self.length, 1))
        return self.total / root - margin * root

    def restarted(self) -> Chart:
        """Return the chart as it goes on after an alarm."""
        return Chart(recent=() if self.recent is None else self.recent)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "level": self.level.hex(),
            "length": self.length,
            "total": self.total.hex(),
            "since": None if self.since is None else self.since.isoformat(),
            "recent": None if self.recent is None else [z.hex() for z in self.recent],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Chart:
        """Read what `to_json` wrote."""
        since, recent = data["since"], data["recent"]
        return cls(
            float.fromhex(data["level"]),
            data["length"],
            float.fromhex(data["total"]),
            None if since is None else datetime.fromisoformat(since),
            None if recent is None else tuple(float.fromhex(z) for z in recent),
        )


def deviations(tests: Iterable[Evidence], dispersion: Dispersion | None = None) -> list[tuple[str, str, float]]:
    """Return test, direction and deviation per chart: two for each rank or binary test, one for shape of categories.

    Numbers are charted for location and scale, categories for shape. Where windows are known to resemble the ones
    before them, `dispersion` makes the deviations smaller.
    """
    tests = list(tests)
    ranked = any(isinstance(test, RankStatistic) for test in tests)
    found = []
    for test in tests:
        if isinstance(test, RankStatistic):
            longer = 1.0 if dispersion is None else dispersion.long_factor(test.name)
            if longer > 1:
                test = replace(test, factor=test.factor * longer, one_sided=None)  # noqa: PLW2901  of a wider law
        if isinstance(test, RankStatistic | BinaryTest):
            found += [(test.name, word, _normal(test.tail(sign))) for word, sign in (("up", 1), ("down", -1))]
        elif isinstance(test, ShapeStatistic) and not ranked:
            found.append((test.name, "any", _normal(test.centred_p)))
    return found


def _normal(p: float) -> float:
    """Return the standard normal value whose upper tail is `p`."""
    return math.nan if math.isnan(p) else -float(ndtri(min(max(p, tails.FLOOR), 1 - 1e-16)))
