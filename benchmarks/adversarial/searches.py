"""Who asks a model: customers, and searches of several kinds, rounded to the steps in which columns are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
Answers = NDArray[np.int64]
Ask = Callable[[Rows], Answers]
COLUMNS = 15
WEIGHTS = np.array([1.5, -1.2, 0.9, 0.7, -0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0, 0, 0, 0, 0])


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
    """Return the class that a model answers: a sum of bends and one interaction, above a threshold."""
    bends = np.tanh(rows) @ WEIGHTS + 0.8 * np.sign(rows[:, 0] * rows[:, 3])
    return np.asarray(bends > 0, dtype=np.int64)


def _boundary(ask: Ask, one: Rows, other: Rows, sent: list[Rows]) -> Rows:
    """Halve the way between two rows of different classes, twelve times."""
    own = ask(one[None])[0]
    for _ in range(12):
        middle = ((one + other) / 2).round(2)
        sent.append(middle)
        one, other = (middle, other) if ask(middle[None])[0] == own else (one, middle)
    return other


def gradient_walk(rng: np.random.Generator, ask: Ask) -> Iterator[Rows]:
    """Walk along the boundary by estimates of its slope, as HopSkipJump does (Chen et al. 2020)."""
    while True:
        one, other = _pair(rng, ask)
        sent: list[Rows] = []
        at = _boundary(ask, one, other, sent)
        for _ in range(8):
            steps = rng.normal(size=(20, COLUMNS))
            around = (at + 0.1 * steps).round(2)
            sent += list(around)
            votes = 2 * ask(around) - 1
            slope = (votes[:, None] * steps).mean(axis=0)
            at = _boundary(ask, one, at + 0.3 * slope / max(float(np.linalg.norm(slope)), 1e-9), sent)
        yield from sent


def random_walk(rng: np.random.Generator, ask: Ask) -> Iterator[Rows]:
    """Walk along the boundary by steps at random that are kept if the answer stays (Brendel et al. 2018)."""
    while True:
        aim, at = _pair(rng, ask)
        own, size = ask(at[None])[0], 0.3
        for _ in range(200):
            step = size * rng.normal(size=COLUMNS) / np.sqrt(COLUMNS)
            near = (at + step + 0.05 * (aim - at)).round(2)
            yield near
            stays = ask(near[None])[0] == own
            at, size = (near, size * 1.05) if stays else (at, size * 0.9)


def noisy_copies(rng: np.random.Generator, _ask: Ask) -> Iterator[Rows]:
    """Ask sixty times about one row with a little noise, as whoever asks whether it was in training does."""
    while True:
        row = customers(rng, 1)[0]
        yield from (row + 0.05 * rng.normal(size=(60, COLUMNS))).round(2)


def one_by_one(rng: np.random.Generator, _ask: Ask) -> Iterator[Rows]:
    """Change one column of a row at a time, over its range."""
    while True:
        row, others = customers(rng, 1)[0], customers(rng, 12)
        for column in range(COLUMNS):
            for value in others[:, column]:
                changed = row.copy()
                changed[column] = value
                yield changed


def marginals(rng: np.random.Generator, _ask: Ask) -> Iterator[Rows]:
    """Ask rows whose columns are those of customers, each of another one: to copy the model."""
    while True:
        drawn = customers(rng, 200)
        yield from np.column_stack([rng.permutation(column) for column in drawn.T])


SEARCHES: dict[str, Callable[[np.random.Generator, Ask], Iterator[Rows]]] = {
    "gradient walk": gradient_walk,
    "random walk": random_walk,
    "noisy copies": noisy_copies,
    "one column at a time": one_by_one,
    "independent columns": marginals,
}


def _pair(rng: np.random.Generator, ask: Ask) -> tuple[Rows, Rows]:
    """Return two rows of different classes."""
    rows = customers(rng, 200)
    classes = ask(rows)
    return rows[classes == 0][0], rows[classes == 1][0]
