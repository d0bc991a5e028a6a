"""What a monitor remembers from window to window, through the real results database."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pyarrow.compute as pc
import pytest

from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.store.chart_states import ChartStates
from pegel.store.registry_view import WishList
from pegel.stream.entries import Emissions, SpanCount
from pegel_spark.judged_rows import judged

BEGIN = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
LENGTH = timedelta(seconds=5)
N = 60


def shifted(table: Any, by: float) -> Any:
    """Return rows whose distances are longer."""
    at = table.column_names.index("distance")
    return table.set_column(at, "distance", pc.add(table.column("distance"), by))


def window(toolbox: Any, baseline: Any, number: int, shift: float, n: int = N) -> SpanCount:
    """Return one final window whose distances are shifted."""
    table = toolbox.training_table(n, seed=100 + number)
    summary = toolbox.summary_of(baseline.layout, shifted(table, shift))
    start = BEGIN + number * LENGTH
    return SpanCount(
        key="delays/1",
        span=Span(start, start + LENGTH),
        revision=1,
        final=True,
        baseline_id=baseline.id,
        summary=summary,
        requests=n,
        responses=n,
        joined=n,
        rows=n,
        duplicates=0,
        invalid=0,
        clamped=0,
    )


@pytest.fixture
def baseline(world: Any, toolbox: Any) -> Any:
    """The baseline of a watched model."""
    return world.watch(toolbox.make_spec())


def run(world: Any, toolbox: Any, baseline: Any, numbers: range, *, restarts: bool, shift: float = 150.0) -> None:
    """Judge and store windows one after the other, in one process or in a fresh one for each."""
    wish_list = WishList(world.registry, world.baselines, "default")
    chart_states = ChartStates(world.results)
    for number in numbers:
        if restarts:
            chart_states = ChartStates(world.results)
        emissions = Emissions(spans=[window(toolbox, baseline, number, shift)])
        judged(emissions, wish_list.read(), wish_list, chart_states, now=BEGIN).write(world.results)


def story(world: Any) -> str:
    """Return every stored judgement and finding as text."""
    rows = world.results.windows("delays", 1)
    findings = [finding.id for _, finding in world.results.findings("delays", 1)]
    return json.dumps([[row.judgement for row in rows], findings], sort_keys=True)


def test_small_changes_are_found_by_the_charts(world: Any, toolbox: Any, baseline: Any) -> None:
    """A shift too small for a window of 60 rows is found by the chart of its field, and the windows say so."""
    run(world, toolbox, baseline, range(20), restarts=False)
    findings = [finding for _, finding in world.results.findings("delays", 1)]
    verdicts = [row.verdict for row in world.results.windows("delays", 1)]

    assert {("distance", "cusum", Verdict.DRIFTING)} == {(one.feature, one.detector, one.verdict) for one in findings}
    assert "location up" in {one.test for one in findings}
    assert Verdict.OK == verdicts[0]
    assert Verdict.DRIFTING == verdicts[-1]


def test_a_restart_at_every_window_changes_nothing(world: Any, toolbox: Any, baseline: Any) -> None:
    """Charts go on from the stored window: the same judgements and findings as without any restart."""
    run(world, toolbox, baseline, range(20), restarts=False)
    first = story(world)
    world.results.forget("delays", 1)
    run(world, toolbox, baseline, range(20), restarts=True)

    assert first == story(world)


def test_a_repeated_window_is_judged_as_it_was(world: Any, toolbox: Any, baseline: Any) -> None:
    """Windows that are written again after a crash start from what was left before them, not from what they left."""
    run(world, toolbox, baseline, range(12), restarts=False)
    first = story(world)
    run(world, toolbox, baseline, range(9, 12), restarts=False)

    assert first == story(world)


def test_clean_windows_stay_quiet(world: Any, toolbox: Any, baseline: Any) -> None:
    """Forty clean windows give no finding at one false alarm a week."""
    run(world, toolbox, baseline, range(200, 240), restarts=False, shift=0.0)
    verdicts = {row.verdict for row in world.results.windows("delays", 1)}

    assert {Verdict.OK} == verdicts
    assert [] == world.results.findings("delays", 1)
