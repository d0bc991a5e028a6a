"""How rare a score is that lies beyond all training scores."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pegel.baseline.outliers import ScoreTail

RNG = np.random.default_rng(11)
ROWS, LATER = 20_000, 2_000_000


def scores(kind: str, rows: int) -> NDArray[np.float64]:
    """Return sums of negative logarithms of uniform tail probabilities: of one feature, of five, of two that agree."""
    parts = {"one": 1, "five": 5, "alike": 1}[kind]
    total: NDArray[np.float64] = RNG.exponential(size=(rows, parts)).sum(axis=1)
    return total * 2 if kind == "alike" else total


@pytest.mark.parametrize("kind", ["one", "five", "alike"])
@pytest.mark.parametrize("level", [1e-4, 1e-5, 1e-6])
def test_unchanged_rows_are_rarer_than_they_are_told_to_be(kind: str, level: float) -> None:
    """Of later rows no larger part lies beyond a level than the level says, but for chance."""
    tail = ScoreTail.of(scores(kind, ROWS))
    assert tail is not None
    beyond = sum(tail.p_value(score) < level for score in np.sort(scores(kind, LATER))[-2_000:].tolist())

    assert beyond <= level * LATER + 4 * np.sqrt(level * LATER + 1)


def test_a_score_grows_rarer_as_it_grows() -> None:
    """A higher score is never told to be more frequent; up to the largest of training none is rarer than one of all."""
    drawn = scores("five", ROWS)
    tail = ScoreTail.of(drawn)
    assert tail is not None
    told = [tail.p_value(score) for score in np.linspace(0, 3 * drawn.max(), 200).tolist()]

    assert sorted(told, reverse=True) == told
    assert 1 / (ROWS + 1) <= tail.p_value(float(drawn.max()))
    assert (1.0, tail) == (tail.p_value(0.0), ScoreTail.from_json(tail.to_json()))


def test_few_rows_say_nothing_of_what_is_rare() -> None:
    """Below a hundred rows there is no tail; of equal scores nothing higher is expected."""
    same = ScoreTail.of(np.full(1_000, 3.0))

    assert ScoreTail.of(np.arange(99.0)) is None
    assert same is not None
    assert (1.0, 0.0) == (same.p_value(3.0), same.p_value(3.1))


def test_the_order_of_rows_changes_no_bit() -> None:
    """A tail is the same of rows in any order, whatever a processor does when it parts the largest from the rest."""
    drawn = np.random.default_rng(5).exponential(size=5_003)
    tails = [ScoreTail.of(np.random.default_rng(seed).permutation(drawn)) for seed in range(20)]

    assert [ScoreTail.of(np.sort(drawn))] * 20 == tails
