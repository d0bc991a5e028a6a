"""Errors in blocks: the same in any portions, and as far off as the exact law says."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from pegel.detect.cusum import RECOVERY
from pegel.detect.error_blocks import ERRORS, ErrorBlocks, TrainingErrors

TRAINING = TrainingErrors(5_000, 50_000)
START = np.datetime64("2026-11-03T12:00:00", "us")


def times(count: int) -> np.ndarray:
    """Return so many instants, a second apart."""
    return START + np.arange(count) * np.timedelta64(1_000_000, "us")


@pytest.mark.parametrize(("errors", "rows", "size"), [(5_000, 50_000, 50), (1_000, 50_000, 250), (20_000, 50_000, 50)])
def test_blocks_expect_five_errors(errors: int, rows: int, size: int) -> None:
    """A block has fifty events, or so many that five errors are expected."""
    assert size == TrainingErrors(errors, rows).size


@pytest.mark.parametrize("wrong", [2, 5, 9, 12])
def test_a_deviation_is_nearly_a_normal_value(wrong: int) -> None:
    """Its normal tail is within a factor of 1.6 of the exact binomial one, half of the count itself included."""
    z = TrainingErrors(10**6, 10**7).deviation(wrong, 50)
    exact = binom.sf(wrong, 50, 0.1) + binom.pmf(wrong, 50, 0.1) / 2

    assert exact / 1.6 < norm.sf(z) < 1.6 * exact


def test_bursts_and_few_training_rows_make_less_of_it() -> None:
    """Errors that come in bursts, and a small training table, make the same errors less surprising."""
    plain = TrainingErrors(1_000_000, 10_000_000).deviation(12, 50)

    assert plain / 2 == pytest.approx(TrainingErrors(1_000_000, 10_000_000, 4.0).deviation(12, 50))
    assert plain / 2**0.5 == pytest.approx(TrainingErrors(5, 50).deviation(12, 50), rel=1e-4)


@given(st.lists(st.integers(0, 120), max_size=8), st.integers(0, 2**32 - 1))
def test_any_portions_lead_to_the_same_blocks(portions: list[int], seed: int) -> None:
    """Events at once, or in portions with a restart after each, are the same blocks."""
    total = sum(portions)
    wrong, instants = np.random.default_rng(seed).random(total) < 0.2, times(total)
    at_once = ErrorBlocks().plus(wrong, instants, TRAINING)
    piecewise, taken = ErrorBlocks(), 0
    for count in portions:
        part = slice(taken, taken + count)
        piecewise = piecewise.plus(wrong[part], instants[part], TRAINING)
        piecewise = ErrorBlocks.from_json(json.loads(json.dumps(piecewise.to_json())))
        taken += count

    assert at_once == piecewise
    assert total // 50 == len(at_once.blocks.of(ERRORS))


def test_an_open_block_counts_at_an_alarm() -> None:
    """What is no full block yet is one more when the interval is computed, and stays open."""
    state = ErrorBlocks().plus(np.ones(70, dtype=bool), times(70), TRAINING)
    closed = state.closed(times(70)[-1], TRAINING)

    assert (1, 2) == (len(state.blocks.of(ERRORS)), len(closed.of(ERRORS)))
    assert (20, 20) == (state.events, state.errors)
    assert closed.of(ERRORS).end(0) < closed.of(ERRORS).start(1)


def test_an_episode_that_is_over_is_forgotten() -> None:
    """After an alarm, sixteen blocks that look as in training leave none of the bad ones; without one all are kept."""
    bad, good = np.ones(500, dtype=bool), np.tile(np.arange(10) == 0, 20 * 5)
    instants = times(bad.size + good.size)
    state = ErrorBlocks().plus(bad, instants[: bad.size], TRAINING)
    after = [one.plus(good, instants[bad.size :], TRAINING).blocks for one in (state, state.with_alarm())]

    assert 30 == len(after[0].of(ERRORS))
    assert RECOVERY // 2 <= len(after[1].of(ERRORS)) <= 20
    assert after[1].of(ERRORS).z.max() < 1 < after[0].of(ERRORS).z.max()
    assert frozenset() == after[1].alarmed
