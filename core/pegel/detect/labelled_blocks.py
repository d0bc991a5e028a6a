"""What charts over labelled events saw of late, block by block: kept to say when a change began.

A chart over labelled events has no windows, so its events are looked at in blocks of equal numbers. Once a chart has
alarmed and sixteen blocks together look as in training again, what was before these is forgotten: the next change is
another one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pegel.data.instants import EPOCH, MICROSECOND
from pegel.data.spans import Span
from pegel.detect.cusum import RECOVERED_Z, RECOVERY, REMEMBERED
from pegel.detect.recent_deviations import DeviationSeries, RecentDeviations

Times = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class LabelledBlocks:
    """Deviations of full blocks by chart; `alarmed`: charts that alarmed and do not look as in training again.

    `since`: when the first event of the block that is not full was, microseconds since the epoch, UTC; None where that
    has no event.
    """

    recent: RecentDeviations = field(default_factory=RecentDeviations)
    alarmed: frozenset[str] = frozenset()
    since: int | None = None

    def plus(self, span: Span, deviations: Mapping[str, float]) -> LabelledBlocks:
        """Return these with one more block; `deviations`: by chart, as they are upwards."""
        recent = self.recent.plus(span, {("", chart): z for chart, z in deviations.items()})
        back = frozenset(chart for chart in self.alarmed if _is_back(recent.of(("", chart))))
        forgotten = recent.forgetting({("", chart) for chart in back}, REMEMBERED)
        return LabelledBlocks(forgotten, self.alarmed - back)

    def with_alarm(self, chart: str) -> LabelledBlocks:
        """Return these after a chart alarmed."""
        return replace(self, alarmed=self.alarmed | {chart})

    def of(self, chart: str, *, falling: bool = False) -> DeviationSeries:
        """Return what a chart saw; `falling`: the one downwards, with the other sign."""
        return self.recent.of(("", chart), falling=falling)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {"recent": self.recent.to_json(), "alarmed": sorted(self.alarmed), "since": self.since}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(RecentDeviations.from_json(data["recent"]), frozenset(data["alarmed"]), data["since"])


def block_span(first: int, last: int) -> Span:
    """Return the span of a block, from its first event to its last, given in microseconds since the epoch."""
    return Span(EPOCH + first * MICROSECOND, EPOCH + (last + 1) * MICROSECOND)


def microseconds(times: Times) -> NDArray[np.int64]:
    """Return instants as microseconds since the epoch."""
    return times.astype("datetime64[us]").astype(np.int64)


def _is_back(series: DeviationSeries) -> bool:
    newest = series.z[-RECOVERY:]
    return newest.size == RECOVERY and abs(float(newest.sum())) / math.sqrt(RECOVERY) < RECOVERED_Z
