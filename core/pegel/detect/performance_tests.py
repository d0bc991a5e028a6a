"""Is a model worse than on its labelled training rows? One test for each figure that has one.

- error rate, precision, recall: exact tests of counts, upper tail of what is wrong;
- AUC: difference of the areas over its deviation, by DeLong's placements among all rows of both sides together;
- log loss, Brier score: a linear rank statistic whose scores are the losses of the cells (bin of the score, label);
- calibration: the same with label less score, both ways;
- contradictions, where they are asked for: exact test of labels against answers that were at least 90 % sure;
- bias: rank test of location of residuals, both ways; mean absolute error: of their distances from 0, upwards.

F1 is tested by precision and recall, the root mean square error by the mean absolute error: both are told, and neither
is tested twice. All but the exact tests use the Pearson III law and a margin, as those of features do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pegel.detect.count_tests import CountTest
from pegel.detect.detector import Evidence
from pegel.detect.effect import Effect, from_to
from pegel.detect.ranks import midranks, standardise
from pegel.spec.minimums import MIN_WINDOW
from pegel.spec.plain_numbers import plain
from pegel.stats import tails
from pegel.stats.class_counts import LEAST_SCORE, POSITIVE, ClassCounts
from pegel.stats.figures import (
    AUC,
    BIAS,
    BRIER,
    CALIBRATION,
    ERROR_RATE,
    LOG_LOSS,
    MAE,
    PRECISION,
    RECALL,
    SHARES,
    figures,
    positives,
)
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.performance import Performance
from pegel.stats.performance_counts import PerformanceCounts
from pegel.stats.relative_cells import RelativeCells, aligned
from pegel.stats.residual_counts import ResidualCounts
from pegel.stats.scores import BINS, bin_of

CONTRADICTIONS = "contradictions"
"""The test of labels against sure answers: whoever turns single labels around chooses those."""
SURE = 0.9
"""An answer is sure from this score of its class on, inclusive for the class `1`."""
LEAST_OF_A_CLASS = 10
"""With fewer rows of either class on either side, the AUC is not tested."""
WEIGHTS: Mapping[str, float] = {ERROR_RATE: 0.5, MAE: 0.6, BIAS: 0.4}
"""Of the level: half is the error rate's; the other tests of a classifier share the rest."""
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class FigureTest:
    """A standardised difference `z` of a figure, above 0 where the model is worse (or only other, if `two_sided`).

    `skewness`: of z, if nothing has changed. `factor`: by how much its variance exceeds that of independent rows.
    """

    name: str
    z: float
    skewness: float
    n: int
    m: int
    factor: float = 1.0
    two_sided: bool = False

    @property
    def statistic(self) -> float:
        """Return z."""
        return self.z

    @cached_property
    def p_value(self) -> float:
        """Return the p-value of "nothing has changed"."""
        if self.two_sided:
            return float(tails.two_sided(self.z / self._root, self.skewness * self._root))
        return tails.bounded(float(tails.upper(self.z / self._root, self.skewness * self._root)))

    def p_relevant(self, margin: float) -> float:
        """Return the p-value of "the change is at most `margin`", in standard deviations of a row."""
        sign = math.copysign(1.0, self.z) if self.two_sided else 1.0
        beyond = sign * self.z - margin * math.sqrt(self.n * self.m / (self.n + self.m))
        return float(tails.upper(beyond / self._root, sign * self.skewness * self._root))

    def numbers(self) -> dict[str, float]:
        """Return z, its skewness, the factor and p."""
        return {"z": self.z, "skewness": self.skewness, "factor": self.factor, "p": self.p_value}

    @property
    def _root(self) -> float:
        return math.sqrt(self.factor)


