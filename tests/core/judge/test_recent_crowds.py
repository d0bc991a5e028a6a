"""Rows of the windows before: at most so many, and the same ones after a restart."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from sent_rows import counted, usual

from pegel.data.spans import Span
from pegel.judge.recent_crowds import WINDOWS, Horizon, RecentCrowds, Remembered
from pegel.stats.fingerprints.kept_rows import MOST_ROWS, KeptRows
from pegel.testing.manual_clock import START


def rows_of(count: int, seed: int) -> KeptRows:
    """Return the kept rows of a window."""
    behaviour = counted(usual(np.random.default_rng(seed), count)).behaviour
    assert behaviour is not None
    return behaviour.rows


def test_sixteen_windows_are_remembered_and_never_more_rows_than_fit() -> None:
    """The oldest is let go; of large windows a part is kept, of all of them the same part."""
    known = Remembered()
    for seed in range(WINDOWS + 2):
        known = known.plus(rows_of(1_000, seed))

    assert WINDOWS == len(known.spans)
    assert MOST_ROWS >= sum(one.n for one in known.spans) > MOST_ROWS // 3
    assert {1} == {one.level for one in known.spans}


def test_too_few_rows_before_are_compared_with_nothing() -> None:
    """Four times as many as the window has are enough."""
    window, three, four = rows_of(300, 0), Remembered(), Remembered()
    for seed in range(1, 4):
        three = three.plus(rows_of(300, seed))
    four = three.plus(rows_of(301, 4))

    assert three.beside(window) is None
    assert four.beside(window) is not None


def test_of_a_large_window_a_part_is_compared() -> None:
    """Where only a part of the windows before is kept, a part of the window stands beside it: a quarter as many."""
    known = Remembered()
    for seed in range(6):
        known = known.plus(rows_of(4_000, seed))
    beside = known.beside(rows_of(4_000, 9))

    assert beside is not None
    window, before = beside
    assert 0 < 4 * window.n <= before.n <= MOST_ROWS


def test_what_an_alarm_was_about_does_not_excuse_itself() -> None:
    """Windows and horizons that were told are not remembered; the others are."""
    span = Span(START, START + timedelta(minutes=1))
    rows = rows_of(100, 1)
    recent = RecentCrowds()
    horizon = recent.with_window(rows, span)
    told = recent.after(rows, horizon, window_told=True, horizon_told=False)
    whole = Horizon(rows, WINDOWS, START, span.end)
    ended = recent.after(rows, whole, window_told=False, horizon_told=True)

    assert (0, horizon) == (len(told.windows.spans), told.horizon)
    assert (1, 0, None) == (len(ended.windows.spans), len(ended.horizons.spans), ended.horizon)


def test_what_is_remembered_is_read_as_it_was_written() -> None:
    """A driver that starts again goes on with the same rows."""
    span, rows = Span(START, START + timedelta(minutes=1)), rows_of(100, 2)
    recent = RecentCrowds()
    for _ in range(WINDOWS + 1):
        horizon = recent.with_window(rows, span)
        recent = recent.after(rows, horizon, window_told=False, horizon_told=False)
    read = RecentCrowds.from_json(recent.to_json())

    assert recent.to_json() == read.to_json()
    assert (WINDOWS, 1, 1) == (len(read.windows.spans), len(read.horizons.spans), read.horizon and read.horizon.windows)
