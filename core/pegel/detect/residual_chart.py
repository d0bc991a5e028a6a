"""Have a regressor's residuals moved, or spread? Charts over blocks of labelled events, in the order of events.

Every block has the same number of events, however many come in an hour, and is compared by ranks with the residuals of
training: location of the residuals, up and down, and of their distances from 0, up. What blocks deviate is added up
by the charts of `pegel.detect.cusum`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from pegel.detect.cusum import Chart
from pegel.detect.labelled_blocks import LabelledBlocks, Times, block_span, microseconds
from pegel.detect.ranks import midranks, standardise
from pegel.detect.recent_deviations import DeviationSeries
from pegel.detect.siegmund import FULL, LEAST, ChartLimits
from pegel.detect.siegmund import limits as chart_limits
from pegel.stats import tails
from pegel.stats.relative_cells import RelativeCells, aligned

SMALLEST_BLOCK, LARGEST_BLOCK = 50, 200
UP, DOWN, WIDER = "residuals up", "residuals down", "errors up"
CHARTS = (UP, DOWN, WIDER)


def block_size(rows: int) -> int | None:
    """Return how many events a block has for so many labelled rows of training; None where these are too few."""
    size = min(LARGEST_BLOCK, max(SMALLEST_BLOCK, rows // FULL))
    return size if rows >= LEAST * size else None


def limits(rows: int, rate: float) -> ChartLimits | None:
    """Return the limits of each chart for `rate` alarms per labelled event of all of them; None without charts."""
    size = block_size(rows)
    return None if size is None or rate <= 0 else chart_limits(size, rows, rate * size / len(CHARTS))


@dataclass(frozen=True, slots=True)
class ResidualState:
    """The charts after some events, the residuals of the block that is not full, and what the charts saw of late."""

    charts: Mapping[str, Chart] = field(default_factory=dict)
    open: tuple[float, ...] = ()
    blocks: LabelledBlocks = field(default_factory=LabelledBlocks)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "charts": {name: chart.to_json() for name, chart in self.charts.items()},
            "open": [residual.hex() for residual in self.open],
            "blocks": self.blocks.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ResidualState:
        """Read what `to_json` wrote."""
        charts = {name: Chart.from_json(chart) for name, chart in data["charts"].items()}
        open_block = tuple(float.fromhex(residual) for residual in data["open"])
        return cls(charts, open_block, LabelledBlocks.from_json(data["blocks"]))


@dataclass(frozen=True, slots=True)
class ResidualAlarm:
    """The event `at` which a chart alarmed, by its position; the chart before its block, the block's z, and after.

    `seen`: the deviations that the chart saw of late, this block's included.
    """

    chart: str
    at: int
    before: Chart
    z: float
    after: Chart
    seen: DeviationSeries


def follow(
    state: ResidualState,
    residuals: NDArray[np.float64],
    training: RelativeCells,
    limits: ChartLimits,
    factors: Mapping[str, float],
    *,
    times: Times,
) -> tuple[ResidualState, list[ResidualAlarm]]:
    """Return the charts after further events, in their order, and their alarms; after each a chart goes on from 0.

    `training`: residuals of the labelled rows of training, enough for a block. `factors`: by chart, how much more the
    rank sums of blocks vary than those of independent rows; 1 where nothing is said. `times`: of the events, shape as
    `residuals`, UTC.
    """
    size = block_size(training.n)
    if size is None:
        raise ValueError("expected training rows enough for a block, given fewer: nothing was charted.")
    values = np.concatenate([np.array(state.open), residuals])
    taken, charts, blocks = len(state.open), dict(state.charts), state.blocks
    instants = np.concatenate([np.repeat(blocks.since or 0, taken), microseconds(times)])
    alarms = []
    full = values.size // size * size
    for start in range(0, full, size):
        found = deviations(values[start : start + size], training, factors)
        entered = {name: max(-limits.h / 2, min(limits.h / 2, found[name])) for name in (UP, WIDER)}
        blocks = blocks.plus(block_span(int(instants[start]), int(instants[start + size - 1])), entered)
        for name, z in found.items():
            before = charts.get(name, Chart())
            after = before.step(z, limits)
            alarm = after.alarms(limits)
            if alarm:
                kept = UP if name == DOWN else name
                seen = blocks.of(kept, falling=name == DOWN)
                alarms.append(ResidualAlarm(name, start + size - 1 - taken, before, z, after, seen))
                blocks = blocks.with_alarm(kept)
            charts[name] = Chart() if alarm else after
    since = int(instants[full]) if full < instants.size else None
    return ResidualState(charts, tuple(values[full:].tolist()), replace(blocks, since=since)), alarms


def deviations(block: NDArray[np.float64], training: RelativeCells, factors: Mapping[str, float]) -> dict[str, float]:
    """Return by chart what a block deviates, a standard normal value if nothing has changed."""
    now = RelativeCells()
    now.update(block)
    found = {}
    for charts, first, last in (((UP, DOWN), training, now), ((WIDER,), training.magnitudes(), now.magnitudes())):
        before, after = aligned(first.cells, last.cells)
        z, skewness = standardise(before, after, midranks(before, after))
        for name in charts:
            sign, root = (-1 if name == DOWN else 1), factors.get(name, 1.0) ** 0.5
            p = float(tails.upper(sign * z / root, sign * skewness * root))
            found[name] = -float(ndtri(min(max(p, tails.FLOOR), 1 - 1e-16)))
    return found
