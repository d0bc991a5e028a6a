"""Windows that are final, judged once more: by the current baseline, and by the rows of the new one.

What was stored of a window is counts in the cells of the baseline that it was judged by, so it meets the recount of the
new training data exactly. Odd events and the rate of outliers are left out on both sides: no stored count tells what
another baseline would have made of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.errors import LayoutMismatch
from pegel.judge.chart_state import ChartState
from pegel.judge.findings import ALARMING
from pegel.judge.judge import Judgement, judge
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary

LOOK_BACK = timedelta(days=7)
"""Windows of so long are replayed."""
MOST_REPLAYED = 10_080
"""At most so many, the newest: a week of minutes. Each is judged twice, which takes 20 ms of a core with 50 fields."""
MOST_EXAMPLES = 5
"""Windows that are named of each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One window of which current and new baseline do not think the same: its span, and which fields alarmed."""

    start: datetime
    end: datetime
    features: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {"start": self.start.isoformat(), "end": self.end.isoformat(), "features": list(self.features)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        start, end = datetime.fromisoformat(data["start"]), datetime.fromisoformat(data["end"])
        return cls(start=start, end=end, features=tuple(data["features"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedWindows:
    """What came of a replay, in windows.

    `windows`: judged twice. `other_cells`: not judged, because they were counted in the cells of an earlier baseline.
    `unreadable`: not judged, because what was stored of them cannot be read. `alarming_before`, `alarming_now`: by the
    current baseline and by the new one. `woken`: they alarm by the new one alone; `silenced`: by the current one alone.
    """

    windows: int = 0
    other_cells: int = 0
    unreadable: int = 0
    alarming_before: int = 0
    alarming_now: int = 0
    woken: int = 0
    silenced: int = 0
    woken_examples: tuple[Example, ...] = ()
    silenced_examples: tuple[Example, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        examples = ("woken_examples", "silenced_examples")
        return asdict(self) | {name: [one.to_json() for one in getattr(self, name)] for name in examples}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        examples = ("woken_examples", "silenced_examples")
        return cls(**{**data, **{name: tuple(Example.from_json(one) for one in data[name]) for name in examples}})


class Replay:
    """Judges windows of one model in order of time, by both baselines; holds two chart states and counts, no window."""

    def __init__(self, current: Baseline, recount: Baseline, spec: MonitorSpec) -> None:
        """Begin without a chart's past. Raises LayoutMismatch if the recount has other cells than the current one."""
        if recount.layout.layout_hash != current.layout.layout_hash:
            raise LayoutMismatch(
                f"expected new rows counted in the cells {current.layout.layout_hash[:12]} of the current baseline, "
                f"given cells {recount.layout.layout_hash[:12]}: no window was replayed."
            )
        self._sides = tuple(_Side(replace(one, outlier_cutoff=None), spec) for one in (current, recount))
        self._layout = current.layout
        self._found = ReplayedWindows()

    def see(self, span: Span, packed: bytes, layout_hash: str | None) -> None:
        """Judge one more window: what was stored of it, and in which cells. Windows without rows are passed over."""
        if layout_hash is None or not packed:
            return
        if layout_hash != self._layout.layout_hash:
            self._found = replace(self._found, other_cells=self._found.other_cells + 1)
            return
        try:
            summary = Summary.from_bytes(packed, self._layout)
        except LayoutMismatch:
            self._found = replace(self._found, unreadable=self._found.unreadable + 1)
            return
        before, now = (side.see(span, summary) for side in self._sides)
        self._count(span, before, now)

    def result(self) -> ReplayedWindows:
        """Return what came of the windows so far."""
        return self._found

    def _count(self, span: Span, before: Judgement, now: Judgement) -> None:
        found, was, is_now = self._found, before.verdict in ALARMING, now.verdict in ALARMING
        woken, silenced = is_now and not was, was and not is_now
        self._found = replace(
            found,
            windows=found.windows + 1,
            alarming_before=found.alarming_before + was,
            alarming_now=found.alarming_now + is_now,
            woken=found.woken + woken,
            silenced=found.silenced + silenced,
            woken_examples=_with(found.woken_examples, span, now) if woken else found.woken_examples,
            silenced_examples=_with(found.silenced_examples, span, before) if silenced else found.silenced_examples,
        )


class _Side:
    """One baseline, and what its charts have come to."""

    def __init__(self, baseline: Baseline, spec: MonitorSpec) -> None:
        self._baseline, self._spec = baseline, spec
        self._charts: ChartState | None = ChartState(baseline.id)

    def see(self, span: Span, summary: Summary) -> Judgement:
        found = judge(self._baseline, summary, spec=self._spec, span=span, revision=1, chart_state=self._charts)
        self._charts = found.chart_state
        return found


def _with(examples: tuple[Example, ...], span: Span, judgement: Judgement) -> tuple[Example, ...]:
    if len(examples) >= MOST_EXAMPLES:
        return examples
    told = [one.feature for one in (*judgement.features, *judgement.beyond) if one.verdict in ALARMING]
    return (*examples, Example(start=span.start, end=span.end, features=tuple(dict.fromkeys(told))))
