"""A surrogate: a model of an endpoint's answers, for endpoints whose answers nobody can compute again.

It is fitted anew whenever a process of the model begins, to the same rows in the same way, and called after what it
makes of the rows that it was not fitted to: another one, as another release of the library may fit, has another name,
and what it says is not compared with what this one said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyarrow import dataset
from sklearn.ensemble import HistGradientBoostingRegressor

from pegel.data.columns import Field, Kind, Role, Schema
from pegel_serving.attribution.answered_numbers import answered_numbers
from pegel_serving.attribution.raw_output import chosen, taken
from pegel_serving.attribution.surrogate_rows import halves, rows_of_half
from pegel_serving.model_columns import Rows

TREES, LEAVES = 200, 31
LEAST_EXPLAINED: Final = 0.9
"""Part of the variance of the answers to rows that it was not fitted to which a surrogate has to explain, inclusive."""
FEWEST_ROWS: Final = 500
"""Of each half."""
MOST_CATEGORIES: Final = 250
"""Of a feature that are told apart, the most frequent ones; a histogram has room for 255."""
_DIGITS: Final = 6
"""Decimals of a standard deviation of the answers by which surrogates are told apart."""
_NAME_BYTES: Final = 8


class NoSurrogate(Exception):
    """The answers have no surrogate that says enough of them; the message is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How values become the numbers that trees take; `categories`: codes of each categorical feature, by its place."""

    categories: dict[int, dict[str, int]]

    @classmethod
    def of(cls, rows: Rows, features: Sequence[Field]) -> _Encoding:
        places = [at for at, field in enumerate(features) if field.kind is Kind.CATEGORICAL]
        return cls({at: _codes(rows[:, at].tolist()) for at in places})

    def numbers(self, rows: Rows) -> NDArray[np.float64]:
        """Return values as numbers, shape of `rows`; what is missing or infinite is NaN."""
        numbers = np.empty(rows.shape, dtype=np.float64)
        for at in range(rows.shape[1]):
            column, codes = rows[:, at].tolist(), self.categories.get(at)
            if codes is None:
                values = [np.nan if value is None else value for value in column]
            else:
                values = [np.nan if value is None else codes.get(value, MOST_CATEGORIES) for value in column]
            numbers[:, at] = values
        return np.where(np.isfinite(numbers), numbers, np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class SurrogateModel:
    """Expects answers of rows. `name`: 16 digits.

    `explained`: the part of the variance of the answers to `checked` rows that it explains without having been fitted
    to them.
    """

    name: str
    explained: float
    checked: int
    _encoding: _Encoding
    _model: HistGradientBoostingRegressor

    @classmethod
    def fitted(
        cls, fit: tuple[Rows, NDArray[np.float64]], other: tuple[Rows, NDArray[np.float64]], features: Sequence[Field]
    ) -> SurrogateModel:
        """Fit to rows, shape (rows, features), and their answers, shape (rows,); see how well it knows the others.

        Raises NoSurrogate.
        """
        (rows, answers), (others, expected) = _finite(*fit), _finite(*other)
        fewest = min(len(rows), len(others))
        if fewest < FEWEST_ROWS:
            raise NoSurrogate(f"expected at least {2 * FEWEST_ROWS:,} rows with answers, given {2 * fewest:,}")
        spread = float(np.std(expected))
        if not spread > 0:
            raise NoSurrogate("the rows of the baseline have one answer, which tells no model from another")
        encoding = _Encoding.of(rows, features)
        model = HistGradientBoostingRegressor(
            max_iter=TREES,
            max_leaf_nodes=LEAVES,
            categorical_features=np.array([field.kind is Kind.CATEGORICAL for field in features]),
            early_stopping=False,
            random_state=0,
        ).fit(encoding.numbers(rows), answers)
        said = model.predict(encoding.numbers(others))
        explained = 1 - float(np.mean((expected - said) ** 2)) / spread**2
        if explained < LEAST_EXPLAINED:
            raise NoSurrogate(
                f"a model of the answers explains {explained:.1%} of how they vary in {len(others):,} rows that it was "
                f"not fitted to, and {LEAST_EXPLAINED:.0%} are needed"
            )
        digest = blake2b((np.round(said / spread, _DIGITS) + 0.0).tobytes(), digest_size=_NAME_BYTES)
        return cls(digest.hexdigest(), explained, len(others), encoding, model)

    @classmethod
    def of_table(cls, table: Path, schema: Schema) -> SurrogateModel:
        """Fit to one half of a table of features and predictions, see how well it knows the other half.

        Raises NoSurrogate; NotExplained where the predictions have no number; OSError and pyarrow's errors
        (ValueErrors) where the table cannot be read.
        """
        features, predictions = schema.of_role(Role.FEATURE), schema.of_role(Role.PREDICTION)
        parts = []
        for places in halves(dataset.dataset(table, format="parquet").count_rows()):
            try:
                rows, answers = rows_of_half(table, places, features, predictions)
            except KeyError as error:
                raise NoSurrogate(f"the rows of the baseline have no {error.args[0]}") from error
            numbers = answered_numbers(answers, predictions)
            parts.append((rows, taken(numbers, chosen(numbers))))
        return cls.fitted(parts[0], parts[1], features)

    def expected(self, rows: Rows) -> NDArray[np.float64]:
        """Return which answers it expects to rows, shape (rows, features) -> (rows,)."""
        return np.asarray(self._model.predict(self._encoding.numbers(rows)), dtype=np.float64)


def _codes(column: list[str | None]) -> dict[str, int]:
    counts = Counter(value for value in column if value is not None)
    ordered = sorted(counts, key=lambda value: (-counts[value], value))
    return {value: code for code, value in enumerate(ordered[:MOST_CATEGORIES])}


def _finite(rows: Rows, answers: NDArray[np.float64]) -> tuple[Rows, NDArray[np.float64]]:
    kept = np.isfinite(answers)
    return rows[kept], answers[kept]