def performance_tests(
    performance: Performance, counts: PerformanceCounts, *, poisoning: bool = False
) -> list[Evidence]:
    """Return the tests that there are rows for; none where the two are not of the same kind of model.

    `poisoning`: also that of contradictions, of two classes with scores.
    """
    before, now = performance.counts.compared, counts.compared
    if isinstance(before, ClassCounts) and isinstance(now, ClassCounts):
        found = _class_tests(performance, before, now)
        return found + (_contradiction_test(performance, before, now) if poisoning else [])
    if isinstance(before, ResidualCounts) and isinstance(now, ResidualCounts):
        return _residual_tests(performance, before, now)
    return []


def level_shares(tests: Sequence[Evidence]) -> list[float]:
    """Return each test's share of the level of a span; together 1."""
    rest = sum(test.name not in WEIGHTS for test in tests)
    left = 1 - sum(WEIGHTS[test.name] for test in tests if test.name in WEIGHTS)
    shares = [WEIGHTS[test.name] if test.name in WEIGHTS else left / rest for test in tests]
    return [share / math.fsum(shares) for share in shares]


def contradictions(counts: ClassCounts) -> tuple[int, int]:
    """Return how many labels are against a sure answer, and how many rows have a sure answer and a label."""
    sure = round(SURE * BINS)
    ones, zeros = counts.scores[sure:], counts.scores[: BINS - sure]
    return int(ones[:, 0].sum() + zeros[:, 1].sum()), int(ones.sum() + zeros.sum())


