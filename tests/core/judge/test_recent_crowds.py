"""Rows of the windows before: at most so many, and the same ones after a restart."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from sent_rows import counted, usual

from pegel.data.spans import Span
from pegel.judge.recent_crowds import WINDOWS, Horizon, RecentCrowds, Remembered, name_of
from pegel.stats.fingerprints.kept_rows import MOST_ROWS, KeptRows
from pegel.testing.manual_clock import START


def one_minute(minute: int) -> Span:
    """Return a window."""
    return Span(START + timedelta(minutes=minute), START + timedelta(minutes=minute + 1))


def everything(recent: RecentCrowds) -> list[bytes]:
    """Return all rows that are remembered, bit by bit."""
    spans = [rows for _, rows in (*recent.windows.spans, *recent.horizons.spans)]
    return [rows.to_bytes() for rows in (*spans, *([] if recent.horizon is None else [recent.horizon.rows]))]


def rows_of(count: int, seed: int) -> KeptRows:
    """Return the kept rows of a window."""
    behaviour = counted(usual(np.random.default_rng(seed), count)).behaviour
    assert behaviour is not None
    return behaviour.rows


def test_sixteen_windows_are_remembered_and_never_more_rows_than_fit() -> None:
    """The oldest is let go; of large windows a part is kept, of all of them the same part."""
    known = Remembered()
    for seed in range(WINDOWS + 2):
        known = known.plus(f"w{seed}", rows_of(1_000, seed))

    assert [f"w{seed}" for seed in range(2, WINDOWS + 2)] == [name for name, _ in known.spans]
    assert MOST_ROWS >= sum(one.n for _, one in known.spans) > MOST_ROWS // 3
    assert {1} == {one.level for _, one in known.spans}


def test_too_few_rows_before_are_compared_with_nothing() -> None:
    """Four times as many as the window has are enough."""
    window, three, four = rows_of(300, 0), Remembered(), Remembered()
    for seed in range(1, 4):
        three = three.plus(f"w{seed}", rows_of(300, seed))
    four = three.plus("w4", rows_of(301, 4))

    assert three.beside(window) is None
    assert four.beside(window) is not None


def test_of_a_large_window_a_part_is_compared() -> None:
    """Where only a part of the windows before is kept, a part of the window stands beside it: a quarter as many."""
    known = Remembered()
    for seed in range(6):
        known = known.plus(f"w{seed}", rows_of(4_000, seed))
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
    whole = Horizon(rows, tuple(f"w{at}" for at in range(WINDOWS)), START, span.end)
    ended = recent.after(rows, whole, window_told=False, horizon_told=True)

    assert (0, horizon) == (len(told.windows.spans), told.horizon)
    assert (1, 0, None) == (len(ended.windows.spans), len(ended.horizons.spans), ended.horizon)


def test_what_is_remembered_is_read_as_it_was_written() -> None:
    """A driver that starts again goes on with the same rows, of which those of large windows are kept in part."""
    recent, sent = RecentCrowds(), dict[str, KeptRows]()
    for minute in range(WINDOWS + 2):
        span, rows = one_minute(minute), rows_of(900, minute)
        sent[name_of(span)] = rows
        horizon = recent.with_window(rows, span)
        recent = recent.after(rows, horizon, window_told=minute == 3, horizon_told=False)
    read = RecentCrowds.from_json(recent.to_json(), recent.packed(recent.names, sent))

    assert recent.to_json() == read.to_json()
    assert everything(recent) == everything(read)
    assert (WINDOWS, 1, 2) == (len(read.windows.spans), len(read.horizons.spans), len(horizon.names))


def test_each_window_is_written_once_whatever_is_remembered() -> None:
    """With each window its own rows are written and no others, with each sixteenth those of its horizon once."""
    recent, known, written = RecentCrowds(), frozenset[str](), list[frozenset[str]]()
    for minute in range(3 * WINDOWS):
        span, rows = one_minute(minute), rows_of(40, minute)
        recent = recent.after(rows, recent.with_window(rows, span), window_told=False, horizon_told=False)
        fresh = recent.packed(recent.names - known, {name_of(span): rows})
        written.append(frozenset(fresh))
        known = recent.names
    names = [name_of(one_minute(minute)) for minute in range(3 * WINDOWS)]

    assert [frozenset({name, f"from {name}"}) for name in names[: WINDOWS - 1]] == written[: WINDOWS - 1]
    assert {at: frozenset({names[at], f"16 {names[at - 15]}"}) for at in (15, 31, 47)} == {
        at: written[at] for at in (15, 31, 47)
    }
    assert frozenset({*names[-WINDOWS:], *(f"16 {names[at]}" for at in (0, 16, 32))}) == known


def test_the_state_of_a_window_with_a_crowd_is_not_large() -> None:
    """Of the largest window that is kept, 8,192 rows, without who sent them, fewer than 480 kB are stored."""
    rng = np.random.default_rng(1)
    hashes, cells = (rng.integers(0, 2**63, MOST_ROWS * width, dtype=np.uint64) for width in (1, 4))
    rows = KeptRows.of(hashes, cells.reshape(MOST_ROWS, 4))

    assert MOST_ROWS == rows.n
    assert 480_000 > len(rows.bare().to_bytes())
