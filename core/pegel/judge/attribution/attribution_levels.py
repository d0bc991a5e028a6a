"""What tests of explained rows may spend: a part of the model's budget of false alarms, in windows of their own."""

from __future__ import annotations

from typing import Final

from pegel.baseline.baseline import Baseline
from pegel.judge.budget import CAP
from pegel.judge.division import Division
from pegel.judge.layer import Setting
from pegel.judge.layers.attributions import AttributionTests
from pegel.spec.monitor_spec import DAY, MonitorSpec

FEWEST_ROWS: Final = 200
"""Explained rows of a window that is judged; fewer are judged with those of the next windows."""


def window_level(spec: MonitorSpec, baseline: Baseline | None) -> float:
    """Return how many false alarms one window of explained rows may raise; `baseline`: that of the model's rows."""
    budget = Division.of(Setting(spec, baseline)).budget
    return min(CAP, budget.of(AttributionTests.name) * budget.windows_per_day * (spec.attribution.window / DAY))


def expected_rows(spec: MonitorSpec) -> int:
    """Return how many explained rows a window has at the expected traffic, at least 1."""
    section = spec.attribution
    per_day = min(section.rows_per_minute * 24 * 60.0, spec.watch.rows_per_day)
    return max(1, round(per_day * (section.window / DAY)))
