"""How many windows pass until a lasting change is alerted? The whole system: windows, quality and charts.

`System.alerts` does what `pegel.judge.judge.judge` with a chart_state does, on all streams at once; `delay_check`
compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from benchmarks.accuracy import ours, streams
from benchmarks.accuracy.at_once import Flags, Judged
from benchmarks.accuracy.charts import deviations, fold, limits_of, of_squares
from benchmarks.accuracy.ours import Watched
from numpy.typing import NDArray

from pegel.detect.siegmund import ChartLimits
from pegel.judge.budget import divide
from pegel.judge.chart_state import WindowSizes
from pegel.judge.layer_table import LAYERS
from pegel.judge.layers import single_windows
from pegel.judge.layers.charts import Charts
from pegel.judge.layers.single_windows import SingleWindows
from pegel.spec.monitor_spec import FalseAlarms, MonitorSpec
from pegel.stats import hypergeometric
from pegel.stats.layout import NumericLayout

N, M, MARGIN = 200, 50_000, 0.02
START = datetime(2026, 7, 1, tzinfo=UTC)
STEP = timedelta(seconds=15)
BUDGETS = {"one false alarm in 1,000 windows": 40.32, "one false alarm a week, windows of 15 s": 1.0}
"""Budgets, as false alarms per week of windows of 15 s."""
CHANGES = ("mean .05 sigma", "mean .1 sigma", "mean .2 sigma", "mean .5 sigma", "scale 1.05", "scale 1.1", "scale 1.25")
CHANGED = "normal"
Counts = NDArray[np.int64]


def spec_of(per_week: float) -> MonitorSpec:
    """Return a monitor with windows of 15 s and so many false alarms a week."""
    document = {
        "model": {"name": "ten", "uri": "file:///models/ten"},
        "baseline": {"source": "x"},
        "windowing": {"length": "15s"},
        "watch": {"long_spans": []},
        "false_alarms": {"count": per_week, "per": "week"},
    }
    return MonitorSpec.parse(document)


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels of the drift and of the quality of a feature; false alarms per window of all charts, and of all layers."""

    drift: float
    quality: float
    charts: float
    alpha: float


def levels_of(per_week: float, *, windows_alone: bool = False) -> Levels:
    """Return the levels of ten features."""
    shares = {entry.layer.name: entry.share for entry in LAYERS if entry.share is None or not windows_alone}
    budget = divide(FalseAlarms(count=per_week), spec_of(per_week).windowing.step, shares)
    single = single_windows.Levels.of(budget.of(SingleWindows.name), len(streams.FEATURES))
    return Levels(single.drift, single.quality, budget.of(Charts.name), budget.alpha)


@dataclass(frozen=True)
class Stretch:
    """One feature over time, judged: p-values, deviations and quality, each of shape (windows of all streams, ...)."""

    judged: Judged
    z: NDArray[np.float64]
    quality: NDArray[np.float64]

    @classmethod
    def of(cls, watched: Watched, windows: Counts) -> Stretch:
        """Judge windows, given as counts of shape (windows, cells)."""
        judged = ours.judge(watched, windows)
        return cls(judged, deviations(judged), _quality(watched, windows))


def _quality(watched: Watched, windows: Counts) -> NDArray[np.float64]:
    """Return p over the quality tests of one feature: values beyond those of training. Nulls do not occur."""
    layout, b = watched.layout, watched.baseline
    if not isinstance(layout, NumericLayout):
        tests, beyond = 3, [(windows[:, -1], layout.vocabulary.singletons)]
    elif layout.discrete:
        tests, beyond = 4, [(windows[:, ~layout.points].sum(axis=1), int((b[layout.points] == 1).sum()))]
    else:
        tests, beyond = 5, [(windows[:, 0], int(b[0])), (windows[:, -1], int(b[-1]))]
    found = np.ones(len(windows))
    for seen, before in beyond:
        values, place = np.unique(seen, return_inverse=True)
        p = [hypergeometric.upper(int(x), int(windows[0].sum()), before, int(b.sum())) for x in values]
        found = np.minimum(found, tests * np.array(p)[place])
    return found


@dataclass(frozen=True)
class System:
    """A model of ten features, its baseline, and one budget."""

    watched: Mapping[str, Watched]
    levels: Levels
    usual: int

    def limits(self, judged: Judged) -> list[ChartLimits]:
        """Return the limits of the charts of one feature."""
        charts = sum(2 if name == "binary" else 1 if name in streams.CATEGORICAL else 4 for name in self.watched)
        rate = self.levels.charts / charts
        return [limits_of(self.usual, M, rate, squares=squares) for squares in of_squares(judged)]

    def windows(self, stretch: Stretch) -> Flags:
        """Say which windows of a feature alert by themselves."""
        return stretch.judged.flags(self.levels.drift, MARGIN) | (stretch.quality < self.levels.quality)

    def alerts(self, stretch: Stretch, streams_: int) -> Flags:
        """Say which windows of a feature alert, by themselves or in a chart; shape (windows, streams)."""
        z = stretch.z.reshape(-1, streams_, stretch.z.shape[1])
        charted = fold(z, self.limits(stretch.judged), MARGIN * (N * M / (N + M)) ** 0.5).any(axis=-1)
        return charted | self.windows(stretch).reshape(-1, streams_)


def usual_size() -> int:
    """Return how many rows the library takes a usual window of 200 rows to have."""
    return WindowSizes().plus(N, START).usual


@dataclass(frozen=True)
class Plan:
    """How much is drawn: `streams` per baseline, each of `windows` windows."""

    seed: int
    streams: int
    windows: int


Found = dict[tuple[str, str, str], NDArray[np.float64]]
"""By budget, layers and change: windows until the first alert of each stream, infinite if there was none."""


def one_baseline(task: tuple[Plan, int]) -> Found:
    """Return the delays of all streams of one baseline."""
    plan, number = task
    rng = np.random.default_rng([plan.seed, number])
    rows = streams.draw(rng, M)
    watched = {name: Watched.of(streams.field(name), rows[name]) for name in streams.FEATURES}
    count, found = plan.streams * plan.windows, {}
    others = [
        Stretch.of(one, one.draw(rng, streams.FEATURES[name], N, count))
        for name, one in watched.items()
        if name != CHANGED
    ]
    one = watched[CHANGED]
    changed = {change: Stretch.of(one, one.draw(rng, streams.CHANGES[change][1], N, count)) for change in CHANGES}
    for words, per_week in BUDGETS.items():
        system = System(watched, levels_of(per_week), usual_size())
        alone = System(watched, levels_of(per_week, windows_alone=True), N)
        rest = np.any([system.alerts(other, plan.streams) for other in others], axis=0)
        for change, stretch in changed.items():
            found[words, "whole", change] = first(rest | system.alerts(stretch, plan.streams))
            found[words, "windows", change] = _gaps(alone.windows(stretch))
    return found


def first(alerts: Flags) -> NDArray[np.float64]:
    """Return the 1-based number of the first alert along the first axis; infinite without one."""
    return np.where(alerts.any(axis=0), alerts.argmax(axis=0) + 1.0, np.inf)


def _gaps(flags: Flags) -> NDArray[np.float64]:
    """Return the windows to wait from any window on; windows alone have no past, so that any may be the first."""
    places = np.flatnonzero(flags)
    if places.size == 0:
        return np.full(flags.size, np.inf)
    round_again = np.append(places, places[0] + flags.size)
    starts = np.arange(flags.size)
    return np.asarray(round_again[np.searchsorted(places, starts)] - starts + 1.0, dtype=np.float64)
