"""How often are clean windows flagged? Realised over promised rates of the drift tests, over many baselines.

Windows of independent features are drawn as counts per cell with the exact probabilities of the cells, which is what
counting rows would give, without the rows. Correlated ones are drawn as rows of a normal copula.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.accuracy import ours, streams
from benchmarks.accuracy.ours import Judged, Watched
from pegel.budget import sidak

LEVELS = (1e-2, 1e-3, 1e-4)
MARGIN = 0.02
CHECKED = 2
"""So many windows of every feature and size are also judged one by one, by the library's own entry."""
Floats = NDArray[np.float64]


@dataclass
class Rates:
    """Realised over promised rates, one value per baseline."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, key: str, value: float) -> None:
        """Take in one baseline."""
        self.values.setdefault(key, []).append(value)


@dataclass(frozen=True)
class Grid:
    """What is drawn: baselines of `rows`, windows of `sizes`; `rho`: correlation of the features."""

    seed: int
    rows: tuple[int, ...]
    sizes: tuple[int, ...]
    windows: Mapping[int, int]
    """By size of a window, how many of each baseline."""
    rho: float = 0.0


Found = dict[tuple[int, int, str], Floats]
"""By rows, size and rule the smallest p-value of ten features in each window, or (rule `single`) rates per level."""


def one_baseline(task: tuple[Grid, int]) -> Found:
    """Judge clean windows of every size against one baseline of every size."""
    grid, number = task
    found: Found = {}
    for m in grid.rows:
        rng = np.random.default_rng([grid.seed, number, m])
        rows = streams.follow(streams.correlated(rng, (m, 10), grid.rho)) if grid.rho else streams.draw(rng, m)
        watched = {name: Watched.of(streams.field(name), rows[name]) for name in streams.FEATURES}
        for n in grid.sizes:
            windows = _windows(rng, grid, watched, n)
            found |= {(m, n, rule): values for rule, values in _judge(watched, windows).items()}
    return found


def _windows(rng: np.random.Generator, grid: Grid, watched: Mapping[str, Watched], n: int) -> dict[str, NDArray[np.int64]]:
    if not grid.rho:
        return {name: one.draw(rng, streams.FEATURES[name], n, grid.windows[n]) for name, one in watched.items()}
    parts: dict[str, list[NDArray[np.int64]]] = {name: [] for name in watched}
    for start in range(0, grid.windows[n], step := max(1, 200_000 // n)):
        z = streams.correlated(rng, (min(step, grid.windows[n] - start), n, 10), grid.rho)
        for j, (name, one) in enumerate(watched.items()):
            parts[name].append(ours.count(one.layout, streams.FEATURES[name].quantile(streams.ndtr(z[..., j]))))
    return {name: np.concatenate(counts) for name, counts in parts.items()}


def _judge(watched: Mapping[str, Watched], windows: Mapping[str, NDArray[np.int64]]) -> dict[str, Floats]:
    single, smallest, equal, relevant = [], [], [], []
    for name, one in watched.items():
        judged = ours.judge(one, windows[name])
        assert ours.agrees(one, windows[name][:CHECKED], judged, sidak(0.5, 10), MARGIN)
        single.append([np.mean(judged.p < level) / level for level in LEVELS])
        smallest.append(judged.p)
        equal.append(_plain(one, windows[name], judged).p)
        relevant.append(judged.flags(sidak(LEVELS[0], 10), MARGIN))
    return {
        "single": np.mean(single, axis=0),
        "ours": np.min(smallest, axis=0),
        "equal": np.min(equal, axis=0),
        "margin": np.array([np.mean(np.any(relevant, axis=0)) / LEVELS[0]]),
    }


def _plain(one: Watched, windows: NDArray[np.int64], judged: Judged) -> Judged:
    """Return the tests with equal shares and plain ranks."""
    light = getattr(one.layout, "light_tails", False)
    return (ours.judge(one, windows, plain=True) if light else judged).with_equal_shares()


def rates(found: Sequence[Found], m: int, n: int, rule: str, d: int) -> Floats:
    """Return realised over promised rates per baseline and level, shape (models, levels).

    Models of a hundred features are made of ten baselines side by side.
    """
    if d == 1:
        return np.array([one[m, n, "single"] for one in found])
    p = np.array([one[m, n, rule] for one in found])
    groups = d // 10
    p = p[: len(p) // groups * groups].reshape(-1, groups, p.shape[1]).min(axis=1)
    return np.stack([(p < sidak(level, d)).mean(axis=1) / level for level in LEVELS], axis=1)


def margins(found: Sequence[Found], m: int, n: int) -> Floats:
    """Return realised over promised rates of ten features at 1 % with the default margin, per baseline."""
    return np.array([one[m, n, "margin"][0] for one in found])
