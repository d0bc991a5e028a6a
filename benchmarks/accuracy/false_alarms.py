"""How often are clean windows flagged? Realised over promised rates of the drift tests, over many baselines.

Windows of independent features are drawn as counts per cell with the exact probabilities of the cells, which is what
counting rows would give, without the rows. Correlated ones are drawn as rows of a normal copula.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from benchmarks.accuracy import ours, streams
from benchmarks.accuracy.at_once import Judged
from benchmarks.accuracy.ours import Watched
from benchmarks.accuracy.streams import Law
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from pegel.judge.budget import sidak
from pegel.stats.cells import count_sorted
from pegel.stats.layout import NumericLayout

LEVELS = (1e-2, 1e-3, 1e-4)
MARGIN = 0.02
CHECKED = 2
"""So many windows of every feature and size are also judged one by one, by the library's own entry."""
SHUFFLES = 10
TOGETHER = 500_000
"""Rows of a feature that are drawn at once."""
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Key = tuple[str, int]


@dataclass(frozen=True)
class Grid:
    """What is drawn: baselines of `rows`, windows of `sizes`; `rho`: correlation of the features."""

    seed: int
    rows: tuple[int, ...]
    sizes: tuple[int, ...]
    windows: Mapping[int, int]
    """By size of a window, how many of each baseline."""
    rho: float = 0.0
    copies: int = 1
    """Of the ten features, in a model of correlated ones."""

    @property
    def features(self) -> list[tuple[str, int]]:
        """Return name and copy of each feature."""
        return [(name, copy) for copy in range(self.copies) for name in streams.FEATURES]


Found = dict[tuple[int, int, str], Floats]
"""By rows, size and rule the smallest p-value of ten features in each window, or (rule `single`) rates per level."""


def one_baseline(task: tuple[Grid, int]) -> Found:
    """Judge clean windows of every size against one baseline of every size."""
    grid, number = task
    found: Found = {}
    for m in grid.rows:
        rng = np.random.default_rng([grid.seed, number, m])
        rows = _rows(rng, grid, m)
        watched = {key: Watched.of(streams.field(key[0]), next(rows)) for key in grid.features}
        for n in grid.sizes:
            windows = _windows(rng, grid, watched, n)
            found |= {(m, n, rule): values for rule, values in _judge(watched, windows).items()}
    return found


def _rows(rng: np.random.Generator, grid: Grid, m: int) -> Iterator[Floats]:
    """Draw the rows of a baseline, one feature after the other."""
    laws = [streams.FEATURES[name] for name, _ in grid.features]
    if not grid.rho:
        yield from (law.draw(rng, m) for law in laws)
        return
    for law, z in zip(laws, _normals(rng, grid, (m,)), strict=True):
        yield law.quantile(ndtr(z))


def _normals(rng: np.random.Generator, grid: Grid, shape: tuple[int, ...]) -> Iterator[Floats]:
    """Draw the correlated normals behind one feature after the other."""
    common = rng.normal(size=shape)
    for _ in grid.features:
        yield np.sqrt(grid.rho) * common + np.sqrt(1 - grid.rho) * rng.normal(size=shape)


def _windows(rng: np.random.Generator, grid: Grid, watched: Mapping[Key, Watched], n: int) -> dict[Key, Counts]:
    count = grid.windows[n]
    if not grid.rho:
        return {key: one.draw(rng, streams.FEATURES[key[0]], n, count) for key, one in watched.items()}
    parts: dict[Key, list[Counts]] = {key: [] for key in watched}
    step = max(1, TOGETHER // n)
    for start in range(0, count, step):
        normals = _normals(rng, grid, (min(step, count - start), n))
        for key, one in watched.items():
            parts[key].append(_counted(one, streams.FEATURES[key[0]], next(normals)))
    return {key: np.concatenate(counts) for key, counts in parts.items()}


def _counted(one: Watched, law: Law, z: Floats) -> Counts:
    """Count the rows behind which normals stand; numbers in cells of these, which spares computing the rows."""
    if not isinstance(one.layout, NumericLayout):
        return ours.count(one.layout, law.quantile(ndtr(z)))
    edges = ndtri(np.clip(law.below(one.layout.edges), 0.0, 1.0))
    return np.stack([count_sorted(line, edges) for line in np.sort(z, axis=1)])


def _judge(watched: Mapping[Key, Watched], windows: Mapping[Key, Counts]) -> dict[str, Floats]:
    single, smallest, equal, relevant = [], [], [], []
    level = sidak(LEVELS[0], len(watched))
    for key, one in watched.items():
        judged = ours.judge(one, windows[key])
        assert ours.agrees(one, windows[key][:CHECKED], judged, sidak(0.5, 10), MARGIN)
        single.append([np.mean(judged.p < each) / each for each in LEVELS])
        smallest.append(judged.p)
        equal.append(_plain(one, windows[key], judged).p)
        relevant.append(judged.flags(level, MARGIN))
    return {
        "single": np.mean(single, axis=0),
        "ours": np.min(smallest, axis=0),
        "equal": np.min(equal, axis=0),
        "margin": np.array([np.mean(np.any(relevant, axis=0)) / LEVELS[0]]),
    }


def _plain(one: Watched, windows: Counts, judged: Judged) -> Judged:
    """Return the tests with equal shares and plain ranks."""
    light = getattr(one.layout, "light_tails", False)
    return (ours.judge(one, windows, plain=True) if light else judged).with_equal_shares()


def rates(found: Sequence[Found], m: int, n: int, d: int, *, rule: str = "ours", copies: int = 1) -> Floats:
    """Return realised over promised rates per model and level, shape (models, levels).

    Larger models are made of the features of several baselines side by side. There are several ways to put them
    together: their mean is that of all of these, their spread that of one, so that its error is not understated.
    """
    if d == 1:
        return np.array([one[m, n, "single"] for one in found])
    p, together = np.array([one[m, n, rule] for one in found]), d // (10 * copies)
    rng, count = np.random.default_rng(d), len(found) // together * together
    orders = [rng.permutation(count) for _ in range(SHUFFLES)] if together > 1 else [np.arange(count)]
    ways = [_of_models(p[order].reshape(-1, together, p.shape[1]).min(axis=1), d) for order in orders]
    return np.asarray(ways[0] - ways[0].mean(axis=0) + np.mean(ways, axis=(0, 1)))


def _of_models(p: Floats, d: int) -> Floats:
    return np.stack([(p < sidak(level, d)).mean(axis=1) / level for level in LEVELS], axis=1)


def margins(found: Sequence[Found], m: int, n: int) -> Floats:
    """Return realised over promised rates of ten features at 1 % with the default margin, per baseline."""
    return np.array([one[m, n, "margin"][0] for one in found])
