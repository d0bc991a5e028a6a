"""The number that is explained of an endpoint's answers: of classes with probabilities these, else its first number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pegel.data.columns import Field, Kind
from pegel_serving.attribution.explained import NotExplained
from pegel_serving.model_columns import Rows

_TWO = 2


def answered_numbers(answers: Rows, fields: Sequence[Field]) -> NDArray[np.float64]:
    """Return what answers put out, shape (rows, 1), or (rows, classes) of more than two classes.

    Args:
        answers: Shape (rows, fields).
        fields: What the endpoint predicts.

    Raises NotExplained where that has no number.
    """
    stem = f"{fields[0].name}_probability_"
    classes = [at for at, field in enumerate(fields) if field.name.startswith(stem)]
    numeric = [at for at, field in enumerate(fields) if field.kind is Kind.NUMERIC]
    if not numeric:
        raise NotExplained("the endpoint answers classes and no number for them, of which no part can be told")
    columns = (classes[1:] if len(classes) == _TWO else classes) or numeric[:1]  # of two the second
    return np.asarray(answers[:, columns], dtype=np.float64)
