"""Have two fields come to move together, or ceased to? Tests of single fields are blind to this.

Two tests, and the baseline alone chooses between them, pair by pair. Where enough rows are off the usual value in both
fields, and neither the fields nor their products are too skewed, the difference of Fisher-transformed correlations of
normal scores is normal; its variance is corrected by `kappa`, taken from baseline rows (`pegel.stats.fourth`): without
it, a pair with heavy joint tails gives tens of times as many false alarms as promised. Everywhere else, as for flags
and counts that are mostly 0, it is not normal at all, and the odds ratios of their halves are compared exactly
(`pegel.detect.odds_ratios`).

Source: R. A. Fisher, "On the probable error of a coefficient of correlation", Metron 1 (1921); the correction is the
influence-function variance of r over its value for a normal pair.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from pegel.baseline.pair_reference import PairReference
from pegel.detect.odds_ratios import Halves, expected_both, log_bounds, possible, same_odds
from pegel.stats import tails
from pegel.stats.comoments import Comoments, PairSums

CLIP = 1 - 1e-6
MIN_ROWS = 50
"""A pair is judged by no fewer rows in which both fields have a number, neither in the window nor in the baseline."""
LEAST_CHANGE = 0.05
"""A smaller change of a correlation is not worth a page. Near 1 and -1, too, it is measured in r: that copies agree in
0.9999 instead of 1 is nothing, although the transformed correlations are far apart."""
LEAST_LIFT = 2.0
"""Rows high in both that become so many times as frequent, or as rare, are worth a page however small r is."""
JOINT_WINDOW, JOINT_BASELINE = 40, 200
"""Rows expected off the most frequent value in both fields, as if these were independent, for a normal law: more in the
baseline, because the variance comes from there."""
SKEWED = 0.02
"""Largest skewness of a mean of products under a normal law: more would show at one in ten million."""
TYPICAL_ROWS = 30
"""Rows over `kappa` must be at least so many: otherwise a handful of rows makes the correlation."""
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairChange:
    """The change of one pair; `first` and `second` are positions of fields.

    `n` and `m`: rows of window and baseline in which both have a number. `before` and `now`: correlations, of normal
    scores or, where `halves` were compared, of these. `statistic`: z, or the rows that are high in both. `single_p` is
    that of this pair, `p_value` over all `pairs` that were judged.
    """

    first: int
    second: int
    n: int
    m: int
    before: float
    now: float
    statistic: float
    single_p: float
    pairs: int
    halves: tuple[Halves, Halves] | None = None
    """Those of window and baseline, where they were compared."""
    expected: float = 0.0
    """Rows high in both to be expected in the window, where halves were compared."""

    @property
    def test(self) -> str:
        """Return which of the two tests it was."""
        return "correlation" if self.halves is None else "odds_ratio"

    @property
    def p_value(self) -> float:
        """Return the two-sided p-value times the number of pairs."""
        return tails.bounded(self.pairs * self.single_p)

    @property
    def change(self) -> float:
        """Return the difference of the correlations."""
        return self.now - self.before

    @property
    def relevant(self) -> bool:
        """Say whether the change is large enough to matter."""
        if self.halves is None:
            return abs(self.change) >= LEAST_CHANGE
        return bool(_matters(self.change, self.statistic, self.expected))

    def numbers(self) -> dict[str, float]:
        """Return what the p-value follows from."""
        common = {"before": self.before, "now": self.now, "pairs": self.pairs, "p": self.p_value}
        if self.halves is None:
            return common | {"z": self.statistic}
        window, baseline = self.halves
        return common | {
            "both_high": int(window.both),
            "expected": self.expected,
            "first_high": int(window.first),
            "second_high": int(window.second),
            "both_high_before": int(baseline.both),
            "first_high_before": int(baseline.first),
            "second_high_before": int(baseline.second),
        }


def correlation(reference: PairReference, window: Comoments, chosen: Sequence[int] | None = None) -> PairChange | None:
    """Return the pair that changed most, of those whose change is large enough to matter if there are any.

    None if no pair has 50 rows on either side in which both fields have a number, and something that could change.

    Args:
        reference: What the baseline says of its pairs.
        window: Co-moments of the window.
        chosen: Places of the fields that are watched; None for all.
    """
    now = window.pairs()
    judged = judged_pairs(reference, now, chosen)
    normal = judged & is_normal(reference, now)
    r = now.correlations()
    z = fisher_z(reference, now, r, normal)
    halves = halves_of(now), halves_of(reference.trained)
    open_ended = judged & ~normal & np.less(*possible(*halves))
    pairs = int(np.isfinite(z).sum() + open_ended.sum())
    changes = _largest(reference, now, r, z, pairs), *by_halves(reference, *halves, open_ended, pairs)
    return min((change for change in changes if change is not None), key=_urgency, default=None)


def _urgency(change: PairChange) -> tuple[bool, float, float]:
    return not change.relevant, change.p_value, -abs(change.change)


def judged_pairs(reference: PairReference, now: PairSums, chosen: Sequence[int] | None = None) -> Flags:
    """Say which pairs have enough rows on both sides, shape (size, size); each pair once, below the diagonal."""
    enough = np.tril(np.minimum(reference.trained.rows, now.rows) >= MIN_ROWS, k=-1)
    if chosen is not None:
        watched = np.zeros(len(enough), dtype=np.bool_)
        watched[list(chosen)] = True
        enough &= watched & watched[:, None]
    return enough


def is_normal(reference: PairReference, now: PairSums) -> Flags:
    """Say for which pairs a difference of transformed correlations is normal; from the baseline and numbers of rows."""
    rows, trained = now.rows / reference.factor, reference.trained.rows / reference.factor
    fewer = np.minimum(rows, trained)
    joint = np.outer(reference.off_mode, reference.off_mode)
    skewed = np.abs(np.outer(reference.skewness, reference.skewness)) > SKEWED * np.sqrt(fewer)
    enough = (rows * joint >= JOINT_WINDOW) & (trained * joint >= JOINT_BASELINE)
    return np.asarray(enough & ~skewed & (fewer >= TYPICAL_ROWS * reference.kappa), dtype=np.bool_)


def fisher_z(reference: PairReference, now: PairSums, r: Floats, pairs: Flags) -> Floats:
    """Return the standardised differences of transformed correlations; NaN for other pairs, or without variation.

    `r`: the correlations of the window.
    """
    rows, trained = np.maximum(now.rows, MIN_ROWS), np.maximum(reference.trained.rows, MIN_ROWS)
    spread = np.sqrt(reference.kappa * reference.factor * (1 / (rows - 3) + 1 / (trained - 3)))
    difference = _fisher(r) - _fisher(reference.correlations)
    return np.where(pairs, difference / spread, np.nan)


def _largest(reference: PairReference, now: PairSums, r: Floats, z: Floats, pairs: int) -> PairChange | None:
    """Return the most certain of the changes that matter, or of all if none does; None without any."""
    before = reference.correlations
    certain = np.abs(z)
    relevant = np.where(np.abs(r - before) >= LEAST_CHANGE, certain, np.nan)
    certain = relevant if np.isfinite(relevant).any() else certain
    if not np.isfinite(certain).any():
        return None
    first, second = np.unravel_index(np.nanargmax(certain), z.shape)
    place = int(second), int(first)
    return PairChange(
        first=place[0],
        second=place[1],
        n=int(now.rows[place]),
        m=int(reference.trained.rows[place]),
        before=float(before[place]),
        now=float(r[place]),
        statistic=float(z[first, second]),
        single_p=float(2 * ndtr(-abs(z[first, second]))),
        pairs=pairs,
    )


def by_halves(
    reference: PairReference, window: Halves, baseline: Halves, judged: Flags, pairs: int
) -> Iterator[PairChange]:
    """Compare the halves of as many pairs as it takes to have that which `correlation` looks for among them.

    The cheap bounds of p-values say which pairs can still be it, and which is the likeliest to be.
    """
    places = np.argwhere(judged)[:, ::-1]
    at = tuple(places.T)
    now, before, factor = window.at(at), baseline.at(at), reference.factor[at]
    expected = expected_both(now, before)
    idle = ~_matters(now.phi - before.phi, now.both, expected)
    below, above = log_bounds(now, before, factor)
    best = (True, np.inf)
    for i in np.lexsort((below, idle)).tolist():
        if (idle[i], below[i]) > best:
            return
        halves = now.at(i), before.at(i)
        single_p = tails.FLOOR if above[i] < math.log(tails.FLOOR) else same_odds(*halves, float(factor[i]))
        best = min(best, (idle[i], math.log(single_p)))
        yield PairChange(
            first=int(places[i, 0]),
            second=int(places[i, 1]),
            n=int(now.rows[i]),
            m=int(before.rows[i]),
            before=float(before.phi[i]),
            now=float(now.phi[i]),
            statistic=float(now.both[i]),
            single_p=single_p,
            pairs=pairs,
            halves=halves,
            expected=float(expected[i]),
        )


def _matters(change: ArrayLike, both: ArrayLike, expected: ArrayLike) -> Flags:
    """Say which changes of halves are large enough: of their correlation, or of the rows that are high in both."""
    seen, usual = np.asarray(both, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    lifted = (seen >= LEAST_LIFT * usual) | (seen * LEAST_LIFT <= usual)
    return np.asarray((np.abs(change) >= LEAST_CHANGE) | lifted, dtype=np.bool_)


def halves_of(sums: PairSums) -> Halves:
    """Return how many rows have a high score in each field of a pair, and in both."""
    return Halves(sums.rows, sums.highs, sums.highs.T, sums.both_high)


def _fisher(r: Floats) -> Floats:
    return np.asarray(np.arctanh(np.clip(r, -CLIP, CLIP)), dtype=np.float64)
