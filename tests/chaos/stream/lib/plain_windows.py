"""The windows that one plain process makes of the same events in one go, and how stored ones differ from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

import numpy as np
from window_content import content, moments

from pegel.baseline.baseline import Baseline
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.layout import Layout
from pegel.stream.commit import Restored
from pegel.stream.counting_plan import CountingPlan
from pegel.stream.counting_task import CountingTask
from pegel.stream.group_state import GroupState
from pegel.stream.result_rows import WindowRow
from pegel.stream.task_output import TaskOutput, together
from pegel.testing.stream_fakes import FixedBaselines, FixedModels, LoggedRecord, as_read


def plain_windows(spec: MonitorSpec, baseline: Baseline, records: Sequence[LoggedRecord]) -> list[WindowRow]:
    """Return the final windows of records, read as one batch in which nothing is late."""
    models, baselines = FixedModels(), FixedBaselines()
    models.watch(spec, baselines.put(baseline))
    now = datetime.now(UTC)
    state = GroupState.restored(Restored(offsets={}, states=[], pane_parts=[], failures=[]), baselines, now)

    def run(plan: CountingPlan, alone: bool) -> TaskOutput:
        return together(CountingTask(plan, baselines.load).run(as_read(records)))

    at_once = state.take(state.count(state.plan(models, now), run), models, now)
    later = now + timedelta(hours=2)
    closed = state.close_idle(models, later, later)
    rows = [*at_once.windows, *(closed.windows if closed is not None else [])]
    return sorted((row for row in rows if row.final), key=lambda row: row.span.start)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How stored windows differ from what they should be, in events and in windows."""

    lost: int
    doubled: int
    windows: int
    exact: int


def compared(expected: Iterable[WindowRow], stored: Iterable[WindowRow], layout: Layout) -> Comparison:
    """Compare windows span by span: their counts, every cell of their histograms, and their moments to 1e-9."""
    wanted = {row.span: row for row in expected}
    there = {row.span: row for row in stored}
    differences = [_events(there.get(span)) - _events(wanted.get(span)) for span in wanted.keys() | there.keys()]
    return Comparison(
        lost=sum(-difference for difference in differences if difference < 0),
        doubled=sum(difference for difference in differences if difference > 0),
        windows=len(wanted),
        exact=sum(not _difference(row, there.get(span), layout) for span, row in wanted.items()),
    )


def _events(row: WindowRow | None) -> int:
    return 0 if row is None else row.requests + row.responses


def _difference(expected: WindowRow, stored: WindowRow | None, layout: Layout) -> str:
    """Return in what a stored window differs, and print it for whoever has to find out why; empty if in nothing."""
    told = "it is not stored" if stored is None else _differing(expected, stored, layout)
    if told:
        print(f"{expected.span.start} to {expected.span.end}: {told}")
    return told


def _differing(expected: WindowRow, stored: WindowRow, layout: Layout) -> str:
    (row, *cells), (other, *other_cells) = content(expected, layout), content(stored, layout)
    names = [each.name for each in fields(row) if getattr(row, each.name) != getattr(other, each.name)]
    texts = [f"{name} {getattr(row, name)!r:.200} became {getattr(other, name)!r:.200}" for name in names]
    one, another = (moments([each], layout) for each in (expected, stored))
    texts += [] if cells == other_cells else ["counts of values"]
    texts += [] if np.allclose(one, another, rtol=1e-9, atol=1e-12, equal_nan=True) else [f"moments {one} {another}"]
    return "; ".join(texts)
