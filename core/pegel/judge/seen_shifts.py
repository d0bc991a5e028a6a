"""How small a shift of one number is seen with given settings, at once and over windows: what a budget costs, in sigma.

Rows are taken to be independent, and the shift to be one of a normal value; windows that vary by themselves see less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from pegel.data.columns import Kind
from pegel.detect.combine import WEIGHTS
from pegel.detect.siegmund import ChartLimits, arl, limits
from pegel.judge.division import Division
from pegel.judge.layers.charts import Charts, charts_of, training_rows
from pegel.judge.layers.single_windows import Levels, SingleWindows
from pegel.spec.minimums import MIN_WINDOW
from pegel.spec.plain_numbers import plain

WINDOWS = 16
"""After so many windows a lasting shift is called seen."""
POWER = 0.8
"""How often a shift that is called seen at once is found by a single window."""
_CHARTS = {Kind.NUMERIC: 4, Kind.CATEGORICAL: 1}
"""Charts of a field of which only the kind is known."""
_WIDEST = 50.0
"""Standard deviations of a window's z, beyond which no shift is looked for."""


@dataclass(frozen=True, slots=True)
class SeenShifts:
    """The smallest shifts that are seen, in standard deviations of the field.

    `at_once`: found by one window in `POWER` of all cases. `lasting`: found within `WINDOWS` windows on average; None
    where no charts run, or they see nothing smaller than a single window does.
    """

    rows: int
    at_once: float
    lasting: float | None
    is_merged: bool = False
    """Whether `rows` are those of several windows, because one alone has too few to be judged."""

    @classmethod
    def of(cls, division: Division) -> Self | None:
        """Return what a divided budget sees; None where no number is judged, or numbers of rows are not known."""
        setting = division.setting
        n, m = max(setting.usual_rows, MIN_WINDOW), training_rows(setting)
        numbers = [field for field in setting.fields if field.kind is Kind.NUMERIC]
        if not m or not setting.usual_rows or not numbers:
            return None
        single = WEIGHTS["location"] * Levels.of(division.budget.of(SingleWindows.name), len(setting.fields)).drift
        unit = math.sqrt(1 / n + 1 / m)
        at_once = unit * float(ndtri(1 - single / 2) + ndtri(POWER))
        charts = _limits(division, n, m)
        lasting = None if charts is None else unit * _drift(charts)
        smaller = None if lasting is None or lasting >= at_once else lasting
        return cls(n, at_once, smaller, is_merged=n > setting.usual_rows)

    def words(self) -> str:
        """Return both in words."""
        by = "windows added up to" if self.is_merged else "one window of"
        once = f"a shift of a number by {plain(self.at_once, 2)} sigma is seen by {by} {self.rows:,} rows"
        if self.lasting is None:
            return once
        such = "times as many" if self.is_merged else "windows"
        return f"{once}, one of {plain(self.lasting, 2)} sigma within {WINDOWS} {such}"


def _limits(division: Division, n: int, m: int) -> ChartLimits | None:
    setting, alpha = division.setting, division.budget.of(Charts.name)
    if alpha <= 0:
        return None
    count = len(charts_of(setting)) or sum(_CHARTS[field.kind] for field in setting.fields)
    return limits(n, m, alpha / count)


def _drift(charts: ChartLimits) -> float:
    """Return the mean of a window's z at which a chart takes `WINDOWS` windows on average."""

    def excess(mean: float) -> float:
        return float(arl(np.array([mean - charts.k]), charts.h, 1.0)[0]) - WINDOWS

    return float(brentq(excess, 0.0, _WIDEST))
