"""Correlations: exact sums, and changes that single fields do not show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import binom

from pegel.baseline.pair_reference import PairReference
from pegel.detect.correlation import PairChange, by_halves, correlation, halves_of
from pegel.detect.odds_ratios import same_odds
from pegel.stats.cells import cell_of, count_sorted
from pegel.stats.comoments import Comoments
from pegel.stats.edges import build
from pegel.stats.fourth import FourthProducts
from pegel.stats.normal_scores import normal_scores, off_mode, score_skewness


def values(seed: int, n: int, rho: float, df: float = np.inf) -> NDArray[np.float64]:
    """Draw two fields with correlation `rho`, with joint heavy tails for small `df`, shape (n, 2)."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(n, 2))
    drawn[:, 1] = rho * drawn[:, 0] + np.sqrt(1 - rho * rho) * drawn[:, 1]
    return drawn if np.isinf(df) else drawn / np.sqrt(rng.chisquare(df, n) / df)[:, None]


class Trained:
    """The cells of some fields, and what a baseline keeps of their rows; NaN stands for null."""

    def __init__(self, rows: NDArray[np.float64]) -> None:
        """Freeze cells and scores."""
        ordered = [np.sort(column[np.isfinite(column)]) for column in rows.T]
        self.edges = [build(column)[0] for column in ordered]
        counts = [count_sorted(column, edges) for column, edges in zip(ordered, self.edges, strict=True)]
        self.tables = [normal_scores(each) for each in counts]
        fourth = FourthProducts(len(counts))
        fourth.update(self.scores(rows), np.isfinite(rows))
        self.sums = self.summed(rows)
        self.reference = PairReference(
            sums=self.sums,
            kappa=fourth.kappas(),
            off_mode=np.array([off_mode(each) for each in counts]),
            skewness=np.array([score_skewness(*each) for each in zip(self.tables, counts, strict=True)]),
            factor=np.ones((len(counts), len(counts))),
        )

    def scores(self, rows: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the normal scores of rows."""
        each = zip(np.nan_to_num(rows).T, self.edges, self.tables, strict=True)
        return np.stack([table[cell_of(column, edges)] for column, edges, table in each], axis=1)

    def summed(self, rows: NDArray[np.float64]) -> Comoments:
        """Return the sums of rows."""
        sums = Comoments(rows.shape[1])
        sums.update(self.scores(rows), np.isfinite(rows))
        return sums

    def change(self, rows: NDArray[np.float64], chosen: list[int] | None = None) -> PairChange:
        """Return the pair that changed most in a window."""
        change = correlation(self.reference, self.summed(rows), chosen)
        assert change is not None
        return change

    def p_of(self, rows: NDArray[np.float64]) -> float:
        """Return the p-value over all pairs; 1 where none could have changed."""
        change = correlation(self.reference, self.summed(rows))
        return 1.0 if change is None else change.p_value

    def alarms(self, rows: NDArray[np.float64]) -> bool:
        """Say whether a change is certain at one percent, and large enough to matter."""
        change = correlation(self.reference, self.summed(rows))
        return change is not None and change.relevant and change.p_value < 0.01


def together(seed: int, n: int, share: float, times: float = 1.0) -> NDArray[np.float64]:
    """Draw three flags, each up in a share of the rows; the first two are so many times as often up together."""
    rng = np.random.default_rng(seed)
    rows = rng.random((n, 3)) < share
    rows[:, 1] = rng.random(n) < np.where(rows[:, 0], times * share, share * (1 - times * share) / (1 - share))
    return rows.astype(np.float64)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 300), max_size=4), st.sampled_from([0.0, 0.1]))
@settings(deadline=None)
def test_any_split_in_any_order_gives_the_same_integers(seed: int, cuts: list[int], nulls: float) -> None:
    """Sums of parts are the sums of all rows, bit by bit, whatever is missing, in any order and after packing."""
    rng = np.random.default_rng(seed)
    scores, present = rng.integers(-2_724, 2_725, (300, 4)), rng.random((300, 4)) >= nulls * np.arange(4)
    whole, parts = Comoments(4), []
    whole.update(scores, present)
    for rows in np.array_split(np.arange(300), sorted(cuts)):
        parts.append(Comoments(4))
        parts[-1].update(scores[rows], present[rows])
    merged = Comoments(4)
    for i in rng.permutation(len(parts)):
        merged.merge(Comoments.from_bytes(parts[i].to_bytes()))

    assert whole.to_bytes() == merged.to_bytes()


def test_nothing_missing_takes_no_room() -> None:
    """Complete fields cost one number a pair for products and one for high rows; each that lacks some, four a field."""
    scores = np.random.default_rng(0).integers(-2_724, 2_725, (100, 64))
    present = np.ones(scores.shape, dtype=np.bool_)
    sums = [Comoments(64) for _ in range(3)]
    sums[0].update(scores)
    sums[1].update(scores, present)
    present[0, :2] = False
    sums[2].update(scores, present)

    assert [8 * (3 + 2 * 64 + 64**2 + g + 4 * g * 64) for g in (0, 0, 2)] == [len(one.body()) for one in sums]


def test_a_changed_correlation_is_found() -> None:
    """A correlation that goes from 0 to 0.3 is certain in 1,000 rows; the same one is not."""
    trained = Trained(values(1, 20_000, 0.0))
    changed, same = trained.change(values(2, 1_000, 0.3)), correlation(trained.reference, trained.sums)

    assert same is not None
    assert ("correlation", {0, 1}) == (changed.test, {changed.first, changed.second})
    assert changed.p_value < 1e-10
    assert changed.relevant
    assert changed.change == pytest.approx(changed.now - changed.before)
    assert (1.0, False) == (same.p_value, same.relevant)


@pytest.mark.parametrize(("rho", "df"), [(0.0, np.inf), (0.5, np.inf), (0.0, 4.0), (0.5, 4.0)])
def test_false_alarms(rho: float, df: float) -> None:
    """At one percent, clean windows of normal pairs and of pairs that are far out together alarm as promised."""
    trained = Trained(values(3, 50_000, rho, df))
    alarms = sum(trained.change(values(seed, 500, rho, df)).p_value < 0.01 for seed in range(800))

    assert binom.ppf(1e-4, 800, 0.006) <= alarms <= binom.isf(1e-4, 800, 0.012)


def test_heavy_joint_tails_must_be_paid_for() -> None:
    """Without the variance factor, a pair with joint heavy tails alarms far too often."""
    trained = Trained(values(3, 50_000, 0.0, 4.0))
    trained.reference = replace(trained.reference, kappa=np.ones((2, 2)))
    alarms = sum(trained.change(values(seed, 500, 0.0, 4.0)).p_value < 0.01 for seed in range(500))

    assert alarms > 2.5 * 5


@pytest.mark.parametrize("share", [0.005, 0.02, 0.1])
def test_sparse_pairs_keep_the_promise(share: float) -> None:
    """Flags that are seldom up, of small and of large windows, alarm no more often than promised at any level."""
    trained = Trained(together(4, 20_000, share))
    p_values = np.array([trained.p_of(together(seed, n, share)) for n in (100, 2_000) for seed in range(300)])

    assert all(np.count_nonzero(p_values < level) <= binom.isf(1e-4, 600, 1.2 * level) for level in (1e-2, 1e-3))


def test_flags_that_come_to_be_up_together_are_found() -> None:
    """Three times as many rows with both flags up as expected are certain, few as they are, and in words."""
    trained = Trained(together(4, 50_000, 0.05))
    change = trained.change(together(5, 10_000, 0.05, times=3))

    assert ("odds_ratio", {0, 1}) == (change.test, {change.first, change.second})
    assert change.p_value < 1e-6
    assert change.relevant
    assert (71, 33) == (change.statistic, round(change.expected))


@pytest.mark.parametrize(
    ("common", "factor"),
    [
        (0.0, 1.0),
        (0.02, 1.3),
        (0.3, 1.0),
        pytest.param(0.0, 1.3, marks=pytest.mark.long),
        pytest.param(0.02, 1.0, marks=pytest.mark.long),
        pytest.param(0.3, 1.3, marks=pytest.mark.long),
    ],
)
def test_few_of_many_pairs_need_an_exact_test(common: float, factor: float) -> None:
    """Of 190 pairs of flags, changed or not, twenty at most have their law summed, and the least p is theirs."""

    def rows(seed: int, n: int, common: float) -> NDArray[np.float64]:
        rng = np.random.default_rng(seed)
        return ((rng.random((n, 20)) < 0.02) | (rng.random((n, 1)) < common)).astype(np.float64)

    trained = Trained(rows(0, 50_000, 0.0))
    before, now = (halves_of(sums.pairs()) for sums in (trained.sums, trained.summed(rows(1, 2_000, common))))
    judged = np.tri(20, k=-1, dtype=np.bool_)
    reference = replace(trained.reference, factor=np.full((20, 20), factor))
    changes = list(by_halves(reference, now, before, judged, 190))
    places = [(first, second) for second in range(20) for first in range(second)]
    every = [same_odds(now.at(place), before.at(place), factor) for place in places]

    assert len(changes) <= 20
    assert min(every) == min(change.single_p for change in changes)


@pytest.mark.parametrize(("mirrored", "noise"), [(False, 0.0), (True, 0.0), (False, 0.004)])
def test_copies_are_as_in_training_and_a_break_is_found(mirrored: bool, noise: float) -> None:
    """Copies, mirror images and near copies, in each of 100 windows, are no change; a tenth of other rows is one."""

    def pair(seed: int, n: int, broken: float = 0.0) -> NDArray[np.float64]:
        rng = np.random.default_rng(seed)
        x = rng.random(n)
        y = np.where(rng.random(n) < broken, rng.random(n), x + noise * rng.normal(size=n))
        return np.column_stack([x, 1 - y if mirrored else y])

    trained = Trained(pair(0, 5_000))
    broken = trained.change(pair(101, 1_000, broken=0.1))

    assert not any(trained.alarms(pair(seed, 1_000)) for seed in range(1, 101))
    assert broken.relevant
    assert broken.p_value < 1e-10


def test_a_relevant_change_is_not_hidden_by_a_certain_one() -> None:
    """Where the least p-value is that of copies whose agreement changed by a trifle, the pair that matters is told."""
    rng = np.random.default_rng(0)

    def rows(n: int, rho: float) -> NDArray[np.float64]:
        u, drawn = rng.random(n), rng.normal(size=(n, 2))
        return np.column_stack([u, 1 - u, drawn[:, 0], rho * drawn[:, 0] + np.sqrt(1 - rho * rho) * drawn[:, 1]])

    trained = Trained(rows(5_000, 0.0))
    change = trained.change(rows(1_000, 0.2))

    assert ({2, 3}, True) == ({change.first, change.second}, change.relevant)


def test_only_chosen_pairs_are_looked_at() -> None:
    """Of three fields with one changed pair, another pair alone does not see it, and pays for one pair only."""
    rng = np.random.default_rng(0)
    trained, changed = Trained(rng.normal(size=(5_000, 3))), rng.normal(size=(1_000, 3))
    changed[:, 2] = (changed[:, 0] + changed[:, 2]) / np.sqrt(2)
    every, other = (trained.change(changed, chosen) for chosen in (None, [0, 1]))

    assert (3, {0, 2}) == (every.pairs, {every.first, every.second})
    assert (1, {0, 1}) == (other.pairs, {other.first, other.second})
    assert every.p_value < 1e-10
    assert other.p_value > 1e-3


def test_a_field_full_of_nulls_takes_no_other_pair_along() -> None:
    """With a field that is mostly null, pairs of the others have all their rows, and its own those that it has."""
    rng = np.random.default_rng(1)

    def rows(n: int, rho: float) -> NDArray[np.float64]:
        drawn = np.column_stack([values(int(rng.integers(1_000)), n, rho), rng.normal(size=n)])
        drawn[rng.random(n) < 0.6, 2] = np.nan
        return drawn

    trained = Trained(rows(10_000, 0.0))
    window = rows(1_000, 0.4)
    change = trained.change(window)
    its_own = trained.change(window, [1, 2])

    assert ({0, 1}, 1_000, 3) == ({change.first, change.second}, change.n, change.pairs)
    assert (np.isfinite(window[:, 2]).sum(), 1) == (its_own.n, its_own.pairs)
    assert change.p_value < 1e-10 < its_own.p_value


def test_too_little_to_say() -> None:
    """Fewer than 50 rows with both numbers, or a field that does not vary, say nothing."""
    rows = values(1, 2_000, 0.0)
    trained = Trained(rows)
    constant = Trained(rows * [0, 1])

    assert correlation(trained.reference, trained.summed(rows[:49])) is None
    assert correlation(trained.reference, trained.summed(rows[:50])) is not None
    assert correlation(constant.reference, constant.sums) is None
    assert np.isnan(Comoments(2).correlations()).all()
