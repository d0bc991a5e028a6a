"""What the raw output of a model is, see `raw_output`: told by its own probabilities, whatever library it is of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import is_classifier

from pegel.data.attribution_event import Unit
from pegel.data.columns import Field

CLOSE: Final = 1e-5
"""How far a probability may be from the one that an output has; some libraries compute in single precision."""
_TWO = 2


def unit_of(estimator: Any, given: Any, raw: NDArray[np.float64]) -> Unit:
    """Return what the outputs `raw`, shape (rows,), of a fitted model are for what it was given, some rows."""
    if not is_classifier(estimator):
        # What finds outliers answers yes or no, and is explained by how far from either it was.
        return Unit.MARGIN if hasattr(estimator, "decision_function") else Unit.PREDICTION
    if len(getattr(estimator, "classes_", ())) > _TWO:
        return Unit.CLASS_SCORE
    if not hasattr(estimator, "predict_proba"):
        return Unit.MARGIN
    chances = np.asarray(estimator.predict_proba(given), dtype=np.float64)[:, -1]
    if np.allclose(raw, chances, rtol=0, atol=CLOSE):
        return Unit.PROBABILITY
    return Unit.LOG_ODDS if np.allclose(expit(raw), chances, rtol=0, atol=CLOSE) else Unit.MARGIN


def unit_of_fields(predictions: Sequence[Field]) -> Unit:
    """Return the same of an endpoint that is asked, by the names of what it answers."""
    classes = sum(field.name.startswith(f"{predictions[0].name}_probability_") for field in predictions)
    return {0: Unit.PREDICTION, _TWO: Unit.PROBABILITY}.get(classes, Unit.CLASS_SCORE)
