"""One window beside its baseline, as all layers look at it: what several of them need is computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field
from pegel.data.spans import Span
from pegel.detect.cusum import REMEMBERED, Chart, Key
from pegel.detect.detector import Evidence
from pegel.detect.drift import too_few
from pegel.detect.recent_deviations import Place
from pegel.judge.chart_state import Carried, ChartState, WindowSizes
from pegel.judge.comparison import Comparison, compare, drift_family, idle_detectors
from pegel.judge.event_counts import SeenEvents
from pegel.judge.recent_crowds import RecentCrowds
from pegel.spec.minimums import MIN_WINDOW
from pegel.spec.monitor_spec import Watch
from pegel.stats.performance_counts import PerformanceCounts
from pegel.stats.summary import Summary

MAX_MERGE = 20
"""Values are carried over at most so many windows; then they are let go, unjudged."""


@dataclass(frozen=True, eq=False)
class JudgedWindow:
    """One window.

    `fields`: those that are judged. `chart_state`: what the windows before left for this baseline; None where windows
    are judged alone. `sizes`: of windows, this one included. `labelled`: answers beside the labels that are
    known; None without labels. `events`: what came of events since they were last judged; None where there are none, as
    in a table.
    """

    baseline: Baseline
    summary: Summary
    span: Span
    watch: Watch
    fields: tuple[Field, ...]
    chart_state: ChartState | None = None
    sizes: WindowSizes | None = None
    labelled: PerformanceCounts | None = None
    events: SeenEvents | None = None

    @cached_property
    def season(self) -> int | None:
        """Return the season in which the window lies as a whole."""
        return self.baseline.season(self.span.start, self.span.end)

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Return the two sides of each judged field."""
        carries = None if self.chart_state is None else self
        return compare(self.baseline, self.summary, self.fields, self.span, carries=carries)

    @cached_property
    def drift_evidence(self) -> dict[str, list[Evidence]]:
        """Return the tests of the distribution of each field that can be judged, by name."""
        idle = idle_detectors(self.baseline, self.watch.detectors)
        asked = [name for name in self.watch.detectors if name not in idle]
        return drift_family([pair for pair in self.comparisons if _large_enough(pair)], asked)

    def carried(self, name: str, season: int | None) -> Carried | None:
        """Return the values of one field from earlier windows of the same season."""
        carried = None if self.chart_state is None else self.chart_state.carried.get(name)
        return carried if carried is not None and carried.season == season else None

    def state_after(
        self, moved: Mapping[Key, Chart], deviations: Mapping[Place, float], crowds: RecentCrowds | None = None
    ) -> ChartState | None:
        """Return what the next window is judged with, when the layers moved some charts; None for a window alone.

        `deviations`: what entered the charts. Of a chart that has recovered, what was before it looked as in training
        again is forgotten: the next change is another one. `crowds`: what is remembered of rows.
        """
        if self.chart_state is None or self.sizes is None:
            return None
        left_over = {
            pair.name: carried
            for pair in self.comparisons
            if pair.name not in self.drift_evidence and (carried := self._left_over(pair)) is not None
        }
        charts = {**self.chart_state.charts, **moved}
        noticed = self.chart_state.noticed if self.events is None else self.events.noticed
        before = self.chart_state.charts
        recovered = {key[:2] for key, chart in moved.items() if key in before and before[key].drifting > chart.drifting}
        return ChartState(
            self.chart_state.baseline_id,
            self.sizes,
            charts,
            left_over,
            noticed,
            recent=self.chart_state.recent.plus(self.span, deviations).forgetting(recovered, REMEMBERED),
            crowds=crowds,
        )

    def _left_over(self, pair: Comparison) -> Carried | None:
        """Return the values of a field that were too few once more; None when there are none or they are too old."""
        if pair.why is not None or pair.by_season or not 0 < pair.n < MIN_WINDOW:
            return None
        before = self.carried(pair.name, self.season)
        windows = 1 if before is None else before.windows + 1
        if windows >= MAX_MERGE:
            return None
        cells = pair.judged.cells
        counts = {int(cell): int(cells[cell]) for cell in np.flatnonzero(cells)}
        return Carried(counts, windows, self.span.start if before is None else before.since, self.season)


def _large_enough(pair: Comparison) -> bool:
    return pair.why is None and too_few(pair.n, pair.m) is None
