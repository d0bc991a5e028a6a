"""The output of a model that attributions add up to: before anything makes a class or a probability of it.

A regression: its prediction. Two classes: the log-odds, or the margin, of the second one; models without such a number,
as forests are, its probability. More classes: the number of the class that is predicted, the largest.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier

from pegel_serving.attribution.explained import NotExplained

_TWO = 2


def scores(estimator: Any, given: Any) -> NDArray[np.float64]:
    """Return the raw output for what a model is given, shape (rows, 1), or (rows, classes) of more than two classes.

    Raises NotExplained for a model that answers no number, or several.
    """
    if hasattr(estimator, "decision_function"):
        return _classes(estimator.decision_function(given), positive=None)
    if is_classifier(estimator):
        if not hasattr(estimator, "predict_proba"):
            raise NotExplained(
                "the model answers classes and no number for them: it has neither decision_function nor predict_proba"
            )
        return _classes(estimator.predict_proba(given), positive=1)
    return single(estimator.predict(given))


def single(answer: Any) -> NDArray[np.float64]:
    """Return the prediction of a regression, shape (rows, 1). Raises NotExplained for several outputs, and for text."""
    predicted = np.asarray(answer)
    if predicted.dtype.kind not in "biuf" or predicted.size != predicted.shape[0]:
        raise NotExplained(
            f"the model answers an array of type {predicted.dtype} and shape {list(predicted.shape)}; one number for "
            f"each row can be explained"
        )
    return predicted.astype(np.float64).reshape(-1, 1)


def chosen(numbers: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return which column of `scores` is explained in each row: the largest."""
    return np.asarray(np.argmax(numbers, axis=1), dtype=np.int64)


def taken(numbers: NDArray[np.float64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return one column of each row: of shape (rows, classes) -> (rows,), of (rows, features, classes) likewise."""
    if numbers.ndim == _TWO:
        return np.ascontiguousarray(numbers[np.arange(len(columns)), columns])
    return np.ascontiguousarray(numbers[np.arange(len(columns)), :, columns])


def _classes(answer: Any, *, positive: int | None) -> NDArray[np.float64]:
    if isinstance(answer, list):
        raise NotExplained("the model answers several outputs; one number for each row can be explained")
    numbers = np.asarray(answer, dtype=np.float64)
    if numbers.ndim == 1:
        return numbers.reshape(-1, 1)
    return numbers[:, [positive]] if positive is not None and numbers.shape[1] == _TWO else numbers
