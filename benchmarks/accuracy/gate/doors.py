"""Clean windows against one baseline, through the doors that a user has: what is found there is found for nothing.

`check`: `pegel.check` as it is, at its own budget of one false alarm a week. `stream`: every window after the other
through `judge`, with charts and the rate of outliers, at the highest budget there is, so that alarms can be counted.
`attribution`, `adversarial`: see `further_doors`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
import pyarrow as pa
from benchmarks.accuracy.gate import further_doors, tables
from numpy.typing import NDArray

import pegel
from pegel.baseline.baseline import Baseline, OutlierCutoff
from pegel.baseline.outliers import outlier_cutoff
from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Role
from pegel.data.spans import Span
from pegel.judge.attribution.attribution_levels import FEWEST_ROWS
from pegel.judge.chart_state import ChartState
from pegel.judge.event_counts import EventCounts
from pegel.judge.judge import Judgement, judge
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary

DOORS = ("check", "stream", "attribution", "adversarial")
MINUTE = timedelta(minutes=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = MonitorSpec.parse(
    {
        "model": {"name": "gate", "version": 1, "uri": "none"},
        "baseline": {"source": "none"},
        "windowing": {"length": "60s"},
        # Three per hour of sixty windows: .05 of the windows, more than which no budget allows.
        "false_alarms": {"count": 3, "per": "hour"},
    }
)
OUTLIERS = 0.01
"""Part of the rows whose scores lie above the cut-off."""
DRAWN = 100_000
"""Rows that are drawn at once."""
Key = tuple[str, str, str]
"""Door, detector, and feature (or pair, or rate) of a finding."""
Look = Callable[["Found", "Window", Span], None]
"""Looks at one window through one door, and counts what it finds."""


@dataclass(frozen=True, slots=True)
class Cell:
    """`windows` of `n` rows against each of several baselines of `m` rows."""

    m: int
    n: int
    baselines: int
    windows: int

    @property
    def inherent(self) -> bool:
        """Say whether one baseline's rate may lie far from the mean of many, whatever is done about it."""
        return self.n > self.m / 10


@dataclass(frozen=True)
class Window:
    """One window of clean rows."""

    rows: pa.Table
    baseline: Baseline

    @cached_property
    def report(self) -> pegel.CheckReport:
        """Return what `pegel.check` says of it."""
        return pegel.check(self.rows, self.baseline)


@dataclass
class Found:
    """What clean windows raised against one baseline: findings, windows with any, and the sum of what was promised."""

    findings: Counter[Key] = field(default_factory=Counter)
    windows: Counter[str] = field(default_factory=Counter)
    promised: dict[str, float] = field(default_factory=lambda: dict.fromkeys(DOORS, 0.0))

    def ratio(self, door: str) -> float:
        """Return realised over promised false alarms."""
        return sum(n for key, n in self.findings.items() if key[0] == door) / self.promised[door]


@dataclass(frozen=True, slots=True)
class Task:
    """One baseline of a cell: it and its windows follow from seed, number and the sizes."""

    seed: int
    number: int
    cell: Cell
    without: tuple[str, ...] = ()
    doors: tuple[str, ...] = DOORS


def one_baseline(task: Task) -> Found:
    """Profile a table, and show it clean windows of the same law."""
    cell = task.cell
    rng = np.random.default_rng([task.seed, task.number, cell.m, cell.n])
    training = tables.draw(rng, cell.m, without=task.without)
    baseline, found = pegel.profile(training), Found()
    looks = [_LOOKS[door](baseline, training, cell) for door in task.doors]
    for number, rows in enumerate(_windows(rng, cell, task.without)):
        span = Span(START + number * MINUTE, START + (number + 1) * MINUTE)
        window = Window(rows, baseline)
        for look in looks:
            look(found, window, span)
    return found


def _by_check(_baseline: Baseline, _training: pa.Table, _cell: Cell) -> Look:
    def look(found: Found, window: Window, _span: Span) -> None:
        _count(found, "check", window.report.judgement)

    return look


