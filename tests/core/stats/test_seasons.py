"""Parts of the day and the week: how time is cut, when it is worth it, and what it does to false alarms."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field, Kind, Schema
from pegel.detect.noise_assessment import RowTimes, assess
from pegel.detect.season_choice import choose
from pegel.judge.findings import Verdict
from pegel.stats.layout import build_layout
from pegel.stats.noise import Noise
from pegel.stats.seasons import Seasons, candidates

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
N = 200
SIX_MINUTES = timedelta(minutes=6)
SCHEMA = Schema((Field("x", Kind.NUMERIC),))
OFFSETS = (timedelta(0), timedelta(hours=2), timedelta(hours=-9, minutes=-30), timedelta(hours=5, minutes=45))


def microseconds(instant: datetime) -> int:
    """Return microseconds since 1970."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def spread(rows: int, days: float) -> NDArray[np.int64]:
    """Return the instants of rows that come evenly from a Monday on."""
    return microseconds(MONDAY) + np.arange(rows) * (round(days * 86_400_000_000) // rows)


def sine(instants: NDArray[np.int64], seed: int, height: float = 0.3) -> NDArray[np.float64]:
    """Draw normal numbers whose mean follows the hours of the day."""
    day = instants / 86_400_000_000 * 2 * np.pi
    return np.random.default_rng(seed).normal(height * np.sin(day), 1)


def weekly(instants: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Draw normal numbers that are larger on Saturdays and Sundays."""
    free = (instants // 86_400_000_000 + 3) % 7 >= 5
    return np.random.default_rng(seed).normal(0.3 * free, 1)


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001  hypothesis draws without a zone
    st.sampled_from(OFFSETS),
    st.integers(0, 7),
)
def test_the_part_of_an_instant(drawn: datetime, offset: timedelta, candidate: int) -> None:
    """For all seasons, instants and offsets, before 1970 too, the season is what the clock on the wall says."""
    instant = drawn.replace(tzinfo=UTC)
    seasons = candidates(offset)[candidate]
    wall = instant.astimezone(timezone(offset))
    season = (wall.hour - (6 if seasons.hours == 12 else 0)) % 24 // seasons.hours
    if seasons.weekend and wall.weekday() >= 5:
        season += 24 // seasons.hours

    assert season == seasons.season_of(np.array([microseconds(instant)]))[0]
    assert 0 <= season < seasons.count


def test_every_candidate() -> None:
    """There are eight partitions, finest first; each has its labels, all different, and survives JSON."""
    found = candidates(timedelta(hours=2))

    assert [48, 24, 16, 8, 8, 4, 4, 2] == [one.count for one in found]
    assert [one.count for one in found] == [len({one.label(season) for season in range(one.count)}) for one in found]
    assert list(found) == [Seasons.from_json(one.to_json()) for one in found]


@pytest.mark.parametrize(
    ("hours", "begin", "minutes", "expected"),
    [
        # 00    01    02    03
        # |     |[--)  |     |      in hour 1
        (1, 1.0, 30, 1),
        # |     |[----)|     |      the whole hour: its end is not in it
        (1, 1.0, 60, 1),
        # |     |  [---|-)   |      crosses 02:00
        (1, 1.5, 60, None),
        # |     [------------|---)  longer than a season
        (3, 3.0, 240, None),
        (3, 4.0, 60, 1),
        # day is 06:00 to 18:00
        (12, 17.9, 6, 0),
        (12, 18.0, 6, 1),
        (12, 17.9, 12, None),
        # night goes on over midnight
        (12, 23.9, 12, 1),
    ],
)
def test_the_part_of_a_span(hours: int, begin: float, minutes: int, expected: int | None) -> None:
    """A half-open span lies in a season as a whole, or in none."""
    start = MONDAY + timedelta(hours=begin)

    assert expected == Seasons(hours).season_of_span(start, start + timedelta(minutes=minutes))


def test_a_span_from_one_day_to_the_next_hour_of_the_same_name() -> None:
    """A span of a day and a bit begins and ends in one hour, but is in no season; Friday night ends at midnight."""
    friday = MONDAY + timedelta(days=4, hours=23, minutes=57)

    assert Seasons(1).season_of_span(MONDAY, MONDAY + timedelta(days=1, minutes=1)) is None
    assert Seasons(12).season_of_span(friday, friday + SIX_MINUTES) == 1
    assert Seasons(12, weekend=True).season_of_span(friday, friday + SIX_MINUTES) is None


@pytest.mark.parametrize(
    ("draw", "rows", "expected"),
    [
        (sine, 180_000, Seasons(1)),
        (sine, 60_000, Seasons(3)),
        (sine, 30_000, Seasons(6)),
        (weekly, 60_000, Seasons(12, weekend=True)),
    ],
)
def test_hours_that_differ_are_told_apart(draw: Any, rows: int, expected: Seasons) -> None:
    """The finest seasons that the baseline can carry is chosen: hours, more hours, day and night with the weekend."""
    instants = spread(rows, 7)
    values = {"x": draw(instants, 0)}
    found = choose(build_layout(SCHEMA, values), values, instants, N, length=SIX_MINUTES)

    assert expected == found.seasons
    assert f"judged by {expected.count} seasons of {expected.hours} h each: they differ" == found.why


def test_weekends_like_weekdays_are_not_told_apart() -> None:
    """Where only the hour matters the week is not cut as well, although the baseline could carry it."""
    instants = spread(400_000, 14)
    values = {"x": sine(instants, 0)}
    found = choose(build_layout(SCHEMA, values), values, instants, N, length=SIX_MINUTES)

    assert Seasons(1) == found.seasons


def test_equal_hours_are_not_told_apart() -> None:
    """Without a daily course there is one baseline for all hours."""
    instants = spread(180_000, 7)
    values = {"x": sine(instants, 0, height=0.0)}
    found = choose(build_layout(SCHEMA, values), values, instants, N, length=SIX_MINUTES)

    assert (None, "hours do not differ") == (found.seasons, found.why)


def test_a_small_baseline_cannot_be_cut() -> None:
    """Where hours differ but no season would have 36 windows, there is one baseline, and the words say so."""
    instants = spread(10_000, 7)
    values = {"x": sine(instants, 0, height=1.0)}
    found = choose(build_layout(SCHEMA, values), values, instants, N, length=SIX_MINUTES)

    few = "a season needs 36 windows of 200 rows in the baseline"
    assert (None, f"hours differ, but {few}; one baseline for all hours") == (
        found.seasons,
        found.why,
    )


def test_windows_fit_into_parts() -> None:
    """Windows of two hours cannot be judged by hours or by three hours, so seasons of six are chosen."""
    instants = spread(180_000, 7)
    values = {"x": sine(instants, 0)}
    found = choose(build_layout(SCHEMA, values), values, instants, N, length=timedelta(hours=2))

    assert Seasons(6) == found.seasons


def test_without_times_hours_are_not_looked_at() -> None:
    """Rows whose order alone is known are replayed as one, and the words say that hours were not looked at."""
    values = {"x": sine(spread(60_000, 7), 0)}
    layout = build_layout(SCHEMA, values)
    known, short = assess(layout, values, N), assess(layout, values, 10_000)

    assert (None, "assessed; hours were not looked at: no times") == (known.seasons, known.why)
    assert known.dispersion["x"].factor("location", N) > 5
    assert Noise(why="not assessed: needs 30 windows of 10,000 rows in the baseline, which has 60,000 rows") == short


class Day:
    """A baseline with a daily course of .3 standard deviations, cut by hours and not cut, and clean windows for it."""

    def __init__(self, learnt: Callable[..., Baseline]) -> None:
        """Learn from 180,000 rows of a week."""
        instants = spread(180_000, 7)
        values = {"x": sine(instants, 0)}
        noise = assess(build_layout(SCHEMA, values), values, N, RowTimes(instants, SIX_MINUTES))
        assert noise.seasons is not None
        self.seasons = noise.seasons
        self.cut = learnt(values, noise=noise, of_row=noise.seasons.season_of(instants))
        self.whole = learnt(values)

    def alarms(self, monitor: Callable[..., Any], baseline: Baseline, windows: int) -> int:
        """Count the flagged ones among windows of six minutes, at one percent for drift."""
        one = monitor(
            baseline,
            at=MONDAY,
            windowing={"length": 360},
            false_alarms={"count": 3, "per": "day"},
            watch={"margin": 0},
        )
        found = []
        for seed in range(windows):
            one.chart_state = None
            begin = microseconds(one.span.start)
            instants = np.sort(np.random.default_rng(seed).integers(begin, begin + 360_000_000, N))
            found.append(one.see({"x": sine(instants, 1_000 + seed)}, self.seasons.season_of(instants)))
        return sum(judged.verdict is Verdict.DRIFT for judged in found)


@pytest.fixture(scope="module")
def day(learnt: Callable[..., Baseline]) -> Day:
    """The seasonal example."""
    return Day(learnt)


def test_false_alarms_of_the_seasonal_example(day: Day, monitor: Callable[..., Any]) -> None:
    """With hours told apart, clean windows are flagged within twice the promise; with one baseline, half of them."""
    cut, whole = (day.alarms(monitor, baseline, 240) for baseline in (day.cut, day.whole))
    nominal = 3 / 240

    assert Seasons(1) == day.seasons
    assert cut <= binom.isf(1e-3, 240, 2 * nominal)
    assert whole > 0.3 * 240


def test_replay_inside_parts(day: Day) -> None:
    """Once hours are told apart, windows vary no more than those of independent rows."""
    factors = day.cut.noise.dispersion["x"]

    assert (1.0, 1.0) == (factors.factor("location", N), factors.factor("scale", N))
