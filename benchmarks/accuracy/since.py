"""Does the interval of a chart's finding hold the begin of the change? Through `judge` and `take_in`, as a stream does.

A model of a number, a category and a switch, with a baseline of 50,000 rows and one false alarm a week in windows of
15 s of 200 rows; a classifier that errs in one of ten of 50,000 labelled rows, whose blocks have 50 events. What
changes does so from a certain window, or block, on: at once, or evenly over some windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from benchmarks.accuracy import ours, streams
from benchmarks.accuracy.delay import START, STEP, M, N, spec_of
from benchmarks.accuracy.streams import Rows

import pegel
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Role, Schema
from pegel.data.spans import Span
from pegel.judge.change_interval import ChangeInterval, interval_of
from pegel.judge.chart_state import ChartState
from pegel.judge.judge import judge
from pegel.judge.performance.concept_charts import take_in
from pegel.spec.monitor_spec import Watch
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary

FIELDS = ("normal", "categories", "binary")
SCHEMA = Schema(tuple(streams.field(name) for name in FIELDS))
BEFORE, MOST = 40, 200
"""Windows, or blocks, before the change, and at most after it."""
BLOCK = 50
ERRORS = 0.1
RATE = 1 / 117_000
"""Alarms per labelled event: that of the specification's example."""
Moved = Callable[[np.random.Generator, float], tuple[str, Rows]]


@dataclass(frozen=True, slots=True)
class Change:
    """What changes: `moved` draws a window when so much of the change has happened, from 0 to 1.

    `windows`: over how many it comes; 1: at once. `test`: the chart that is asked; of errors, None.
    """

    windows: int
    test: str
    moved: Moved | None
    size: float

    def part(self, since: int) -> float:
        """Return how much of the change has happened in a window, by windows since it began."""
        return 0.0 if since < 0 else self.size * min(1.0, (since + 1) / self.windows)


def _mean(rng: np.random.Generator, part: float) -> tuple[str, Rows]:
    return "normal", rng.normal(part, 1, N)


def _scale(rng: np.random.Generator, part: float) -> tuple[str, Rows]:
    return "normal", rng.normal(0, 1 + part, N)


def _mass(rng: np.random.Generator, part: float) -> tuple[str, Rows]:
    shares = streams.SHARES + part * np.array([-1, 0, 0, 0, 1])
    return "categories", streams.numbered(shares).draw(rng, N)


def _switch(rng: np.random.Generator, part: float) -> tuple[str, Rows]:
    return "binary", (rng.random(N) < 0.1 + part).astype(np.float64)


CHANGES: Mapping[str, Change] = {
    "mean .1 sigma": Change(1, "location up", _mean, 0.1),
    "mean .2 sigma": Change(1, "location up", _mean, 0.2),
    "mean .2 sigma, over 10": Change(10, "location up", _mean, 0.2),
    "scale 1.1": Change(1, "scale up", _scale, 0.1),
    "scale 1.2, over 10": Change(10, "scale up", _scale, 0.2),
    "5 % of category mass": Change(1, "shape any", _mass, 0.05),
    "10 % of category mass, over 10": Change(10, "shape any", _mass, 0.10),
    "switch .1 to .13": Change(1, "binary up", _switch, 0.03),
    "errors .1 to .2": Change(1, "errors", None, 0.1),
    "errors .1 to .2, over 10": Change(10, "errors", None, 0.1),
}


class Task(NamedTuple):
    """Some streams of one baseline: seed, its number, the change, and how many."""

    seed: int
    number: int
    change: str
    streams: int


class Placed(NamedTuple):
    """One alarm: whether its interval holds the begin, that for a gradual change does, the run's begin does; widths."""

    holds: bool
    holds_gradually: bool
    run_holds: bool
    windows: int
    run_windows: int
    is_open: bool
    delay: int


def one_baseline(task: Task) -> list[Placed]:
    """Return the first alarm of the asked chart in each stream; streams that alarm before, or never, are left out."""
    rng = np.random.default_rng([task.seed, task.number, *task.change.encode()])
    change = CHANGES[task.change]
    draw = _errors if change.moved is None else _windows
    return [placed for _ in range(task.streams) for placed in draw(rng, change, task)]


