"""A method tried on rows of the model's baseline before anything is told by it: does it explain what the model answers?

A method may have understood how a model is built and still explain another number than it answers: the logarithm of a
prediction, or all rounds of boosting where the model stops earlier. Sums would add up, and mean something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier

from pegel.data.attribution_event import Unit
from pegel_serving.attribution.compared_rows import Asked, compared_rows
from pegel_serving.attribution.explained import (
    SINGLE_TOLERANCE,
    AttributionMethod,
    NotExplained,
    refuse_other_sums,
)
from pegel_serving.attribution.output_unit import unit_of
from pegel_serving.attribution.raw_output import chosen
from pegel_serving.fitted_model import FittedModel
from pegel_serving.model_columns import Rows
from pegel_serving.model_errors import FAILURES, sentence

MOST: Final = 20
"""Rows that are tried."""
AGREE: Final = 0.9
"""The least part of them whose largest number is that of the class which the model predicts: ties may go either way."""


@dataclass(frozen=True, slots=True)
class TriedRows:
    """Rows of a baseline that the model answers, none where they are not at hand; `numbers`: its raw outputs."""

    model: FittedModel
    rows: Rows
    numbers: NDArray[np.float64]

    @classmethod
    def of(cls, model: FittedModel, asked: Asked, background: Rows) -> TriedRows:
        """Ask a model about rows of its baseline. Raises NotExplained where it answers what nobody can explain.

        A model that fails on them is tried on none: what it says of rows of requests, these are told.
        """
        try:
            rows = compared_rows(asked, background)
        except NotExplained:
            return cls(model, background[:0], np.empty((0, 1)))
        rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST)).astype(np.int64))]
        try:
            numbers = asked(rows)
        except NotExplained:  # it would say so of any other rows
            raise
        except FAILURES:
            return cls(model, rows[:0], np.empty((0, 1)))
        finite = np.isfinite(numbers).all(axis=1)
        return cls(model, rows[finite], numbers[finite])

    def refuse_other_classes(self) -> None:
        """Raise NotExplained for a model of several classes whose largest number is not of the class that it predicts.

        Numbers of pairs of classes (`decision_function_shape="ovo"`) are such: none of them is one class's.
        """
        classes = getattr(self.model.estimator, "classes_", None)
        if self.numbers.shape[1] == 1 or classes is None or not len(self.rows):
            return
        if self.numbers.shape[1] == len(classes):
            try:
                predicted = np.asarray(self.model.estimator.predict(self.model.given_rows(self.rows)))
            except FAILURES:
                return
            if np.mean(np.asarray(classes)[chosen(self.numbers)] == predicted) >= AGREE:
                return
        raise NotExplained(
            "the numbers that the model puts out for its classes are not largest for the class that it predicts"
        )

    def refuse_other_answers(self, method: AttributionMethod) -> None:
        """Raise NotExplained unless a method explains what the model answers to these rows."""
        if not len(self.rows):
            return
        try:
            explained = method.explain(self.rows, [(0, at) for at in range(len(self.rows))])
        except NotExplained:
            raise
        except FAILURES as error:
            raise NotExplained(f"its own way to be explained fails: {sentence(error)}") from error
        refuse_other_sums(explained, method.precision)
        if is_classifier(self.model.estimator):
            return
        answered = self.numbers[:, 0]
        if not np.allclose(explained.raw, answered, rtol=SINGLE_TOLERANCE, atol=SINGLE_TOLERANCE):
            at = int(np.argmax(np.abs(explained.raw - answered)))
            raise NotExplained(
                f"its parts add up to {explained.raw[at]:.9g} where it answers {answered[at]:.9g}, which is no sum"
            )

    def unit(self, method: AttributionMethod) -> Unit | None:
        """Return what it is that a method explains; None where there are no rows to tell it by.

        One row is not enough: near certainty a margin has the probability that log-odds would have.
        """
        if not len(self.rows):
            return None
        try:
            explained = method.explain(self.rows, [(0, at) for at in range(len(self.rows))])
            return unit_of(self.model.estimator, self.model.given_rows(self.rows), explained.raw)
        except FAILURES:
            return None
