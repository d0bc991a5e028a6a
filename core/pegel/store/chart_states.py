"""What each monitor remembers of its final windows, from the results database: a restart goes on where it stood."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from pegel.judge.chart_state import ChartState
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.results import Results


@dataclass(slots=True)
class ChartStates:
    """The chart_state each final window left, by monitor. What is in the process is only a copy of what is stored."""

    results: Results
    _known: dict[str, tuple[datetime, ChartState]] = field(default_factory=dict)

    def before(self, spec: MonitorSpec, baseline_id: str, start: datetime) -> ChartState:
        """Return what the windows before `start` left.

        A window that is judged again after a restart is judged as it was: with what was left before it.
        """
        known = self._known.get(spec.key)
        if known is not None and known[0] < start:
            return known[1]
        row = self.results.last_final(spec.model.name, spec.model.version, start)
        stored = None if row is None else row.judgement.get("chart_state")
        return ChartState(baseline_id) if stored is None else ChartState.from_json(stored)

    def keep(self, key: str, start: datetime, chart_state: ChartState) -> None:
        """Take over what a final window left."""
        self._known[key] = (start, chart_state)

    def forget(self, keys: set[str]) -> None:
        """Let go of monitors that are not among `keys`."""
        self._known = {key: known for key, known in self._known.items() if key in keys}