def contradicting(rows: LabelledRows) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return of labelled rows whether the label is against a sure answer, and whether the answer is sure.

    Both have shape (rows,), and count what `contradictions` counts: a score from `SURE` on, or below 1 - `SURE`.
    """
    if rows.score is None or rows.classes is None:
        nothing = np.zeros(len(rows), dtype=np.bool_)
        return nothing, nothing
    has_score = (rows.score >= 0) & (rows.score <= 1)
    places, sure = bin_of(np.where(has_score, rows.score, 0.5)), round(SURE * BINS)
    is_one = np.array([name == POSITIVE for name in rows.classes], dtype=np.bool_)[rows.label]
    ones, zeros = has_score & (places >= sure), has_score & (places < BINS - sure)
    return (ones & ~is_one) | (zeros & is_one), ones | zeros


def effect_of(test: Evidence, performance: Performance, counts: PerformanceCounts) -> Effect:
    """Return how the figure of a test changed."""
    if isinstance(test, CountTest) and test.name == CONTRADICTIONS:
        shares = test.seen_in_baseline / max(test.m, 1), test.seen / max(test.n, 1)
        return Effect(test.difference, "share", f"labels against sure answers {from_to(*shares)}")
    before, now = ({each.name: each.value for each in figures(one)} for one in (performance.counts, counts))
    first, last = before.get(test.name), now.get(test.name)
    if first is None or last is None:
        return Effect(math.nan, "", test.name)
    words = from_to(first, last) if test.name in SHARES - {CALIBRATION} else f"{plain(first, 4)} -> {plain(last, 4)}"
    unit = "share" if test.name in SHARES else "AUC" if test.name == AUC else "difference"
    name = "wrong answers" if test.name == ERROR_RATE else test.name
    return Effect(last - first, unit, f"{name} {words}", {"before": first, "now": last})


def _class_tests(performance: Performance, before: ClassCounts, now: ClassCounts) -> list[Evidence]:
    if not now.rows or not before.rows:
        return []
    factor = performance.factor(ERROR_RATE)
    found: list[Evidence] = [_count(ERROR_RATE, (now.errors, now.rows), (before.errors, before.rows), factor)]
    if before.is_binary and now.is_binary:
        (tp, fp, fn), (tp0, fp0, fn0) = positives(now), positives(before)
        wrong = ((PRECISION, fp, fp0), (RECALL, fn, fn0))
        found += [_count(name, (x, tp + x), (x0, tp0 + x0), factor) for name, x, x0 in wrong if tp + x and tp0 + x0]
    if min(before.scored, now.scored) >= MIN_WINDOW:
        found += _score_tests(performance, before.scores, now.scores)
    return found


def _contradiction_test(performance: Performance, before: ClassCounts, now: ClassCounts) -> list[Evidence]:
    (seen, sure), (seen_before, sure_before) = contradictions(now), contradictions(before)
    if not sure or not sure_before:
        return []
    factor = performance.factor(ERROR_RATE)
    return [_count(CONTRADICTIONS, (seen, sure), (seen_before, sure_before), factor)]


def _count(name: str, now: tuple[int, int], before: tuple[int, int], factor: float) -> CountTest:
    return CountTest(name, *now, *before, factor=factor, words="wrong answers")


def _score_tests(performance: Performance, before: Counts, now: Counts) -> list[Evidence]:
    factor = performance.factor(BRIER)
    middles = (np.arange(BINS) + 0.5) / BINS
    label = np.array([0.0, 1.0])
    right = np.clip(np.abs(1 - label - middles[:, None]), LEAST_SCORE, 1)
    scores = {
        LOG_LOSS: -np.log(right),
        BRIER: (middles[:, None] - label) ** 2,
        CALIBRATION: label - middles[:, None],
    }
    found: list[Evidence] = []
    if min(side.sum(axis=0).min() for side in (before, now)) >= LEAST_OF_A_CLASS:
        found.append(_auc_test(before, now, max(factor, performance.factor(ERROR_RATE))))
    seen = (before + now) > 0
    for name, losses in scores.items():
        z, skewness = standardise(before[seen], now[seen], losses[seen])
        sizes = (int(now.sum()), int(before.sum()))
        found.append(FigureTest(name, float(z), float(skewness), *sizes, factor, two_sided=name == CALIBRATION))
    return found


def _auc_test(before: Counts, now: Counts, factor: float) -> FigureTest:
    """Compare two areas. Under no change placements have one law, so both sides together tell their moments."""
    both = before + now
    first, last = (_placements(side, side)[2] for side in (before, now))
    above, below, _ = _placements(both, both)
    variance = third = 0.0
    for column, places in ((1, above), (0, below)):
        rows = both[:, column].astype(np.float64)
        deviation = places - rows @ places / rows.sum()
        n, m = float(now[:, column].sum()), float(before[:, column].sum())
        variance += float(rows @ deviation**2) / (rows.sum() - 1) * (1 / n + 1 / m)
        # Placements of those below count the other way, but an area is the mean of either.
        third += float(rows @ deviation**3) / rows.sum() * (1 / n**2 - 1 / m**2)
    sizes = (int(now.sum()), int(before.sum()))
    if variance <= 0:
        return FigureTest(AUC, 0.0, 0.0, *sizes, factor)
    return FigureTest(AUC, (first - last) / math.sqrt(variance), -third / variance**1.5, *sizes, factor)


def _placements(rows: Counts, among: Counts) -> tuple[Floats, Floats, float]:
    """Return per bin the share of negatives below a positive, of positives above a negative, and the area."""
    negative, positive = among[:, 0].astype(np.float64), among[:, 1].astype(np.float64)
    above = (np.cumsum(negative) - negative / 2) / negative.sum()
    below = 1 - (np.cumsum(positive) - positive / 2) / positive.sum()
    return above, below, float(rows[:, 1] @ above / rows[:, 1].sum())


def _residual_tests(performance: Performance, before: ResidualCounts, now: ResidualCounts) -> list[Evidence]:
    if min(before.rows, now.rows) < MIN_WINDOW:
        return []
    return [
        _location(BIAS, before.cells, now.cells, performance.factor(BIAS), two_sided=True),
        _location(MAE, before.cells.magnitudes(), now.cells.magnitudes(), performance.factor(MAE)),
    ]


def _location(
    name: str, before: RelativeCells, now: RelativeCells, factor: float, *, two_sided: bool = False
) -> FigureTest:
    first, last = aligned(before.cells, now.cells)
    z, skewness = standardise(first, last, midranks(first, last))
    return FigureTest(name, float(z), float(skewness), now.n, before.n, factor, two_sided)
