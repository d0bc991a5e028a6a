"""Small changes that last: deviations of one window after another are added up until they exceed a limit.

Source: E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scipy.special import ndtri

from pegel.detect.drift import drift_tests
from pegel.detect.protocol import Evidence
from pegel.detect.ranks import Counts, RankStatistic
from pegel.detect.siegmund import Limits
from pegel.layout import FieldLayout
from pegel.stats import tails
from pegel.stats.dispersion import Dispersion

RELEVANT_Z = 2.326
"""The mean of the run must exceed the margin at one percent."""


@dataclass(slots=True)
class Chart:
    """A one-sided chart: `level`, and length and sum of the run since the level was last 0."""

    level: float = 0.0
    length: int = 0
    total: float = 0.0

    def step(self, z: float, limits: Limits, margin: float = 0.0) -> bool:
        """Add one window and say whether the chart alarms; an alarm starts it again at 0.

        Args:
            z: Deviation of the window in the chart's direction, a standard normal value if nothing has changed.
            limits: Allowance and limit. One window counts at most half the limit, so that none alarms alone.
            margin: Smallest change that matters, times the square root of the effective number of rows.

        >>> chart = Chart()
        >>> [chart.step(3.0, Limits(k=0.5, h=8.0)) for _ in range(4)]
        [False, False, False, True]
        """
        z = max(-limits.h / 2, min(limits.h / 2, z))
        self.level = max(0.0, self.level + z - limits.k)
        if self.level == 0.0:
            self.length, self.total = 0, 0.0
            return False
        self.length += 1
        self.total += z
        root = math.sqrt(self.length)
        if self.level <= limits.h or self.total / root - margin * root < RELEVANT_Z:
            return False
        self.level, self.length, self.total = 0.0, 0, 0.0
        return True


@dataclass(frozen=True, slots=True)
class Alarm:
    """A chart that alarmed: `direction` is `up`, `down` or `any`; the change began about `length` windows ago."""

    feature: str
    test: str
    direction: str
    level: float
    length: int


class Charts:
    """The charts of all fields of one monitor: a fold over final windows in time order, so a replay gives the same."""

    def __init__(self) -> None:
        """Start every chart at 0; charts come into being with the first window of their field."""
        self._charts: dict[tuple[str, str, str], Chart] = {}

    def step(
        self,
        field: FieldLayout,
        baseline: Counts,
        window: Counts,
        limits: Limits,
        margin: float,
        *,
        dispersion: Dispersion | None = None,
    ) -> list[Alarm]:
        """Add one final window of one field. A window without a verdict is not added at all.

        Args:
            field: The field and its cells.
            baseline: Counts of the baseline.
            window: Counts of the window.
            limits: Allowance and limit of each chart.
            margin: Smallest change that matters, in standard deviations.
            dispersion: How much more clean windows vary than independent rows would.
        """
        n, m = int(window.sum()), int(baseline.sum())
        delta = margin * math.sqrt(n * m / (n + m))
        alarms = []
        for test, direction, z in deviations(drift_tests(field, baseline, window, dispersion)):
            key = (field.field.name, test, direction)
            chart = self._charts.setdefault(key, Chart())
            before = chart.length
            level = chart.level
            if chart.step(z, limits, delta):
                alarms.append(Alarm(*key, level=level + min(z, limits.h / 2) - limits.k, length=before + 1))
        return alarms

    def snapshot(self) -> list[dict[str, Any]]:
        """Return the state as plain JSON."""
        return [
            {"key": list(key), "level": chart.level.hex(), "length": chart.length, "total": chart.total.hex()}
            for key, chart in sorted(self._charts.items())
        ]

    @classmethod
    def restore(cls, items: Iterable[Mapping[str, Any]]) -> Charts:
        """Return charts in the state that `snapshot` wrote."""
        charts = cls()
        for item in items:
            feature, test, direction = item["key"]
            state = Chart(float.fromhex(item["level"]), item["length"], float.fromhex(item["total"]))
            charts._charts[feature, test, direction] = state  # its own constructor
        return charts


def deviations(tests: Iterable[Evidence]) -> list[tuple[str, str, float]]:
    """Return test, direction and deviation per chart: two for each rank or binary test, one for shape of categories.

    Shape is charted only where it is the only test; numbers are charted for location and scale.
    """
    tests = list(tests)
    found = []
    for test in tests:
        ranks = test if isinstance(test, RankStatistic) else getattr(test, "ranks", None)
        if ranks is not None:
            found += [
                (test.name, "up", _normal(ranks.tail(1))),
                (test.name, "down", _normal(ranks.tail(-1))),
            ]
        elif len(tests) == 1:
            found.append((test.name, "any", _normal(test.p_value)))
    return found


def _normal(p: float) -> float:
    """Return the standard normal value whose upper tail is `p`."""
    return -float(ndtri(min(max(p, tails.FLOOR), 1 - 1e-16)))
