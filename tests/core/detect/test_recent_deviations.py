"""Deviations that are kept: the newest, in a byte each, the same after any restart."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pegel.data.spans import Span
from pegel.detect.recent_deviations import MOST_KEPT, DeviationSeries, RecentDeviations

PLACE = ("x", "location")
MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


def window(number: int) -> Span:
    """Return a window of a minute."""
    return Span(NOON + number * MINUTE, NOON + (number + 1) * MINUTE)


def kept(values: list[float]) -> RecentDeviations:
    """Return what is kept of windows, one after the other."""
    recent = RecentDeviations()
    for number, z in enumerate(values):
        recent = recent.plus(window(number), {PLACE: z})
    return recent


def test_the_newest_are_kept() -> None:
    """Of 200 windows the newest 128 are kept, each with its time."""
    series = kept([number % 5 / 4 for number in range(200)]).of(PLACE)

    assert MOST_KEPT == len(series)
    assert [number % 5 / 4 for number in range(200 - MOST_KEPT, 200)] == series.z.tolist()
    assert (window(200 - MOST_KEPT).start, window(199).end) == (series.start(0), series.end(MOST_KEPT - 1))


def test_windows_without_a_deviation_are_left_out() -> None:
    """NaN leaves a gap in time; a window of other fields alone does, too; one without any is none."""
    recent = kept([1.0, float("nan"), 2.0]).plus(window(3), {("y", "scale"): 1.0}).plus(window(4), {})
    series = recent.plus(window(5), {PLACE: 3.0}).of(PLACE)

    assert [1.0, 2.0, 3.0] == series.z.tolist()
    assert [window(0).end, window(2).end, window(5).end] == [series.end(at) for at in range(3)]
    assert 0 == len(RecentDeviations().of(PLACE))


def test_charts_of_both_directions_see_the_same() -> None:
    """The chart downwards sees each deviation with the other sign; beyond 7.9 they are cut off."""
    recent = kept([1.5, -20.0, 30.0])

    assert [1.5, -7.9375, 7.9375] == recent.of(PLACE).z.tolist()
    assert [-1.5, 7.9375, -7.9375] == recent.of(PLACE, falling=True).z.tolist()


def test_what_is_forgotten() -> None:
    """Of one test all but the newest are forgotten; of others, nothing."""
    recent = kept([1.0, 2.0, 3.0]).plus(window(3), {PLACE: 4.0, ("y", "scale"): 1.0})
    after = recent.forgetting({PLACE}, 2)

    assert [3.0, 4.0] == after.of(PLACE).z.tolist()
    assert recent.of(("y", "scale")) == after.of(("y", "scale"))
    assert window(2).start == after.of(PLACE).start(0)


def test_a_field_that_ceases_is_let_go() -> None:
    """A field without any deviation in the newest 128 windows takes no room."""
    recent = RecentDeviations().plus(window(0), {PLACE: 1.0})
    for number in range(1, MOST_KEPT + 1):
        recent = recent.plus(window(number), {("y", "scale"): 0.5})

    assert {("y", "scale")} == set(recent.kept)


@given(st.lists(st.floats(-9, 9), max_size=2 * MOST_KEPT))
def test_a_restart_changes_nothing(values: list[float]) -> None:
    """Written as JSON and read again half-way, windows that follow lead to the same, and a series reads back."""
    half = len(values) // 2
    recent = kept(values[:half])
    for number, z in enumerate(values[half:], start=half):
        recent = RecentDeviations.from_json(json.loads(json.dumps(recent.to_json()))).plus(window(number), {PLACE: z})
    series = recent.of(PLACE)

    assert kept(values) == recent
    assert series == DeviationSeries.from_json(json.loads(json.dumps(series.to_json())))


def test_what_it_takes() -> None:
    """Fifty fields of two tests, 128 windows: less than 22 kB as it is stored."""
    recent = RecentDeviations()
    for number in range(MOST_KEPT):
        deviations = {(f"f{field}", test): 0.25 for field in range(50) for test in ("location", "scale")}
        recent = recent.plus(window(number), deviations)

    assert len(json.dumps(recent.to_json())) < 22_000
