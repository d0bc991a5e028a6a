"""Boosters explain themselves. They are extras: where one is not installed, nothing of it is shown here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from explained_models import as_served, classes, numbers, objects, outcome, seeds
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pegel.data.attribution_event import Method
from pegel_serving.attribution.choose_method import method_for
from pegel_serving.attribution.explained import refuse_other_sums

LIBRARIES = ("lightgbm", "xgboost")
MAKERS = {"lightgbm": ("LGBMRegressor", "LGBMClassifier"), "xgboost": ("XGBRegressor", "XGBClassifier")}


@pytest.mark.parametrize("of_classes", [0, 2, 3])
@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_boosters_explain_themselves(library: str, of_classes: int) -> None:
    """A booster's own contributions add up to its raw output, alone and behind a step, missing values included."""
    reason = f"{library} is an extra and not installed: its attributions are NOT shown to be right here"
    made = pytest.importorskip(library, reason=reason)
    maker = getattr(made, MAKERS[library][bool(of_classes)])
    quiet: dict[str, Any] = {"n_estimators": 10, "n_jobs": 1, **({"verbose": -1} if library == "lightgbm" else {})}
    x = numbers(400, 4, missing=0.05)
    y = classes(x, of_classes) if of_classes else outcome(x)
    for model in (maker(**quiet).fit(x, y), make_pipeline(StandardScaler(), maker(**quiet)).fit(x, y)):
        method = method_for(as_served(model, 4), objects(x[:0]))
        told = method.explain(objects(x[:30]), seeds(30))

        refuse_other_sums(told, method.precision)
        assert Method.NATIVE is method.method
        assert (30, 4) == told.values.shape
        assert np.abs(told.values[:, 0]).mean() > np.abs(told.values[:, 3]).mean()
        if not of_classes:
            assert np.allclose(model.predict(x[:30]), told.raw, rtol=1e-5)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_boosters_with_a_link_are_permuted(library: str) -> None:
    """Their trees add up to the logarithm of the prediction, and it is the prediction that is explained."""
    made = pytest.importorskip(library, reason=f"{library} is an extra and not installed")
    quiet: dict[str, Any] = {"n_estimators": 10, "n_jobs": 1, **({"verbose": -1} if library == "lightgbm" else {})}
    x = numbers(400, 4)
    loss = {"lightgbm": "poisson", "xgboost": "count:poisson"}[library]
    fitted = getattr(made, MAKERS[library][0])(objective=loss, **quiet).fit(x, np.exp(np.clip(outcome(x), -3, 3)))

    method = method_for(as_served(fitted, 4), objects(x[:60]))
    told = method.explain(objects(x[:9]), seeds(9))

    assert Method.PERMUTATION is method.method
    assert np.allclose(fitted.predict(x[:9]), told.raw, rtol=1e-5)


@pytest.mark.parametrize("of_classes", [0, 2])
def test_of_a_booster_that_stopped_early_only_the_rounds_that_answer_are_explained(of_classes: int) -> None:
    """XGBoost keeps the rounds after the best one and does not predict by them."""
    xgboost = pytest.importorskip("xgboost", reason="xgboost is an extra and not installed")
    x = numbers(400, 4)
    y = classes(x, of_classes) if of_classes else outcome(x)
    maker = getattr(xgboost, MAKERS["xgboost"][bool(of_classes)])
    fitted = maker(n_estimators=60, n_jobs=1, early_stopping_rounds=3, learning_rate=0.9)
    fitted.fit(x, y, eval_set=[(x[:60], y[:60][::-1])], verbose=False)

    method = method_for(as_served(fitted, 4), objects(x[:60]))
    told = method.explain(objects(x[:30]), seeds(30))

    assert fitted.best_iteration + 1 < fitted.get_booster().num_boosted_rounds()
    assert Method.NATIVE is method.method
    refuse_other_sums(told, method.precision)
    assert np.allclose(fitted.predict(x[:30], output_margin=True), told.raw, rtol=1e-5)
