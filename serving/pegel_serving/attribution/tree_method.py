"""Attributions of scikit-learn's trees, exactly: path-dependent TreeSHAP of `shap`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pegel.data.attribution_event import Method
from pegel_serving.attribution.estimator_parts import EstimatorParts, dense
from pegel_serving.attribution.explained import TOLERANCE, ExplainedRows, NotExplained, in_parts
from pegel_serving.attribution.raw_output import chosen, scores, taken
from pegel_serving.attribution.shap_door import tree_explainer
from pegel_serving.model_columns import Rows

HISTOGRAMS = ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor")
"""They compare with numbers of double precision."""
SINGLE_PRECISION = (
    *("DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor"),
    *("GradientBoostingClassifier", "GradientBoostingRegressor", "RandomForestClassifier", "RandomForestRegressor"),
)
"""They round each number to single precision before they compare: so must whoever follows their paths."""


def is_trees(last: Any) -> bool:
    """Say whether a last step is one of scikit-learn's models of trees."""
    return type(last).__module__.startswith("sklearn.") and type(last).__name__ in {*HISTOGRAMS, *SINGLE_PRECISION}


class TreeMethod:
    """Explains rows of trees; columns made of one feature are added up."""

    method = Method.TREE
    precision = TOLERANCE

    def __init__(self, parts: EstimatorParts) -> None:
        """Prepare the explainer. Raises NotExplained for trees of which path-dependent attributions are not known."""
        last = parts.last
        if getattr(last, "is_categorical_", None) is not None:
            raise NotExplained("trees that split categories by lists of them are not explained exactly")
        self._parts = parts
        self._rounds = type(last).__name__ in SINGLE_PRECISION
        self._explainer = tree_explainer(last)
        if self._rounds:
            _lead_missing(self._explainer.model, last)

    def explain(self, rows: Rows, seeds: Sequence[tuple[int, int]]) -> ExplainedRows:
        """Explain rows; nothing is drawn."""
        return in_parts(rows, seeds, self._parts.sources.size, self._explained)

    def _explained(self, rows: Rows, _seeds: Sequence[tuple[int, int]]) -> ExplainedRows:
        columns = self._parts.columns(rows)
        numbers = scores(self._parts.last, columns)
        which = chosen(numbers)
        given = dense(columns)
        if self._rounds:
            given = given.astype(np.float32)
        told = np.asarray(self._explainer.shap_values(given, check_additivity=False), dtype=np.float64)
        bases = np.atleast_1d(np.asarray(self._explainer.expected_value, dtype=np.float64))
        if told.ndim > numbers.ndim:
            # Of two classes shap tells both, of which the second one is explained.
            column = which if numbers.shape[1] > 1 else np.full(len(rows), told.shape[2] - 1)
            told, base = taken(told, column), bases[column]
        else:
            base = np.full(len(rows), bases[-1])
        return ExplainedRows(told @ self._parts.groups, base, taken(numbers, which))


def path_cost(last: Any) -> float:
    """Return how many steps path-dependent TreeSHAP takes for one row: leaves times the square of their depth."""
    return float(sum(leaves * max(depth, 1) ** 2 for leaves, depth in _sizes(last)))


def _sizes(last: Any) -> list[tuple[int, int]]:
    if type(last).__name__ in HISTOGRAMS:
        trees = [tree for iteration in last._predictors for tree in iteration]  # noqa: SLF001  told nowhere else
        return [(tree.get_n_leaf_nodes(), tree.get_max_depth()) for tree in trees]
    return [(int(tree.n_leaves), int(tree.max_depth)) for tree in _trees(last)]


def _trees(last: Any) -> list[Any]:
    """Return the trees of a model in the order in which shap keeps them."""
    estimators = getattr(last, "estimators_", None)
    if estimators is None:
        return [last.tree_]
    return [one.tree_ for one in np.ravel(estimators)]


def _lead_missing(ensemble: Any, last: Any) -> None:
    """Send missing values the way the model sends them: shap sends them to the left, as the model once did."""
    for at, tree in enumerate(_trees(last)):
        left, right = tree.children_left, tree.children_right
        goes_left = np.asarray(tree.missing_go_to_left, dtype=bool)
        ensemble.children_default[at, : left.size] = np.where(goes_left, left, right)