def _windows(rng: np.random.Generator, change: Change, task: Task) -> Iterator[Placed]:
    assert change.moved is not None
    baseline, spec = _baseline(task.seed, task.number), spec_of(1.0)
    state = ChartState(baseline.id)
    for number in range(BEFORE + MOST):
        drawn = {name: streams.FEATURES[name].draw(rng, N) for name in FIELDS}
        drawn |= dict([change.moved(rng, change.part(number - BEFORE))])
        span = Span(START + number * STEP, START + (number + 1) * STEP)
        judged = judge(baseline, _summary(baseline, drawn), spec=spec, span=span, revision=0, chart_state=state)
        state = judged.chart_state or state
        for finding in judged.findings:
            if finding.detector == "cusum" and finding.test == change.test:
                interval, chart = interval_of(finding.evidence), finding.evidence["chart"]
                if number >= BEFORE and interval is not None:
                    since = datetime.fromisoformat(chart["since"])
                    yield _placed(interval, START + BEFORE * STEP, since, chart["length"], number - BEFORE + 1)
                return


def _errors(rng: np.random.Generator, change: Change, task: Task) -> Iterator[Placed]:
    baseline = _labelled(task.seed, task.number)
    states: dict[str, dict[str, Any]] = {}
    for number in range(BEFORE + MOST):
        rate = ERRORS + change.part(number - BEFORE)
        begin = np.datetime64(START.replace(tzinfo=None), "us") + number * BLOCK * np.timedelta64(1_000_000, "us")
        times = begin + np.arange(BLOCK) * np.timedelta64(1_000_000, "us")
        after = take_in(states, _answers(rng, BLOCK, rate, times), baseline, rate=RATE)
        states = dict(after.states)
        for verdict in after.verdicts:
            chart, interval = verdict.evidence["chart"], interval_of(verdict.evidence)
            if number >= BEFORE and interval is not None:
                truth = START + BEFORE * BLOCK * (STEP / 15)
                blocks = -(-chart["events"] // BLOCK)
                yield _placed(interval, truth, datetime.fromisoformat(chart["since"]), blocks, number - BEFORE + 1)
            return


def _placed(interval: ChangeInterval, truth: datetime, run: datetime, length: int, delay: int) -> Placed:
    earliest, gradually = interval.earliest or interval.known_from, interval.gradual_earliest or interval.known_from
    return Placed(
        holds=earliest <= truth < interval.latest,
        holds_gradually=gradually <= truth < interval.latest,
        run_holds=run <= truth,
        windows=interval.windows,
        run_windows=length,
        is_open=interval.earliest is None,
        delay=delay,
    )


@cache
def _baseline(seed: int, number: int) -> Baseline:
    rng = np.random.default_rng([seed, number])
    rows = {name: streams.FEATURES[name].draw(rng, M) for name in FIELDS}
    layout = build_layout(SCHEMA, {name: ours.column(streams.field(name), rows[name]) for name in rows})
    summary = _counted(Summary.empty(layout, exact=True), rows)
    return Baseline.build(layout=layout, summary=summary, model="ten", version=1, source="", scores=None, watch=Watch())


def _summary(baseline: Baseline, rows: Mapping[str, Rows]) -> Summary:
    return _counted(Summary.empty(baseline.layout), rows)


def _counted(summary: Summary, rows: Mapping[str, Rows]) -> Summary:
    numbers = np.column_stack([rows[name] for name in FIELDS if name not in streams.CATEGORICAL])
    text = tuple(ours.texts(rows[name]) for name in FIELDS if name in streams.CATEGORICAL)
    summary.update(Columns(len(numbers), numbers, None, text, (None,) * len(text)), Role.FEATURE)
    return summary


@cache
def _labelled(seed: int, number: int) -> Baseline:
    rng = np.random.default_rng([seed, number, 1])
    answers, wrong = rng.random(M) < 0.5, rng.random(M) < ERRORS
    table = {"x": rng.normal(size=M), "yhat": np.where(answers, "1", "0"), "y": np.where(answers ^ wrong, "1", "0")}
    return pegel.profile(table, predictions=["yhat"], label="y", answer="yhat")


def _answers(rng: np.random.Generator, n: int, rate: float, times: np.ndarray) -> LabelledRows:
    answers, wrong = rng.random(n) < 0.5, rng.random(n) < rate
    sides = [np.where(side, "1", "0").astype(object) for side in (answers, answers ^ wrong)]
    return LabelledRows.of_classes(*sides, event_time=times, arrived_at=times)
