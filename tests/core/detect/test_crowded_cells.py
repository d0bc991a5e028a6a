"""Crowds of nearly equal rows: exact tails, what is no crowd, and what the recent past refuses."""

from __future__ import annotations

import numpy as np
from fingerprinted_rows import Trained, golden, stepped

from pegel.detect.crowded_cells import CrowdedCell, crowd_test, most_crowded
from pegel.stats.fingerprints.burst_floor import BurstFloor
from pegel.stats.fingerprints.crowd_sizes import CrowdSizes
from pegel.stats.fingerprints.kept_rows import KeptRows


def p_of(rows: int, n: int, before: int, m: int) -> float:
    """Return the tail of one cell alone."""
    return CrowdedCell(0, 0, rows, n, before, m, cells=1, tables=1).p_value


def p_of_window(nearness: float) -> tuple[float, int, int]:
    """Return p of the specification's window, whose first twelve rows are near one row, and rows of its crowd."""
    rng = np.random.default_rng(2)
    rows = stepped(rng, 1_000)
    noise = rng.normal(size=(12, 6))
    noise[:, -1] = 0
    rows[:12] = rows[0] + nearness * noise
    cell = most_crowded(golden().sizes(rows), golden().counted)
    assert cell is not None
    return cell.p_value, cell.rows, cell.before


def test_tails_of_cells_are_those_of_the_specification() -> None:
    """Exact to the last digit that is written down, with both samples paid for."""
    assert ["3.561413e-11", "4.846782e-11", "2.444846e-10", "5.681373e-05"] == [
        f"{p_of(*counts):.6e}"
        for counts in ((7, 1_000, 0, 30_000), (8, 1_000, 2, 30_000), (4, 200, 0, 50_000), (3, 2_000, 0, 50_000))
    ]


def test_twelve_rows_near_each_other_are_a_crowd() -> None:
    """They meet in one cell that no row of training stands in."""
    p, rows, before = p_of_window(0.02)

    assert ("2.556214e-12", 12, 0) == (f"{p:.6e}", rows, before)


def test_equal_rows_are_no_crowd_and_neither_are_rows_far_apart() -> None:
    """Twelve copies of a row are one row; twelve rows half a deviation apart are as any others."""
    rows = stepped(np.random.default_rng(2), 1_000)
    clean = most_crowded(golden().sizes(rows), golden().counted)

    assert clean is not None
    assert (1.0, 1.0, 1.0) == (clean.p_value, p_of_window(0.0)[0], p_of_window(0.5)[0])


def test_a_hundred_copies_of_five_rows_are_no_crowd() -> None:
    """Retries and caches send the same row again and again; each counts once."""
    rows = stepped(np.random.default_rng(8), 1_000)
    rows[:500] = np.repeat(rows[:5], 100, axis=0)
    cell = most_crowded(golden().sizes(rows), golden().counted)

    assert cell is not None
    assert 1.0 == cell.p_value


def test_clean_windows_have_a_crowd_no_more_often_than_the_level_says() -> None:
    """At one false alarm in ten windows, at most 20 of 200 windows of 200 rows have one: all cells are paid for."""
    rng = np.random.default_rng(9)
    cells = [most_crowded(golden().sizes(stepped(rng, 200)), golden().counted) for _ in range(200)]

    assert sum(cell is not None and cell.p_value <= 0.1 for cell in cells) <= 20


def test_rows_near_each_other_are_told_although_the_recent_past_is_known() -> None:
    """What nobody sent before is a crowd against training and against the windows before."""
    rng = np.random.default_rng(10)
    recent = golden().sizes(stepped(rng, 8_000))
    rows = stepped(rng, 1_000)
    rows[:30] = rows[0] + 0.01 * np.append(rng.normal(size=(30, 5)), np.zeros((30, 1)), axis=1)
    window = golden().sizes(rows)
    crowd = crowd_test(window, golden().counted, 1e-5, recent=(window, recent)).crowd

    assert crowd is not None
    assert crowd.recent is not None
    assert 32 >= crowd.baseline.rows > 20
    assert max(crowd.baseline.p_value, crowd.recent.p_value) < 1e-5


def stuck(rng: np.random.Generator, n: int) -> np.ndarray:
    """Draw rows of which four columns are stuck at a new default."""
    rows = stepped(rng, n)
    rows[:, :4] = 0.0
    return rows


def test_new_defaults_crowd_cells_and_are_refused_once_the_recent_past_is_known() -> None:
    """Columns stuck at a default put rows into few cells: a crowd against training alone, and none against the past."""
    rng = np.random.default_rng(11)
    window = golden().sizes(stuck(rng, 1_000))
    recent = golden().sizes(stuck(rng, 8_000))

    assert crowd_test(window, golden().counted, 1e-5).crowd is not None
    beside = crowd_test(window, golden().counted, 1e-5, recent=(window, recent))
    assert (None, True) == (beside.crowd, beside.against_training)


def crowd_of(count: int) -> CrowdSizes:
    """Return a window of a thousand rows, of which the first are small changes of one."""
    rng = np.random.default_rng(2)
    rows = stepped(rng, 1_000)
    noise = rng.normal(size=(count, 6))
    noise[:, -1] = 0
    rows[:count] = rows[0] + 0.02 * noise
    return golden().sizes(rows)


def test_a_crowd_smaller_than_sessions_of_training_are_is_not_told() -> None:
    """With a floor of 17 rows, twelve rows that chance cannot explain are a session as training has them."""
    window, floor = crowd_of(12), BurstFloor(5, 0.625, 0.64, 50)

    assert crowd_test(window, golden().counted, 1e-5).crowd is not None
    assert crowd_test(window, golden().counted, 1e-5, floor=floor).crowd is None


def test_sixteen_windows_may_have_the_sessions_of_each() -> None:
    """At sixteen times the level a crowd of sixteen windows needs as many rows as one of a single window."""
    window, floor = crowd_of(14), BurstFloor(5, 0.625, 0.64, 50)
    one = crowd_test(window, golden().counted, 16e-5, floor=floor).crowd
    sixteen = crowd_test(window, golden().counted, 16e-5, floor=floor, blocks=16).crowd

    assert one is not None
    assert 14 == one.least
    assert sixteen is None


def test_a_window_of_no_rows_has_no_crowd() -> None:
    """Neither rows nor training rows are needed to say so."""
    nothing = CrowdSizes.of(KeptRows.none())

    assert most_crowded(nothing, golden().counted) is None
    assert crowd_test(nothing, nothing, 1e-5).crowd is None


def test_few_discrete_columns_hide_crowds_and_raise_no_alarm() -> None:
    """Where rows of training meet all the time, a crowd is nothing new: it cannot be seen, and the docs say so."""
    rng = np.random.default_rng(12)
    rows = rng.integers(0, 4, (3_000, 3)).astype(np.float64)
    trained = Trained.on(rows)

    assert (
        crowd_test(trained.sizes(rng.integers(0, 4, (500, 3)).astype(np.float64)), trained.counted, 1e-3).crowd is None
    )