def _by_stream(baseline: Baseline, training: pa.Table, _cell: Cell) -> Look:
    watched = with_outliers(baseline, training)
    state = ChartState(watched.id)

    def look(found: Found, window: Window, span: Span) -> None:
        nonlocal state
        summary = window.report.summary
        count_outliers(watched, summary, window.rows)
        judgement = judge(watched, summary, spec=SPEC, span=span, revision=0, chart_state=state)
        _count(found, "stream", judgement)
        assert judgement.chart_state is not None
        state = judgement.chart_state

    return look


def _by_attribution(_baseline: Baseline, training: pa.Table, cell: Cell) -> Look:
    model = further_doors.AdditiveModel(training)
    explained = further_doors.explained_baseline(model, training)

    def look(found: Found, window: Window, _span: Span) -> None:
        if cell.n < FEWEST_ROWS:
            return
        moved = list(further_doors.found_in_parts(model, explained, window.rows))
        found.findings.update(("attribution", "attribution", name) for name in moved)
        found.windows["attribution"] += bool(moved)
        found.promised["attribution"] += further_doors.LEVEL

    return look


def _by_adversarial(baseline: Baseline, training: pa.Table, cell: Cell) -> Look:
    watched = replace(baseline, rows_sent=further_doors.rows_sent(baseline, training, cell.n))
    state = ChartState(watched.id)

    def look(found: Found, window: Window, span: Span) -> None:
        nonlocal state
        summary = window.report.summary
        further_doors.count_sent(watched, summary, window.rows)
        spec = further_doors.ASKED
        # How a model is asked is looked at where there are events, not in a table.
        events = EventCounts(cell.n)
        judgement = judge(watched, summary, spec=spec, span=span, revision=0, chart_state=state, events=events)
        assert judgement.division is not None
        assert judgement.chart_state is not None
        own = [each for each in judgement.findings if each.feature in further_doors.LAYERS]
        found.findings.update(("adversarial", each.detector, each.feature) for each in own)
        found.windows["adversarial"] += bool(own)
        found.promised["adversarial"] += sum(judgement.division.budget.of(name) for name in further_doors.LAYERS)
        state = judgement.chart_state

    return look


_LOOKS = {
    "check": _by_check,
    "stream": _by_stream,
    "attribution": _by_attribution,
    "adversarial": _by_adversarial,
}


def _windows(rng: np.random.Generator, cell: Cell, without: Collection[str]) -> Iterator[pa.Table]:
    together = max(1, DRAWN // cell.n)
    for start in range(0, cell.windows, together):
        count = min(together, cell.windows - start)
        rows = tables.draw(rng, count * cell.n, without=without)
        yield from (rows.slice(i * cell.n, cell.n) for i in range(count))


def _count(found: Found, door: str, judgement: Judgement) -> None:
    assert judgement.division is not None
    found.findings.update((door, each.detector, each.feature) for each in judgement.findings)
    found.windows[door] += bool(judgement.findings)
    found.promised[door] += judgement.division.budget.alpha


def with_outliers(baseline: Baseline, training: pa.Table) -> Baseline:
    """Return the baseline with a cut-off above which one percent of its rows score, as monitors have it."""
    scores = _scores(baseline, training)
    score = outlier_cutoff(scores, OUTLIERS)
    if score is None:
        return baseline
    cutoff = OutlierCutoff("ecod", OUTLIERS, score, int(np.count_nonzero(scores > score)), int(scores.size), None)
    return replace(baseline, outlier_cutoff=cutoff)


def count_outliers(baseline: Baseline, summary: Summary, window: pa.Table) -> None:
    """Count the outlying rows of a window, as the stream does."""
    cutoff = baseline.outlier_cutoff
    if cutoff is not None:
        scores = _scores(baseline, window)
        summary.n_outliers += int(np.count_nonzero(scores > cutoff.score))
        summary.n_scored += int(scores.size)


def _scores(baseline: Baseline, table: pa.Table) -> NDArray[np.float64]:
    fields = baseline.layout.schema.of_role(Role.FEATURE)
    batches = table.combine_chunks().to_batches()
    return np.concatenate([baseline.outlier_tables.score(columns_of(fields, batch))[0] for batch in batches])
