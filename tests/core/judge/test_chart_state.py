"""What is carried from window to window: values too few to judge, and sizes of windows."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.baseline.baseline import Baseline
from pegel.detect.cusum import Chart
from pegel.judge.chart_state import Carried, ChartState, WindowSizes
from pegel.judge.findings import Verdict

DAY = datetime(2026, 7, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def trained(learnt: Callable[..., Baseline]) -> Baseline:
    """A baseline of 5,000 normal numbers."""
    return learnt({"x": np.random.default_rng(0).normal(size=5_000)})


@pytest.fixture
def few(monitor: Callable[..., Any], trained: Baseline) -> Callable[..., Any]:
    """Let windows of given sizes pass; return the monitor with its judgements."""

    def live(*sizes: int, shift: float = 0.0) -> Any:
        one, rng = monitor(trained), np.random.default_rng(4)
        one.judged = [one.see({"x": rng.normal(shift, 1, n)}) for n in sizes]
        return one

    return live


def test_three_small_windows_are_judged_together(few: Callable[..., Any]) -> None:
    """Of windows of 20 values the third is judged with those before; then it begins again."""
    one = few(*[20] * 6)
    features = [judged.features[0] for judged in one.judged]

    assert [Verdict.INSUFFICIENT, Verdict.INSUFFICIENT, Verdict.OK] * 2 == [judged.verdict for judged in one.judged]
    assert [20, 40, 60] * 2 == [feature.n for feature in features]
    assert "fewer than 50 values in the window" == features[1].what
    assert {} == one.chart_state.carried


def test_a_change_in_small_windows_is_found(few: Callable[..., Any]) -> None:
    """A large shift in windows of 20 values is found in the third, and the carried counts are in the evidence."""
    one = few(20, 20, 20, shift=2.0)
    (found,) = (finding for finding in one.findings if finding.detector == "drift")
    carried = found.evidence["carried"]

    assert (60, "location", 1) == (found.n, found.test, len(one.judged[2].findings))
    assert found.effect == pytest.approx(2, abs=0.5)
    assert (40, 2) == (sum(carried["cells"].values()), carried["windows"])
    assert one.begin.isoformat() == carried["since"]


def test_old_values_are_let_go(few: Callable[..., Any]) -> None:
    """Windows of two values never suffice: with the twentieth they are let go, unjudged, and counting begins again."""
    one = few(*[2] * 19)
    before = one.chart_state.carried["x"]
    last = one.see({"x": np.zeros(2)})

    assert (19, 38, one.begin) == (before.windows, sum(before.cells.values()), before.since)
    assert (Verdict.INSUFFICIENT, 40) == (last.verdict, last.features[0].n)
    assert {} == one.chart_state.carried
    assert {Verdict.INSUFFICIENT} == {judged.verdict for judged in one.judged}


def test_an_empty_window_between_loses_nothing(few: Callable[..., Any]) -> None:
    """A window without rows has no verdict on data, and what was carried before it is carried further."""
    one = few(20, 20, 0, 20)

    assert [Verdict.INSUFFICIENT, Verdict.INSUFFICIENT, Verdict.NO_DATA, Verdict.OK] == [
        judged.verdict for judged in one.judged
    ]


def test_enough_rows_of_one_field_only(monitor: Callable[..., Any], learnt: Callable[..., Baseline]) -> None:
    """Only the field that has too few values is carried over; the other is judged in each window."""
    rng = np.random.default_rng(0)

    def rows(n: int) -> dict[str, Any]:
        return {"x": rng.normal(size=n), "rare": np.where(np.arange(n) % 12 < 5, rng.normal(size=n), np.nan)}

    one = monitor(learnt(rows(6_000)))
    judged = [one.see(rows(60)) for _ in range(2)]

    assert [[60, 25], [60, 50]] == [[feature.n for feature in each.features] for each in judged]
    assert [Verdict.INSUFFICIENT, Verdict.OK] == [each.features[1].verdict for each in judged]


def test_the_memory_is_json() -> None:
    """A chart_state read back from JSON text is the same, apart from charts at rest, which are left out."""
    moving = Chart(3.25, 4, 5.125, DAY, (0.1, -2.0))
    chart_state = ChartState(
        "sha256:1",
        WindowSizes(200, {"2026-07-01": {200: 3}}),
        {("x", "location", "up"): moving, ("x", "location", "down"): Chart()},
        {"x": Carried({0: 3, 17: 2}, 2, DAY, 5)},
    )
    copy = ChartState.from_json(json.loads(json.dumps(chart_state.to_json())))

    assert (chart_state.baseline_id, chart_state.sizes, chart_state.carried) == (
        copy.baseline_id,
        copy.sizes,
        copy.carried,
    )
    assert {("x", "location", "up"): moving} == copy.charts


def sizes_of(*windows: tuple[datetime, int]) -> WindowSizes:
    """Fold windows: when each began and how many rows it had."""
    found = WindowSizes()
    for start, rows in windows:
        found = found.plus(rows, start)
    return found


@given(st.integers(1, 10**7))
def test_sizes_have_two_digits(rows: int) -> None:
    """A window's size is kept to two digits, rounded up."""
    usual = sizes_of((DAY, rows)).usual

    assert rows <= usual < 1.1 * rows
    assert len(str(usual).rstrip("0")) <= 2


def test_the_usual_size_is_a_high_quantile() -> None:
    """Nine tenths of yesterday's windows are no larger than the usual size of today."""
    yesterday = [(DAY + i * MINUTE, 100 if i % 10 else 1_000) for i in range(1_000)]
    busier = [(DAY + i * MINUTE, 100 if i % 5 else 1_000) for i in range(1_000)]
    tomorrow = (DAY + timedelta(days=1), 5)

    assert 100 == sizes_of(*yesterday, tomorrow).usual
    assert 1_000 == sizes_of(*busier, tomorrow).usual


def test_sizes_change_when_a_day_begins() -> None:
    """On the first day the usual size is looked at whenever windows have doubled, later only with a day's first one."""
    found, changed = WindowSizes(), []
    for i in range(3 * 1_440):
        before, found = found, found.plus(10 + i, DAY + i * MINUTE)
        if found.usual != before.usual:
            changed.append(i + 1)

    first_day = [2**k for k in range(11)]
    assert [1_441, 2_881] == changed[-2:]
    assert set(changed[:-2]) <= set(first_day)


def test_old_days_are_forgotten() -> None:
    """Sizes of seven days and today are kept; what is older does not count, and after a long pause begins anew."""
    days = sizes_of(*((DAY + timedelta(days=i), 100) for i in range(30)))
    paused = days.plus(5_000, DAY + timedelta(days=90))

    assert 8 == len(days.days)
    assert (1, True) == (len(paused.days), paused.usual >= 5_000)
