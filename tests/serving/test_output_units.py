"""What a model puts out is told by its own probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from explained_models import classes, numbers, outcome
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

from pegel.data.attribution_event import Unit
from pegel.data.columns import Field, Kind, Role
from pegel_serving.attribution.output_unit import unit_of, unit_of_fields
from pegel_serving.attribution.raw_output import chosen, scores, taken

X = numbers(300, 4)


@pytest.mark.parametrize(
    ("maker", "of_classes", "unit"),
    [
        (LinearRegression(), 0, Unit.PREDICTION),
        (LogisticRegression(), 2, Unit.LOG_ODDS),
        (HistGradientBoostingClassifier(max_iter=5), 2, Unit.LOG_ODDS),
        (RandomForestClassifier(5, random_state=0), 2, Unit.PROBABILITY),
        (LinearSVC(), 2, Unit.MARGIN),
        (LogisticRegression(), 3, Unit.CLASS_SCORE),
        (RandomForestClassifier(5, random_state=0), 3, Unit.CLASS_SCORE),
    ],
)
def test_the_output_of_a_model_has_a_name(maker: Any, of_classes: int, unit: Unit) -> None:
    """Log-odds are those whose probability is the model's, whatever library it is of."""
    model = maker.fit(X, classes(X, of_classes) if of_classes else outcome(X))
    numbers_of_rows = scores(model, X)
    raw = taken(numbers_of_rows, chosen(numbers_of_rows))

    assert unit is unit_of(model, X, np.asarray(raw))


def test_an_endpoint_is_told_by_what_it_answers() -> None:
    """Probabilities of two classes are those of the second one; a number alone is a prediction."""
    label = Field("answer", Kind.CATEGORICAL, Role.PREDICTION)
    chances = [Field(f"answer_probability_{name}", Kind.NUMERIC, Role.PREDICTION) for name in "abc"]

    assert [Unit.PREDICTION, Unit.PROBABILITY, Unit.CLASS_SCORE] == [
        unit_of_fields([label, *chances[:count]]) for count in (0, 2, 3)
    ]
