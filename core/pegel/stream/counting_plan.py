"""What a task is told: which endpoint is which monitor, by which baselines its panes are counted, what to leave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

import orjson

from pegel.baseline.baseline import Baseline
from pegel.baseline.outliers import OutlierTables
from pegel.data.instants import to_us
from pegel.data.spans import floor_us, spans_of_pane
from pegel.spec.monitor_spec import Windowing
from pegel.stream.partial import Ids
from pegel.stream.window_manager import WindowManager

MAX_AHEAD = timedelta(seconds=30)
"""How far an event's clock may run ahead of ours. What lies beyond is clamped and counted."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One monitor as a task sees it.

    `current` are the baselines (none or one) for panes of spans not yet open; `pinned` maps the panes of open spans, in
    microseconds since the epoch, to the baselines of their spans, the newest last.
    """

    key: str
    windowing: Windowing
    current: tuple[str, ...]
    pinned: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    def pane_us(self, time_us: int) -> int:
        """Return the start of the pane that holds an instant."""
        return floor_us(time_us, self.windowing.step)

    def baselines(self, pane_us: int) -> tuple[str, ...]:
        """Return the baselines by which a pane is counted."""
        return self.pinned.get(pane_us, self.current)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a batch's tasks need. `watches` is by endpoint; endpoints in `elsewhere` belong to other groups.

    `known` holds identities that were counted in an earlier batch, by monitor and pane.
    """

    watches: Mapping[str, Watch]
    elsewhere: frozenset[str]
    latest_us: int
    known: Mapping[tuple[str, int], frozenset[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measure:
    """A baseline made ready for counting and scoring."""

    baseline: Baseline
    tables: OutlierTables


def watch(key: str, windowing: Windowing, current: str | None, manager: WindowManager) -> Watch:
    """Return what a task is told of one monitor as the windows stand."""
    opened = manager.pinned(key)
    panes: dict[int, tuple[str, ...]] = {}
    for start in opened:
        for pane in (start + at * windowing.step for at in range(round(windowing.length / windowing.step))):
            spans = spans_of_pane(pane, windowing)
            chosen = [opened.get(span.start, current) for span in spans]
            panes[to_us(pane)] = tuple(dict.fromkeys(one for one in chosen if one is not None))
    return Watch(key, windowing, () if current is None else (current,), panes)


def known(found: Mapping[tuple[str, datetime], Ids]) -> dict[tuple[str, int], frozenset[int]]:
    """Return identities found by the window manager in the form of a plan."""
    return {(key, to_us(pane)): frozenset(ids.tolist()) for (key, pane), ids in found.items()}


@lru_cache(maxsize=256)
def measure(baseline_id: str, document: bytes) -> Measure:
    """Return the baseline of a document. Workers are reused, so each parses it once."""
    baseline = Baseline.from_json(orjson.loads(document))
    if baseline.id != baseline_id:
        raise ValueError(f"expected the document of {baseline_id}, given that of {baseline.id}; nothing was counted")
    return Measure(baseline, baseline.outlier_tables)
