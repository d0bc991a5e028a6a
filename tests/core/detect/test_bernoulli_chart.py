"""The chart over labelled events: its limits are those of the specification, and its levels those of the recursion."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.detect.bernoulli_chart import (
    BernoulliLimits,
    BernoulliState,
    follow,
    likely_rates,
    limits,
    why_no_chart,
)
from pegel.detect.bernoulli_run_length import Lattice, alarm_rate, average_run_length, smallest_limit

ARL = 117_000


def test_the_lattice_is_that_of_the_specification() -> None:
    """One error in ten: an error raises the level by 71, a right answer lowers it by 10."""
    assert Lattice(71, 10) == Lattice.of(0.1)
    assert 1 == Lattice.of(0.01).down


@pytest.mark.parametrize(("rows", "limit"), [(50_000, 1_236), (10_000, 1_270)])
def test_the_limit_pays_for_the_error_of_training(rows: int, limit: int) -> None:
    """Golden values: the smaller the labelled training data, the higher the limit at the same rate of alarms."""
    found = limits(rows // 10, rows, 1 / ARL)

    assert BernoulliLimits(Lattice(71, 10), limit) == found


def test_the_limit_of_a_known_rate_is_exact() -> None:
    """Golden value 1,227: one less would alarm too often."""
    lattice = Lattice(71, 10)

    assert alarm_rate(1_227, lattice, (0.1,)) <= 1 / ARL < alarm_rate(1_226, lattice, (0.1,))


def test_the_run_length_solves_its_equations() -> None:
    """For a tiny chart the average run length is that of the same chain, counted out step by step."""
    rate, lattice, limit = 0.3, Lattice(2, 1), 4
    alive, expected = np.array([1.0, 0.0, 0.0, 0.0]), 0.0
    for _ in range(5_000):
        expected += alive.sum()
        after = np.zeros(limit)
        for level in range(limit):
            after[max(0, level - 1)] += (1 - rate) * alive[level]
            if level + 2 < limit:
                after[level + 2] += rate * alive[level]
        alive = after

    assert expected == pytest.approx(average_run_length(rate, lattice, limit), rel=1e-9)


@pytest.mark.parametrize(("up", "limit"), [(5, 4), (5, 5), (5, 6), (7, 30), (80, 400)])
def test_run_lengths_of_steps_of_one_solve_their_equations(up: int, limit: int) -> None:
    """Whatever the limit is beside the steps: the equations of all levels, solved as they stand, say the same."""
    rate, system = 0.02, np.eye(limit)
    for level in range(limit):
        system[level, max(0, level - 1)] -= 1 - rate
        if level + up < limit:
            system[level, level + up] -= rate

    solved = np.linalg.solve(system, np.ones(limit))[0]
    assert solved == pytest.approx(average_run_length(rate, Lattice(up, 1), limit), rel=1e-9)


def test_errors_that_are_rare_have_a_chart_that_fits_into_memory() -> None:
    """Of one error in ten thousand an error is some 8,000 steps: as equations in a band they took two gigabytes."""
    lattice = Lattice.of(1e-4)
    tracemalloc.start()
    found = average_run_length(1e-4, lattice, 30_000)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert 8_000 < lattice.up < 30_000
    assert found > 3 / 1e-4
    assert most < 50_000_000


@pytest.mark.parametrize("rate", [4.5e-4, 1e-4])
def test_rates_of_alarms_of_very_rare_errors_err_towards_fewer_alarms(rate: float) -> None:
    """They are computed on a coarser lattice: of each limit up to 2 % more alarms than the exact chart raises."""
    lattice = Lattice.of(rate)
    for errors in (2, 5, 10):
        limit = errors * lattice.up + 17
        too_many = alarm_rate(limit, lattice, (rate,)) * average_run_length(rate, lattice, limit)

        assert 1 <= too_many < 1.02


def test_the_limit_of_very_rare_errors_is_found() -> None:
    """It took minutes. One false alarm in a million events at most, and less than a hundredth lower is one too many."""
    lattice = Lattice.of(1e-4)
    limit = smallest_limit(lattice, (1e-4,), 1e-6)
    found = limits(100, 1_000_000, 1e-6)
    assert found is not None

    assert average_run_length(1e-4, lattice, limit) >= 1e6 > average_run_length(1e-4, lattice, int(0.99 * limit))
    assert limit < found.limit < 2 * limit


@given(
    wrong=st.lists(st.booleans(), max_size=300),
    cuts=st.lists(st.integers(0, 300), max_size=3),
    limit=st.integers(3, 40),
)
def test_the_chart_is_a_fold_over_events(wrong: list[bool], cuts: list[int], limit: int) -> None:
    """Event by event, or in parts of any size, it has the same levels and alarms as the recursion that defines it."""
    chart = BernoulliLimits(Lattice(3, 1), limit)
    level, expected = 0, []
    for place, error in enumerate(wrong):
        level = level + 3 if error else max(0, level - 1)
        if level >= limit:
            expected.append(place)
            level = 0
    state, found, start = BernoulliState(), list[int](), 0
    for part in np.split(np.array(wrong, dtype=np.bool_), sorted(min(cut, len(wrong)) for cut in cuts)):
        state, alarms = follow(state, part, chart)
        found += [start + alarm.at for alarm in alarms]
        start += part.size

    assert expected == found
    assert level == state.level
    assert state == BernoulliState(**state.to_json())


def test_a_run_counts_events_and_errors_since_the_level_was_zero() -> None:
    """What led to an alarm is told with it: how many events, and how many errors among them."""
    wrong = np.array([False, False, True, False, True, True])
    _, (alarm,) = follow(BernoulliState(), wrong, BernoulliLimits(Lattice(3, 1), 8))

    assert BernoulliState(8, 4, 3) == alarm.run
    assert 5 == alarm.at


def test_errors_are_found_as_fast_as_stated() -> None:
    """Median delays from an error rate of 0.1: targets for .15, .2, .3 are 500, 210, 100 events."""
    chart = limits(5_000, 50_000, 1 / ARL)
    rng = np.random.default_rng(7)
    assert chart is not None
    for rate, allowed in ((0.15, 500), (0.2, 210), (0.3, 100)):
        delays = [follow(BernoulliState(), rng.random(5_000) < rate, chart)[1][0].at + 1 for _ in range(60)]

        assert np.median(delays) <= allowed


def test_false_alarms_are_as_rare_as_asked_for() -> None:
    """Realised over nominal, by counting alarms of many baselines: between 0.7 and 1.3."""
    rows, rate, events, rng = 10_000, 1 / 500, 100_000, np.random.default_rng(11)
    baselines = [round(rows * each) for each in likely_rates(rows // 10, rows)[2::4]]
    found = 0
    for errors in baselines:
        chart = limits(errors, rows, rate)
        assert chart is not None
        found += len(follow(BernoulliState(), rng.random(events) < 0.1, chart)[1])

    assert 0.7 <= found / (len(baselines) * events * rate) <= 1.3


@pytest.mark.parametrize(("errors", "rows"), [(99, 50_000), (200, 999), (4_000, 6_000)])
def test_too_little_is_known_for_a_chart(errors: int, rows: int) -> None:
    """Few labelled rows, few errors, or a model that errs mostly: a sentence, and no chart."""
    assert limits(errors, rows, 1 / ARL) is None
    assert why_no_chart(errors, rows) is not None


def test_few_errors_are_told() -> None:
    """From 100 to 400 errors there is a chart, with a message what it costs."""
    few = limits(150, 1_500, 1 / 1_000)
    assert few is not None

    assert few.message is not None
    assert limits(5_000, 50_000, 1 / ARL, factor=2.0) == BernoulliLimits(Lattice(71, 10), 2 * 1_236)


def test_likely_rates_are_around_what_was_seen() -> None:
    """The middle one is the rate itself, nearly."""
    assert likely_rates(1_000, 10_000)[20] == pytest.approx(0.1, rel=1e-3)
