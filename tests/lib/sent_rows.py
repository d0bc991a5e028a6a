"""A model of six numbers whose baseline knows how rows are sent, and windows of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from fingerprinted_rows import Numbers, columns_of

from pegel.baseline.baseline import Baseline
from pegel.baseline.row_learning import RowLearning, RowWish
from pegel.baseline.row_reference import Senders
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.judge.chart_state import ChartState
from pegel.judge.event_counts import EventCounts
from pegel.judge.judge import Judgement, judge
from pegel.judge.recent_crowds import RecentCrowds, name_of
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_spec

SIZE = 6
ASKED = {"probing": True, "combinations": True, "off_grid": True}


def usual(rng: np.random.Generator, rows: int) -> Numbers:
    """Draw rows in steps of thousandths; the second column goes with the first."""
    drawn = rng.normal(size=(rows, SIZE))
    drawn[:, 1] = 0.9 * drawn[:, 0] + 0.4 * drawn[:, 1]
    return drawn.round(3)


def near(rng: np.random.Generator, rows: Numbers, count: int) -> Numbers:
    """Replace the first rows by small changes of the first one."""
    changed = rows.copy()
    changed[:count] = (rows[0] + 0.01 * rng.normal(size=(count, SIZE))).round(3)
    return changed


@lru_cache
def trained() -> Baseline:
    """Learn from 20,000 rows whose times are not known."""
    rows = usual(np.random.default_rng(1), 20_000)
    names = [f"x{j}" for j in range(SIZE)]
    schema = Schema(tuple(Field(name, Kind.NUMERIC) for name in names))
    layout = build_layout(schema, dict(zip(names, rows.T, strict=True)))
    summary = Summary.empty(layout, exact=True)
    summary.update(columns_of(rows), Role.FEATURE)
    learning = RowLearning(summary, RowWish(off_grid=True, combinations=True, probing=True))
    reference = learning.reference(learning.of_rows(columns_of(rows)), window_rows=500, timed=False)
    spec = watching()
    return Baseline.build(
        layout=layout,
        summary=summary,
        model="delays",
        version=1,
        source="test",
        scores=None,
        watch=spec.watch,
        rows_sent=reference,
    )


def watching(**changed: Any) -> MonitorSpec:
    """Return a spec that asks for everything about how rows are sent."""
    return sample_spec(**{"adversarial": ASKED, "watch": {"long_spans": []}, **changed})


def counted(rows: Numbers, client: int = 0, baseline: Baseline | None = None) -> Summary:
    """Count rows of a window, each of an event of its own; the first hundred are of one client."""
    known = trained() if baseline is None else baseline
    summary = Summary.empty(known.layout)
    summary.update(columns_of(rows), Role.FEATURE)
    counter = known.row_counter
    if counter is not None:
        numbers = np.arange(1, len(rows) + 1, dtype=np.uint64)
        ids = np.array([f"e{number}" for number in numbers.tolist()], dtype=object)
        clients = np.where(numbers <= 100, client, 0).astype(np.uint64)
        senders = Senders(numbers, np.zeros(len(rows), dtype=np.uint32), clients, ids)
        summary.add_behaviour(counter.count(columns_of(rows), senders))
    return summary


class Watched:
    """Windows of one minute, judged one after the other."""

    def __init__(self, spec: MonitorSpec | None = None) -> None:
        """Begin without anything before."""
        self.spec = watching() if spec is None else spec
        self.state: ChartState | None = ChartState(trained().id)
        self.minute = 0
        self.stored: dict[str, bytes] = {}
        self.written: list[int] = []
        """Bytes of rows that were written with each window."""

    def see(self, summary: Summary) -> Judgement:
        """Judge one more window."""
        span = Span(START + timedelta(minutes=self.minute), START + timedelta(minutes=self.minute + 1))
        found = judge(
            trained(), summary, spec=self.spec, span=span, revision=1, chart_state=self.state, events=EventCounts()
        )
        self.minute += 1
        self.state = None if found.chart_state is None else self._stored(found.chart_state, summary, span)
        return found

    def _stored(self, state: ChartState, summary: Summary, span: Span) -> ChartState:
        """Return a state as the next driver restores it."""
        read = ChartState.from_json(state.to_json())
        if state.crowds is None or summary.behaviour is None:
            return read
        names = state.crowds.names
        fresh = state.crowds.packed(names - self.stored.keys(), {name_of(span): summary.behaviour.answered_rows})
        self.written.append(sum(map(len, fresh.values())))
        self.stored = {name: data for name, data in (self.stored | fresh).items() if name in names}
        return replace(read, crowds=RecentCrowds.from_json(state.crowds.to_json(), self.stored))
