"""A fitted model in two: what makes columns of rows, and the last step, which predicts on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.pipeline import Pipeline

from pegel_serving.attribution.raw_columns import raw_features
from pegel_serving.fitted_model import FittedModel
from pegel_serving.model_columns import Rows


@dataclass(frozen=True, slots=True)
class EstimatorParts:
    """The last step of a model, and how it comes to its columns.

    `sources`: for each column of the last step the place of its feature in the schema.
    """

    model: FittedModel
    first: Pipeline | None
    last: Any
    sources: NDArray[np.int64]

    @classmethod
    def of(cls, model: FittedModel) -> EstimatorParts:
        """Take a model apart. Raises NotExplained where columns of its last step belong to no single feature."""
        first, last = split(model.estimator)
        given = model.given_features
        features = [feature.name for feature in model.metadata.features]
        places = [features.index(name) for name in given]
        sources = places if first is None else raw_features(first, places, given if model.columns else None)
        return cls(model, first, last, np.array(sources, dtype=np.int64))

    @property
    def width(self) -> int:
        """Return how many features the model has."""
        return len(self.model.metadata.features)

    @property
    def groups(self) -> sparse.csr_matrix:
        """Return what adds up columns by feature, shape (columns of the last step, features)."""
        ones = np.ones(self.sources.size)
        places = np.arange(self.sources.size), self.sources
        return sparse.csr_matrix((ones, places), shape=(self.sources.size, self.width))

    def columns(self, rows: Rows) -> Any:
        """Return what the last step is given: a frame, a matrix, or a sparse matrix. Raises WrongValue."""
        given = self.model.given_rows(rows)
        return given if self.first is None else self.first.transform(given)


def split(estimator: Any) -> tuple[Pipeline | None, Any]:
    """Return a pipeline without its last step, and that step; None where the model is no pipeline."""
    if not isinstance(estimator, Pipeline):
        return None, estimator
    last = estimator.steps[-1][1]
    if isinstance(last, Pipeline):
        first, inner = split(last)
        outer = [*estimator.steps[:-1], *([("inner", first)] if first is not None else [])]
        return (Pipeline(outer) if outer else None), inner
    return (estimator[:-1] if len(estimator.steps) > 1 else None), last


def dense(columns: Any) -> NDArray[np.float64]:
    """Return columns as a matrix of numbers. Raises ValueError or TypeError where they are none."""
    if sparse.issparse(columns):
        return np.asarray(columns.toarray(), dtype=np.float64)
    values = columns.to_numpy() if hasattr(columns, "to_numpy") else np.asarray(columns)
    return np.ascontiguousarray(values, dtype=np.float64)
