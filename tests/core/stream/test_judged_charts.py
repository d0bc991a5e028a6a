"""What a monitor carries from window to window: charts go on over restarts, and small changes that last are found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pegel.data.columns import Columns, Role
from pegel.data.spans import Span
from pegel.judge.chart_state import ChartState
from pegel.judge.findings import Verdict
from pegel.stats.summary import Summary
from pegel.stream.entries import Emissions, SpanCount
from pegel.stream.judged_rows import JudgedRows, judged

LENGTH = timedelta(seconds=5)
N = 60
Judge = Callable[[int, float, dict[str, ChartState]], JudgedRows]


@pytest.fixture
def judge(group: Any, draw_columns: Callable[[int, int, Role], Columns]) -> Judge:
    """Judge the window of a number, its distances shifted, with the charts that earlier ones left."""
    baseline_id = group.models.baselines["delays/1"]
    layout = group.baselines.baseline(baseline_id).layout

    def run(number: int, shift: float, charts: dict[str, ChartState]) -> JudgedRows:
        summary = Summary.empty(layout)
        for role in (Role.FEATURE, Role.PREDICTION):
            rows = draw_columns(N, 100 + number, role)
            if role is Role.FEATURE:
                rows = replace(rows, numeric=rows.numeric + shift)
            summary.update(rows, role)
        start = group.begin + number * LENGTH
        counts: dict[str, Any] = dict.fromkeys(("requests", "responses", "joined", "rows"), N)
        count = SpanCount(
            key="delays/1",
            span=Span(start, start + LENGTH),
            revision=1,
            final=True,
            baseline_id=baseline_id,
            summary=summary,
            duplicates=0,
            invalid=0,
            clamped=0,
            **counts,
        )
        return judged(Emissions(spans=[count]), group.models.specs, group.baselines, charts, now=group.begin)

    return run


def follow(judge: Judge, numbers: range, shift: float, *, restarts: bool) -> list[JudgedRows]:
    """Judge windows one after the other; with restarts, charts are read from what is stored of them each time."""
    charts: dict[str, ChartState] = {}
    every = []
    for number in numbers:
        rows = judge(number, shift, charts)
        charts = rows.charts
        if restarts:
            charts = {key: ChartState.from_json(json.loads(json.dumps(c.to_json()))) for key, c in charts.items()}
        every.append(rows)
    return every


def test_small_changes_are_found_by_the_charts(judge: Judge) -> None:
    """A shift too small for a window of 60 rows is found by the chart of its field, and the windows say so."""
    every = follow(judge, range(20), 150.0, restarts=False)
    findings = [finding for rows in every for finding in rows.findings]

    assert {("distance", "cusum", Verdict.DRIFTING)} == {(one.feature, one.detector, one.verdict) for one in findings}
    assert [Verdict.OK, Verdict.DRIFTING] == [every[at].windows[0].verdict for at in (0, -1)]


def test_a_restart_at_every_window_changes_nothing(judge: Judge) -> None:
    """Charts go on from what is stored: the same judgements and findings as without any restart."""
    steady = follow(judge, range(20), 150.0, restarts=False)
    restarted = follow(judge, range(20), 150.0, restarts=True)

    assert [rows.windows for rows in steady] == [rows.windows for rows in restarted]
    assert [rows.findings for rows in steady] == [rows.findings for rows in restarted]


def test_clean_windows_stay_quiet(judge: Judge) -> None:
    """Forty clean windows give no finding at one false alarm a week."""
    every = follow(judge, range(200, 240), 0.0, restarts=False)

    assert {Verdict.OK} == {rows.windows[0].verdict for rows in every}
    assert [] == [finding for rows in every for finding in rows.findings]


def test_charts_that_were_given_are_not_changed(judge: Judge) -> None:
    """What a batch makes of the charts is the commit's; until that came through, those before it stand."""
    first = judge(0, 150.0, {})
    before = json.dumps(first.charts["delays/1"].to_json())
    judge(1, 150.0, first.charts)

    assert before == json.dumps(first.charts["delays/1"].to_json())
