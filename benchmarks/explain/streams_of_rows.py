"""The streams of explained rows that attributions are measured on: a model, what happens to its inputs, and to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

D = 12
Rows = NDArray[np.float64]
IMPORTANT, PROXY, LOST, WEAK, NOISE = 0, 1, 2, 6, 11
"""Places of columns: one that counts most, one that goes with it and counts for nothing, one that a training loses, one
with 4 % of the output's standard deviation, one that nothing depends on."""
PAIR = (4, 5)
"""Columns that count only together."""


def drawn(rng: np.random.Generator, rows: int) -> Rows:
    """Draw inputs; the first two go together, and the last four count for nothing."""
    x = rng.normal(size=(rows, D))
    x[:, PROXY] = 0.8 * x[:, IMPORTANT] + 0.6 * x[:, PROXY]
    return x


def outcome(rng: np.random.Generator, x: Rows, together: float = 0.7) -> Rows:
    """Return outcomes: an important input, some weaker ones, and a product of two."""
    y = x[:, IMPORTANT] + 0.5 * x[:, LOST] + 0.3 * x[:, 3] + together * x[:, 4] * x[:, 5] + 0.05 * x[:, WEAK]
    return np.asarray(y + rng.normal(0, 0.5, len(x)))


def fitted(rng: np.random.Generator, *, rows: int = 20_000, lost: int | None = None, together: float = 0.7) -> Fitted:
    """Fit 100 trees of 16 leaves to fresh rows. `lost`: a column that is missing from them."""
    x = drawn(rng, rows)
    given = x if lost is None else np.delete(x, lost, axis=1)
    model = HistGradientBoostingRegressor(max_iter=100, max_leaf_nodes=16, random_state=0)
    return Fitted(model.fit(given, outcome(rng, x, together)), lost=lost)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model as it is deployed.

    `lost`: the column that it is not given; `swapped`: columns that are given for each other.
    """

    model: HistGradientBoostingRegressor
    lost: int | None = None
    swapped: tuple[int, int] | None = None

    def given(self, x: Rows) -> Rows:
        """Return what the model sees of inputs."""
        if self.swapped is not None:
            x = x[:, self._order]
        return x if self.lost is None else np.delete(x, self.lost, axis=1)

    def by_name(self, parts: Rows) -> Rows:
        """Return parts of what the model saw as those of the inputs of that name."""
        if self.lost is not None:
            parts = np.insert(parts, self.lost, 0.0, axis=1)
        return parts if self.swapped is None else parts[:, self._order]

    @property
    def _order(self) -> list[int]:
        order, (one, other) = list(range(D)), self.swapped or (0, 0)
        order[one], order[other] = other, one
        return order


@dataclass(frozen=True, slots=True)
class Stream:
    """What happens. `sizes`: rows of windows; `wanted`: what the specification measured or asks for, of some columns.

    `deployed`: which of the models answers.
    """

    name: str
    change: Callable[[np.random.Generator, int], Rows]
    sizes: tuple[int, ...]
    deployed: str = "registered"
    wanted: str = ""


def _moved(column: int, by: float) -> Callable[[np.random.Generator, int], Rows]:
    def draw(rng: np.random.Generator, rows: int) -> Rows:
        x = drawn(rng, rows)
        x[:, column] += by
        return x

    return draw


def _dependent(rng: np.random.Generator, rows: int) -> Rows:
    x, (one, other) = drawn(rng, rows), PAIR
    x[:, other] = 0.5 * x[:, one] + np.sqrt(0.75) * x[:, other]
    return x


STREAMS = (
    Stream("clean", drawn, (500, 2_000), wanted="0 (below)"),
    Stream("important +.2 sigma", _moved(IMPORTANT, 0.2), (500, 2_000), wanted=">= .97 at n = 2,000, .05"),
    Stream("important +.5 sigma", _moved(IMPORTANT, 0.5), (500,), wanted="1"),
    Stream("noise column +1 sigma", _moved(NOISE, 1.0), (2_000,), wanted="<= .02 at .05"),
    Stream("noise column +3 sigma", _moved(NOISE, 3.0), (2_000,), wanted="1 where the model uses it"),
    Stream("weak column +.5 sigma", _moved(WEAK, 0.5), (2_000,), wanted="<= .02 at .05"),
    Stream("unused proxy +.5 sigma", _moved(PROXY, 0.5), (2_000,), wanted="<= .02 at .05"),
    Stream("dependence in the interaction", _dependent, (2_000,), wanted="certain 1, inputs 0"),
    Stream("model: honest retrain", drawn, (500,), "retrain", "replay 1.00"),
    Stream("model: a column lost", drawn, (500,), "lost", "replay 1.00"),
    Stream("model: interaction flipped", drawn, (500,), "flipped", "replay 1.00"),
    Stream("model: two columns swapped", drawn, (500,), "swapped", "replay .96"),
)
"""The last ones are rows of another model than the registered one."""
