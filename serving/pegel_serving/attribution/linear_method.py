"""Attributions of linear models, exactly: a coefficient times how far a column is from its mean in the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from pegel.data.attribution_event import Method
from pegel_serving.attribution.estimator_parts import EstimatorParts
from pegel_serving.attribution.explained import TOLERANCE, ExplainedRows, NotExplained
from pegel_serving.attribution.raw_output import chosen, scores, taken
from pegel_serving.model_columns import Rows

_LINKED = ("PoissonRegressor", "GammaRegressor", "TweedieRegressor")
"""Their prediction is the exponential of a sum, which is no sum."""
_ELSEWHERE = ("LinearSVC", "LinearSVR", "LinearDiscriminantAnalysis")


def is_linear(last: Any) -> bool:
    """Say whether the raw output of a last step is a sum of coefficients times columns."""
    name, module = type(last).__name__, type(last).__module__
    known = module.startswith("sklearn.linear_model.") or (module.startswith("sklearn.") and name in _ELSEWHERE)
    return known and name not in _LINKED and hasattr(last, "coef_") and hasattr(last, "intercept_")


class LinearMethod:
    """Explains rows of a linear model; columns made of one feature are added up."""

    method = Method.LINEAR
    precision = TOLERANCE

    def __init__(self, parts: EstimatorParts, background: Rows) -> None:
        """Take the means of the columns from rows of the baseline, of which those with missing values say nothing.

        Raises NotExplained without any.
        """
        if not len(background):
            raise NotExplained(
                "a linear model is explained by the distance from its baseline, of which no rows are here"
            )
        self._parts = parts
        coefficients = np.atleast_2d(np.asarray(parts.last.coef_, dtype=np.float64))
        self._parts_of = [sparse.diags(row) @ parts.groups for row in coefficients]
        self._intercepts = np.broadcast_to(np.asarray(parts.last.intercept_, dtype=np.float64), (len(coefficients),))
        columns = parts.columns(background)
        products = np.stack([_product(columns, part) for part in self._parts_of])
        whole = np.isfinite(products).all(axis=(0, 2))
        if not whole.any():
            raise NotExplained(
                "a value is missing in every row of the baseline, from which the model's distance is told"
            )
        self._means = products[:, whole].mean(axis=1)

    def explain(self, rows: Rows, seeds: Sequence[tuple[int, int]]) -> ExplainedRows:
        """Explain rows; nothing is drawn. What is no finite number is for whoever asks to refuse."""
        del seeds
        with np.errstate(over="ignore", invalid="ignore"):
            return self._explained(rows)

    def _explained(self, rows: Rows) -> ExplainedRows:
        columns = self._parts.columns(rows)
        numbers = scores(self._parts.last, columns)
        which = chosen(numbers)
        values = np.empty((len(rows), self._parts.width))
        for one in np.unique(which).tolist():
            own = which == one
            values[own] = _product(columns[own], self._parts_of[one])
        values -= self._means[which]
        base = self._intercepts[which] + self._means[which].sum(axis=1)
        return ExplainedRows(values, base, taken(numbers, which))


def _product(columns: Any, part: sparse.spmatrix) -> NDArray[np.float64]:
    """Return each feature's sum of coefficients times columns, shape (rows, features)."""
    if sparse.issparse(columns):
        return np.asarray((columns @ part).toarray(), dtype=np.float64)
    values = columns.to_numpy() if hasattr(columns, "to_numpy") else np.asarray(columns)
    return np.asarray(values.astype(np.float64) @ part, dtype=np.float64)
