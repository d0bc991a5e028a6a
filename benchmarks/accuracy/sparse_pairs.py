"""False alarms and power of the tests of pairs, where columns are sparse, tied, copies of each other, or heavy-tailed.

`python -m benchmarks.accuracy --part full --only sparse-pairs` measures the realised rate over the promised one, per
shape of columns, rows of the baseline and of a window, and level. Rates are those of single pairs, before it is asked
whether a change is large enough to matter; findings are what remains of a whole window at 1 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from benchmarks.accuracy.runs import Run
from benchmarks.accuracy.tables import Band, Page
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
CELLS = tuple(product((3_000, 50_000), (100, 1_000, 20_000)))
"""Rows of the baseline and of a window."""
WINDOWS = 800
"""Of each cell, fewer where they are large."""
BAND: Band = (None, 1.2)
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
        columns = range(rows.shape[1])
        summary._update_comoments(rows, columns, {})  # noqa: SLF001  counting the rest would take most of the time
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
    """Realised over promised rates, one of each baseline.

    `pairs`: of single pairs, shape (baselines, levels); `findings`: of windows at 1 %, shape (baselines,).
    """

    pairs: Floats
    findings: Floats


def rates(draw: Draw, m: int, n: int, *, baselines: int, windows: int, seed: int = 1) -> Rates:
    """Judge clean windows, so many by each of several baselines."""
    rng = np.random.default_rng([seed, m, n])
    pairs, findings = np.zeros((baselines, len(LEVELS))), np.zeros(baselines)
    for number in range(baselines):
        trained = Trained.on(draw(rng, m))
        reference, values = trained.baseline.pairs, []
        for _ in range(windows):
            window = trained.counted(draw(rng, n))
            values.append(pair_p_values(reference, window))
            change = correlation(reference, window)
            findings[number] += change is not None and change.relevant and change.p_value < LEVELS[0]
        every = np.concatenate(values)
        pairs[number] = [np.mean(every < level) / level if every.size else 0.0 for level in LEVELS]
    return Rates(pairs, findings / windows / LEVELS[0])


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


def section(seed: int, run: Run) -> str:
    """Measure and return the section."""
    page = Page()
    page.say(
        "Clean windows of ten columns of one shape, all pairs, and nothing else. Realised over promised rates of "
        "single pairs at 1e-2, by rows of the baseline (m) and of a window (n); behind them, over all these cells, "
        "rates of single pairs at 1e-3 and 1e-4, and of windows with a finding at 1e-2. Where few rows are off the "
        "usual value, exact tests are discrete, and so careful. Of columns that are each other's copies single pairs "
        "say more than is true, to the last digit: for them, only findings count, which need a change that matters."
    )
    rows = [_row(page, name, seed, run) for name in SHAPES]
    cells = [f"{m:,} / {n:,}" for m, n in CELLS]
    page.table(("columns; m / n:", *cells, "1e-3", "1e-4", "findings"), rows)
    page.say("Found changes, m = 50,000, at 1 % over 45 pairs:")
    tasks = [(1.0, 0.1, n) for n in (200, 2_000)]
    tasks += [(share, 3.0, n) for share, n in product((0.01, 0.02, 0.05, 0.1), (2_000, 20_000))]
    found = zip(tasks, run(_found_share, tasks), strict=True)
    page.table(("change", "n", "found"), [(_words(*task), f"{task[2]:,}", f"{share:.2f}") for task, share in found])
    return page.text()


def _row(page: Page, name: str, seed: int, run: Run) -> tuple[str, ...]:
    # All windows of one baseline share its error: the larger they are beside it, the more baselines are needed.
    found: list[Rates] = run(_rates, [(name, m, n, run.baselines(8 if m >= 10 * n else 40), seed) for m, n in CELLS])
    cells = [
        page.rate(f"{name}, m={m:,}, n={n:,}", rates.pairs[:, 0], BAND)
        for (m, n), rates in zip(CELLS, found, strict=True)
    ]
    pairs, findings = np.concatenate([rates.pairs for rates in found]), np.concatenate([r.findings for r in found])
    rarer = [page.rate(f"{name} at {LEVELS[i]:g}", pairs[:, i], BAND) for i in (1, 2)]
    return name, *cells, *rarer, page.rate(f"{name}, findings", findings, BAND)


def _rates(task: tuple[str, int, int, int, int]) -> Rates:
    """Return the rates of a shape, with rows of baseline and window, baselines, and a seed."""
    name, m, n, baselines, seed = task
    windows = max(4, WINDOWS // baselines // (1 + n // 2_000))
    return rates(SHAPES[name], m, n, baselines=baselines, windows=windows, seed=seed)


def _found_share(task: tuple[float, float, int]) -> float:
    """Return how often a change is found: share of the flags (1 for numbers), how it changes, rows of a window."""
    share, change, n = task
    if share == 1:
        return power(_normal, correlated(change), 50_000, n)
    return power(flags(share), joint(share, change), 50_000, n)


def _words(share: float, change: float, _: int) -> str:
    if share == 1:
        return f"normal, correlation 0 to {change:g}"
    return f"flags of {share:.0%}, up together {change:g} times as often"
