"""Who asks a model: drawn customers, and searches that no library has, before they are rounded to steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from benchmarks.adversarial.asked_models import AskedModel

Rows = NDArray[np.float64]
Answers = NDArray[np.int64]
COLUMNS = 15
WEIGHTS = np.array([1.5, -1.2, 0.9, 0.7, -0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0, 0, 0, 0, 0])
COPIES = 60
"""Of one row, by whoever asks whether it was in training."""
NOISE = 0.05
"""Of a copy, in standard deviations of its column."""
VALUES = 12
"""Of each column that is looked through."""
STEP = 0.1
"""By which extraction moves its rows, in standard deviations."""


def customers(rng: np.random.Generator, rows: int) -> Rows:
    """Draw rows: two factors behind nine columns, three with heavy tails, two of few values, one that is mostly 0."""
    factors = rng.normal(size=(rows, 2))
    drawn = rng.normal(size=(rows, COLUMNS))
    drawn[:, :9] = 0.7 * factors[:, np.arange(9) % 2] + 0.7 * drawn[:, :9]
    drawn[:, 9:12] = np.exp(drawn[:, 9:12])
    drawn[:, 12] = np.floor(2 * np.abs(drawn[:, 12]))
    drawn[:, 13] = rng.integers(0, 12, rows)
    drawn[:, 14] *= rng.random(rows) < 0.2
    return drawn.round(2)


def answers(rows: Rows) -> Answers:
    """Return the class of rows: a sum of bends and one interaction, above a threshold."""
    bends = np.tanh(rows) @ WEIGHTS + 0.8 * np.sign(rows[:, 0] * rows[:, 3])
    return np.asarray(bends > 0, dtype=np.int64)


def noisy_copies(rng: np.random.Generator, model: AskedModel) -> Iterator[Rows]:
    """Ask sixty times about one row with a little noise, as whoever asks whether it was in training does."""
    while True:
        row = model.fresh[rng.integers(len(model.fresh))]
        yield from row + NOISE * model.trained.std(axis=0) * rng.normal(size=(COPIES, row.size))


def one_by_one(rng: np.random.Generator, model: AskedModel) -> Iterator[Rows]:
    """Change one column of a row at a time, over evenly placed values between its 1 % and 99 % quantile."""
    low, high = np.quantile(model.trained, [0.01, 0.99], axis=0)
    while True:
        row = model.fresh[rng.integers(len(model.fresh))]
        for column in range(row.size):
            for value in np.linspace(low[column], high[column], VALUES):
                changed = row.copy()
                changed[column] = value
                yield changed


def uniform_box(rng: np.random.Generator, model: AskedModel) -> Iterator[Rows]:
    """Copy a model by rows that are drawn evenly between the least and the largest value of each column."""
    low, high = model.trained.min(axis=0), model.trained.max(axis=0)
    while True:
        yield rng.uniform(low, high)


def jacobian(rng: np.random.Generator, model: AskedModel) -> Iterator[Rows]:
    """Copy a model by real rows, moved time and again along the slope of the copy (Papernot et al. 2017).

    The copy is the line that fits the classes of training best: its slope has one sign a column.
    """
    spread = np.maximum(model.trained.std(axis=0), 1e-9)
    scaled = (model.trained - model.trained.mean(axis=0)) / spread
    slope, *_ = np.linalg.lstsq(scaled, model.classes - model.classes.mean(), rcond=None)
    while True:
        rows = model.fresh[rng.integers(len(model.fresh), size=40)]
        for _ in range(4):
            yield from rows
            rows = np.concatenate([rows, rows + STEP * spread * np.sign(slope) * rng.choice([-1, 1])])
            rows = rows[rng.permutation(len(rows))[:80]]


def marginals(rng: np.random.Generator, model: AskedModel) -> Iterator[Rows]:
    """Copy a model by rows whose columns are those of customers, each of another one."""
    while True:
        drawn = model.fresh[rng.integers(len(model.fresh), size=200)]
        yield from np.column_stack([rng.permutation(column) for column in drawn.T])


def real_rows(rng: np.random.Generator, model: AskedModel) -> Iterator[Rows]:
    """Copy a model by rows of customers."""
    while True:
        yield model.fresh[rng.integers(len(model.fresh))]


OWN_SEARCHES: dict[str, Callable[[np.random.Generator, AskedModel], Iterator[Rows]]] = {
    "membership: 60 noisy copies of a row": noisy_copies,
    "one column at a time": one_by_one,
    "extraction: uniform box": uniform_box,
    "extraction: Jacobian augmentation": jacobian,
    "extraction: independent marginals": marginals,
    "extraction: real rows": real_rows,
}
