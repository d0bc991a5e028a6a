"""Sessions of training: how large a crowd has to be so that no honest customer is told."""

from __future__ import annotations

import numpy as np
from fingerprinted_rows import columns_of, golden, stepped

from pegel.detect.crowded_cells import crowd_test
from pegel.stats.fingerprints.burst_floor import BurstFloor, session_sizes

SIZES = np.repeat([2, 3, 4, 5, 6, 7, 8], [300, 120, 48, 19, 8, 3, 2])


def sessions(rng: np.random.Generator, n: int, customers: int) -> np.ndarray:
    """Draw rows among which some customers are scored ten times with small changes."""
    rows = stepped(rng, n)
    for customer in range(customers):
        own = slice(10 * customer, 10 * customer + 10)
        rows[own, :-1] = rows[own, :-1][0] + 0.01 * rng.normal(size=(10, 5))
        rows[own, -1] = rows[own, -1][0]
    return rows[rng.permutation(n)]


def test_the_floor_is_that_of_the_specification() -> None:
    """Beyond five rows sizes fall by 1.625: 17 rows at 1e-5, 12 at 1e-3."""
    floor = BurstFloor.of_sizes(SIZES, 50)

    assert BurstFloor(5, 0.625, 0.64, 50) == floor
    assert (17, 12) == (floor.least(1e-5), floor.least(1e-3))


def test_of_fewer_than_thirty_blocks_nothing_is_said_of_sessions() -> None:
    """Whoever does not know says so."""
    assert BurstFloor.of_sizes(SIZES, 29) is None


def test_training_without_sessions_has_no_floor() -> None:
    """Any two rows may be a crowd there; where crowds are few but of one size, one more row is needed."""
    none, few = BurstFloor.of_sizes(np.array([], dtype=np.int64), 40), BurstFloor.of_sizes(np.full(4, 2), 40)

    assert none is not None
    assert few is not None
    assert (2, 3) == (none.least(1e-5), few.least(1e-5))


def test_crowds_of_one_block_are_told_from_those_of_all() -> None:
    """A cell with two rows or more elsewhere is no session; one row elsewhere is chance."""
    cells = np.array([7] * 5 + [8] * 4 + [9] * 6, dtype=np.uint64)[:, None]
    blocks = np.array([0, 0, 0, 0, 1] + [0, 0, 1, 1] + [2] * 6)

    assert [4, 6] == session_sizes(cells, blocks).tolist()


def test_a_floor_is_read_as_it_was_written() -> None:
    """No digit is lost in the baseline."""
    floor = BurstFloor(5, 0.625, 0.64, 50)

    assert floor == BurstFloor.from_json(floor.to_json())


def test_honest_sessions_are_crowds_for_the_plain_test_and_none_with_the_floor() -> None:
    """Ten rows of one customer are no chance; as training has had such customers, nobody is told."""
    rng = np.random.default_rng(3)
    cells = [golden().tables.cells(golden().codes.of_rows(columns_of(sessions(rng, 500, 3)))) for _ in range(40)]
    blocks = np.repeat(np.arange(40), 500)
    floor = BurstFloor.of_sizes(session_sizes(np.concatenate(cells), blocks), 40)
    windows = [golden().sizes(sessions(rng, 500, 3)) for _ in range(20)]
    plain = [crowd_test(window, golden().counted, 1e-3).crowd is not None for window in windows]
    with_floor = [crowd_test(window, golden().counted, 1e-3, floor=floor).crowd is not None for window in windows]

    assert (20, 0) == (sum(plain), sum(with_floor))
