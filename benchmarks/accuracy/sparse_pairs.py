"""False alarms and power of the tests of pairs, where columns are sparse, tied, copies of each other, or heavy-tailed.

`PYTHONPATH=.:core .venvs/spark/bin/python -m benchmarks.accuracy.sparse_pairs` prints the realised rate over the
promised one, per shape of columns, rows of the baseline and of a window, and level. Rates are those of single pairs,
before it is asked whether a change is large enough to matter; findings are what remains of a whole window at 1 %.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import ndtr

from pegel.baseline.baseline import Baseline
from pegel.baseline.pair_reference import PairReference
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.detect.correlation import correlation, fisher_z, halves_of, is_normal, judged_pairs
from pegel.detect.odds_ratios import log_bounds, possible, same_odds
from pegel.spec.monitor_spec import Watch
from pegel.stats.comoments import Comoments
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary

D = 10
LEVELS = (1e-2, 1e-3, 1e-4)
Floats = NDArray[np.float64]
Draw = Callable[[Generator, int], Floats]


def flags(share: float) -> Draw:
    """Draw ten independent flags."""
    return lambda rng, n: (rng.random((n, D)) < share).astype(np.float64)


def counts(mean: float) -> Draw:
    """Draw ten independent Poisson counts."""
    return lambda rng, n: rng.poisson(mean, (n, D)).astype(np.float64)


def amounts(share: float) -> Draw:
    """Draw ten independent amounts that are 0 but for a share of the rows."""
    return lambda rng, n: np.where(rng.random((n, D)) < share, rng.lognormal(size=(n, D)), 0.0)


def flags_and_numbers(share: float) -> Draw:
    """Draw five flags, and five normal numbers that are larger where the first flag is up."""

    def drawn(rng: Generator, n: int) -> Floats:
        up = rng.random((n, D // 2)) < share
        return np.hstack([up, rng.normal(size=(n, D // 2)) + up[:, :1]])

    return drawn


def going_together(share: float) -> Draw:
    """Draw flags of which each is up in half of the rows in which the first one is, and overall in `share` of them."""

    def drawn(rng: Generator, n: int) -> Floats:
        first = rng.random((n, 1)) < share
        rest = rng.random((n, D - 1)) < np.where(first, 0.5, 0.5 * share / (1 - share))
        return np.hstack([first, rest]).astype(np.float64)

    return drawn


def one_of(share: float) -> Draw:
    """Draw nine flags of which at most one is up, each in `share` of the rows, and a number."""
    edges = np.arange(D) * share
    return lambda rng, n: np.column_stack([_between(rng.random(n), edges), rng.normal(size=n)])


def _between(values: Floats, edges: NDArray[Any]) -> Floats:
    return ((values[:, None] >= edges[:-1]) & (values[:, None] < edges[1:])).astype(np.float64)


def _heavy(rng: Generator, n: int) -> Floats:
    return rng.standard_cauchy((n, D))


def _together_far_out(rng: Generator, n: int) -> Floats:
    return np.asarray(rng.normal(size=(n, D)) / np.sqrt(rng.chisquare(4, (n, 1)) / 4))


def _ties(rng: Generator, n: int) -> Floats:
    return np.asarray(np.round(rng.lognormal(size=(n, D))))


def _bimodal(rng: Generator, n: int) -> Floats:
    return np.asarray(rng.normal(size=(n, D)) + 4 * (rng.random((n, D)) < 0.3))


def _grades(rng: Generator, n: int) -> Floats:
    return rng.choice([1.0, 2.0, 3.0], (n, D), p=[0.7, 0.2, 0.1])


def _normal(rng: Generator, n: int) -> Floats:
    return rng.normal(size=(n, D))


def _copies(rng: Generator, n: int) -> Floats:
    """Draw a number with its copy, mirror image, noisy copy and sum, and a flag with the same."""
    x, other, noise = rng.random(n), rng.random(n), rng.normal(size=(2, n))
    flag = rng.random(n) < 0.02
    rare = (flag, flag, ~flag, flag ^ (rng.random(n) < 1e-3))
    return np.column_stack([x, x, 1 - x, x + 0.004 * noise[0], x + other, x + 0.1 * noise[1], *rare])


SHAPES: Mapping[str, Draw] = {
    **{f"flags, {share:.1%}": flags(share) for share in (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)},
    **{f"counts, mean {mean:g}": counts(mean) for mean in (0.02, 0.1, 3.0)},
    **{f"amounts, {1 - share:.0%} zeros": amounts(share) for share in (0.01, 0.05, 0.2, 0.5)},
    **{f"flags of {share:.1%} and numbers": flags_and_numbers(share) for share in (0.005, 0.05)},
    **{f"flags of {share:.0%} that go together": going_together(share) for share in (0.01, 0.05, 0.2)},
    **{f"one of nine flags, each {share:.0%}": one_of(share) for share in (0.01, 0.1)},
    "three grades": _grades,
    "normal": _normal,
    "t4, far out together": _together_far_out,
    "Cauchy": _heavy,
    "rounded, many ties": _ties,
    "bimodal": _bimodal,
    "copies, mirror images, sums": _copies,
}


@dataclass(frozen=True)
class Trained:
    """A baseline of ten columns."""

    baseline: Baseline

    @classmethod
    def on(cls, rows: Floats) -> Trained:
        """Learn rows."""
        schema = Schema(tuple(Field(f"x{j}", Kind.NUMERIC) for j in range(rows.shape[1])))
        layout = build_layout(schema, {f"x{j}": column for j, column in enumerate(rows.T)})
        summary = Summary.empty(layout, exact=True)
        summary.update(Columns(len(rows), rows, None, (), ()), Role.FEATURE)
        return cls(
            Baseline.build(
                layout=layout, summary=summary, model="m", version=1, source="drawn", scores=None, watch=Watch()
            )
        )

    def counted(self, rows: Floats) -> Comoments:
        """Return the sums of a window."""
        summary = Summary.empty(self.baseline.layout)
        summary._update_comoments(rows)  # noqa: SLF001  counting the rest would take most of the time
        return summary.comoments


def pair_p_values(reference: PairReference, window: Comoments) -> Floats:
    """Return the p-value of each pair that is judged; 1 where it is above all levels."""
    now = window.pairs()
    judged = judged_pairs(reference, now)
    normal = judged & is_normal(reference, now)
    z = fisher_z(reference, now, now.correlations(), normal)
    halves = halves_of(now), halves_of(reference.trained)
    exact = judged & ~normal & np.less(*possible(*halves))
    values = np.ones(z.shape)
    values[np.isfinite(z)] = 2 * ndtr(-np.abs(z[np.isfinite(z)]))
    places = np.nonzero(exact)
    sides, factors = [side.at(places) for side in halves], reference.factor[places]
    small = log_bounds(sides[0], sides[1], factors).below < math.log(max(LEVELS))
    for i in np.flatnonzero(small).tolist():
        seen, trained = (side.at(i) for side in sides)
        values[places[0][i], places[1][i]] = same_odds(seen, trained, float(factors[i]))
    return values[judged]


@dataclass(frozen=True)
class Rates:
    """Realised over promised rates: of single pairs at each level, and of findings of windows at 1 %."""

    pairs: tuple[float, ...]
    findings: float


def rates(draw: Draw, m: int, n: int, *, baselines: int, windows: int, seed: int = 1) -> Rates:
    """Judge clean windows, so many by each of several baselines."""
    rng = np.random.default_rng([seed, m, n])
    values, findings = [], 0
    for _ in range(baselines):
        trained = Trained.on(draw(rng, m))
        reference = trained.baseline.pairs
        for _ in range(windows):
            window = trained.counted(draw(rng, n))
            values.append(pair_p_values(reference, window))
            change = correlation(reference, window)
            findings += change is not None and change.relevant and change.p_value < LEVELS[0]
    every = np.concatenate(values)
    shares = tuple(float(np.mean(every < level)) / level for level in LEVELS) if every.size else (0.0,) * len(LEVELS)
    return Rates(shares, findings / (baselines * windows) / LEVELS[0])


def power(draw: Draw, changed: Draw, m: int, n: int, *, windows: int = 200, level: float = 1e-2) -> float:
    """Return the share of changed windows with a finding, over all 45 pairs."""
    rng = np.random.default_rng([m, n])
    reference = (trained := Trained.on(draw(rng, m))).baseline.pairs
    found = (correlation(reference, trained.counted(changed(rng, n))) for _ in range(windows))
    return sum(one is not None and one.relevant and one.p_value < level for one in found) / windows


def correlated(rho: float) -> Draw:
    """Draw normal numbers of which the first two are correlated."""

    def drawn(rng: Generator, n: int) -> Floats:
        rows = rng.normal(size=(n, D))
        rows[:, 1] = rho * rows[:, 0] + np.sqrt(1 - rho * rho) * rows[:, 1]
        return rows

    return drawn


def joint(share: float, times: float) -> Draw:
    """Draw flags of which the first two are up together `times` as often as if they were independent."""

    def drawn(rng: Generator, n: int) -> Floats:
        rows = rng.random((n, D)) < share
        given = np.where(rows[:, 0], times * share, share * (1 - times * share) / (1 - share))
        rows[:, 1] = rng.random(n) < given
        return rows.astype(np.float64)

    return drawn


def _rows(names: list[str], scale: int) -> Iterator[str]:
    for name, m, n in product(names, (3_000, 50_000), (100, 1_000, 20_000)):
        # All windows of one baseline share its error: the larger they are beside it, the more baselines are needed.
        baselines = 8 if m >= 10 * n else 40
        windows = max(4, scale * 800 // baselines // (1 + n // 2_000))
        found = rates(SHAPES[name], m, n, baselines=baselines, windows=windows)
        told = " | ".join(f"{value:.2f}" for value in (*found.pairs, found.findings))
        yield f"| {name} | {m:,} | {n:,} | {told} |"


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="*", default=list(SHAPES), metavar="SHAPE")
    parser.add_argument("--scale", type=int, default=1, help="times as many windows")
    given = parser.parse_args()
    print("| columns | m | n | 1e-2 | 1e-3 | 1e-4 | findings at 1e-2 |\n|---|---|---|---|---|---|---|")
    for row in _rows(given.shapes, given.scale):
        print(row, flush=True)
    print("\n| change, m = 50,000, at 1 % over 45 pairs | n | found |\n|---|---|---|")
    for n in (200, 2_000):
        print(f"| normal, correlation 0 to .1 | {n:,} | {power(_normal, correlated(0.1), 50_000, n):.2f} |")
    for share, n in product((0.01, 0.02, 0.05, 0.1), (2_000, 20_000)):
        found = power(flags(share), joint(share, 3), 50_000, n)
        print(f"| flags of {share:.0%}, up together 3 times as often | {n:,} | {found:.2f} |", flush=True)


if __name__ == "__main__":
    main()
