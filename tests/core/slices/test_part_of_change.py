"""How much of a difference of means is gone without some rows."""

from __future__ import annotations

import numpy as np
import pytest

from pegel.slices.part_of_change import Contributions, SideSums, contributions, difference


def side(score: np.ndarray, mask: np.ndarray) -> SideSums:
    """Sum up one side with one slice."""
    return SideSums(
        count=np.array([float(mask.sum())]),
        total=np.array([score[mask].sum()]),
        squares=np.array([(score[mask] ** 2).sum()]),
        rows=float(score.size),
        whole=float(score.sum()),
        whole_squares=float((score**2).sum()),
    )


def drawn(rng: np.random.Generator, n: int, *, moved: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Draw scores and a slice of one in five rows, which lie higher by one, and by `moved` more."""
    mask = rng.random(n) < 0.2
    return rng.normal(0, 1, n) + (1 + moved) * mask, mask


def told(rng: np.random.Generator, moved: float = 0.0) -> Contributions:
    """Return what the slice contributes, of 3,000 rows before and 2,000 now."""
    return contributions(side(*drawn(rng, 3_000)), side(*drawn(rng, 2_000, moved=moved)))


def test_the_part_is_what_is_gone_without_the_rows() -> None:
    """The part of the difference is one less the difference of the other rows over that of all."""
    rng = np.random.default_rng(1)
    (was, before), (is_, now) = drawn(rng, 500), drawn(rng, 400, moved=2)

    found = contributions(side(was, before), side(is_, now))

    expected = 1 - (is_[~now].mean() - was[~before].mean()) / (is_.mean() - was.mean())
    assert found.part[0] == pytest.approx(expected, abs=1e-12)
    assert found.share_now[0] == now.mean()
    assert difference(side(was, before), side(is_, now))[0] == pytest.approx(is_.mean() - was.mean(), abs=1e-12)


def test_contributions_of_nothing_are_standard_normal() -> None:
    """Over many draws without a change of its own, a slice's contribution has its standard error's spread."""
    rng = np.random.default_rng(2)
    # Its way is made positive by that of the whole; here that way is given.
    z = np.array([_signed(rng) for _ in range(1_500)])

    assert abs(z.mean()) < 0.1
    assert 0.93 < z.std() < 1.07


def _signed(rng: np.random.Generator) -> float:
    sides = side(*drawn(rng, 3_000)), side(*drawn(rng, 2_000))
    apart, _ = difference(*sides)
    return float(contributions(*sides).z[0] * np.sign(apart))


def test_a_slice_that_changed_stands_out() -> None:
    """Rows that moved contribute many standard errors."""
    found = told(np.random.default_rng(3), moved=1.0)

    assert found.z[0] > 7
    assert found.rank[0] > 7


@pytest.mark.parametrize("rows", [0, 40])
def test_slices_of_no_row_and_of_all_contribute_nothing(rows: int) -> None:
    """Where nothing is left out, or nothing left, nothing can be told: no part, no standard errors."""
    score, mask = np.arange(40.0), np.arange(40) < rows

    found = contributions(side(score, mask), side(score + 1, mask))

    assert (found.part[0], found.z[0], found.rank[0]) == (0, 0, 0)
