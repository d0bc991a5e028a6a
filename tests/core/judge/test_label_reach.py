"""From when on rows are held against labels."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from labelled_traffic import HOUR, MONDAY, SPEC, class_baseline, classes, hour

from pegel.judge.labelled_hours import Followers, Stored
from pegel.judge.performance.performance_rows import ConceptChartRow, PerformanceRow
from pegel.judge.performance.reach import reach, usual_reach

pytestmark = pytest.mark.environments("pyarrow")
NOW = MONDAY + timedelta(days=30, minutes=2)
WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def row() -> PerformanceRow:
    """The hour from 00:00 to 01:00 of the Monday, not settled."""
    followers = Followers(SPEC, class_baseline(), WEEK, MONDAY + 2 * HOUR)
    followed = followers.follow({hour(0): classes(0, labelled=0.5)}, Stored())
    return next(each for each in followed.rows if each.span == hour(0))


@pytest.mark.parametrize("minutes", [1, 20, 30, 60, 7 * 24 * 60])
def test_an_hour_is_in_reach_when_its_horizon_ends(minutes: int) -> None:
    """Of runs of every hour several see an hour after its labels can have come, however short the horizon is."""
    horizon = timedelta(minutes=minutes)
    runs = [MONDAY + each * HOUR + timedelta(minutes=2) for each in range(600)]
    settling = [now for now in runs if now >= hour(0).end + horizon and usual_reach(horizon, now) <= hour(0).start]

    assert len(settling) > 20


def test_what_is_open_is_in_reach_however_old_it_is(row: PerformanceRow) -> None:
    """An hour that has not settled, one that charts have not passed, and all since the last that was looked at."""
    usual, settled = usual_reach(WEEK, NOW), replace(row, settled=True)
    chart = ConceptChartRow(model="delays", version=1, chart="errors", state={}, baseline_id="b", up_to=MONDAY)
    passed = replace(chart, up_to=hour(0).end)

    assert [usual, MONDAY] == [reach(WEEK, NOW), reach(WEEK, NOW, [row])]
    assert [usual, MONDAY, usual] == [reach(WEEK, NOW, [settled], charts) for charts in ([], [chart], [passed])]
    assert [hour(5).start, usual] == [reach(WEEK, NOW, newest=newest) for newest in (hour(5).start, NOW - HOUR)]
