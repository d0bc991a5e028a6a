"""Which method explains which model, in one place.

======================================================  ============  =============================================
the last step of the model                              method        else
======================================================  ============  =============================================
coefficients: scikit-learn's linear models              linear        permutation where a step mixes columns
scikit-learn's trees, up to `MOST_STEPS` a row          tree          permutation: categories, mixed columns, costs
LightGBM, XGBoost                                       native        permutation where a step mixes columns
anything else that answers one number, or classes       permutation   refused, with a sentence: see `raw_output`
======================================================  ============  =============================================

What an exact method says is compared with the model's own answers to rows of its baseline, where these are at hand: a
model that it does not understand, or whose answer is no sum (the exponential of one, say), is permuted.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pegel.spec.plain_numbers import how_many
from pegel_serving.attribution import raw_output
from pegel_serving.attribution.estimator_parts import EstimatorParts, split
from pegel_serving.attribution.explained import AttributionMethod, NotExplained
from pegel_serving.attribution.linear_method import LinearMethod, is_linear
from pegel_serving.attribution.native_method import NativeMethod, is_native
from pegel_serving.attribution.permutation_method import PermutationMethod
from pegel_serving.attribution.tree_method import TreeMethod, is_trees, path_cost
from pegel_serving.attribution.tried_rows import TriedRows
from pegel_serving.fitted_model import FittedModel
from pegel_serving.model_columns import Rows

MOST_STEPS: Final = 1.5e7
"""Steps of exact attributions of trees for one row: some 50 rows a second. Deeper forests are permuted, much faster."""


def method_for(model: FittedModel, background: Rows, *, orders: int = 1) -> AttributionMethod:
    """Return what explains rows of a model. `background`: rows of its baseline, none where they are not at hand.

    `orders` is for `PermutationMethod`. Raises NotExplained with a sentence where nothing explains it.
    """
    if not model.classes and len(model.metadata.predictions) > 1:
        raise NotExplained(
            f"the model answers {how_many(len(model.metadata.predictions), 'prediction')}; one number for each row can "
            "be explained"
        )
    tried = TriedRows.of(model, asked_of(model), background)
    tried.refuse_other_classes()
    why = ""
    try:
        exact = _exact(model, background)
        if exact is not None:
            tried.refuse_other_answers(exact)
            return exact
    except NotExplained as error:
        why = str(error)
    try:
        return PermutationMethod(asked_of(model), background, orders)
    except NotExplained as error:
        raise NotExplained(f"{why}; {error}" if why else str(error)) from error


def asked_of(model: FittedModel) -> Any:
    """Return what asks a model for its raw output."""

    def asked(rows: Rows) -> NDArray[np.float64]:
        return raw_output.scores(model.estimator, model.given_rows(rows))

    return asked


def _exact(model: FittedModel, background: Rows) -> AttributionMethod | None:
    """Return the exact method of a model; None where none is. Raises NotExplained where it is known why."""
    last = split(model.estimator)[1]
    if is_linear(last):
        return LinearMethod(EstimatorParts.of(model), background)
    if is_native(last):
        return NativeMethod(EstimatorParts.of(model))
    if not is_trees(last):
        return None
    if path_cost(last) > MOST_STEPS:
        raise NotExplained("the trees are too deep to be explained exactly in good time")
    return TreeMethod(EstimatorParts.of(model))
