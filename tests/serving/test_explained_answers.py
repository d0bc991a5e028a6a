"""What is explained is what the model answers, however its library counts inside; and no model ends whoever asks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from explained_models import as_served, classes, numbers, objects, outcome, seeds
from fitted_models import write
from kserve.errors import InferenceError, InvalidInput
from odd_answers import Raises
from pyarrow import parquet
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC

from pegel.data.attribution_event import Method, Unit, decode
from pegel.data.columns import Field, Kind, Role, Schema
from pegel_serving.attribution.choose_method import method_for
from pegel_serving.attribution.explained import NotAdditive, NotExplained, refuse_other_sums
from pegel_serving.attribution.explained_calls import ExplainedCalls
from pegel_serving.attribution.explainer import FAILED, REFUSED_ROWS, Explainer, GivenEvent
from pegel_serving.attribution.explainer_process import prepared
from pegel_serving.attribution.output_unit import unit_of
from pegel_serving.fitted_model import FittedModel
from pegel_serving.metadata import Metadata

X = numbers(300, 4)
Y = outcome(X)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_a_prediction_that_is_the_exponential_of_a_sum_is_permuted(loss: str) -> None:
    """Its trees add up to the logarithm of what is answered; without rows to try that on, nothing is told."""
    fitted = HistGradientBoostingRegressor(loss=loss, max_iter=10, random_state=0).fit(X, np.exp(np.clip(Y, -3, 3)))
    model = as_served(fitted, 4)

    method = method_for(model, objects(X[:50]))
    told = method.explain(objects(X[:9]), seeds(9))
    blind = method_for(model, objects(X[:0]))

    assert Method.PERMUTATION is method.method
    assert np.allclose(fitted.predict(X[:9]), told.raw)
    with pytest.raises(NotAdditive, match="structure of the model is not understood"):
        refuse_other_sums(blind.explain(objects(X[:9]), seeds(9)), blind.precision)


@pytest.mark.parametrize(
    ("model", "target", "why"),
    [
        (SVC(decision_function_shape="ovo"), classes(X, 3), "not largest for the class that it predicts"),
        (VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())]), classes(X), "no number for them"),
    ],
)
def test_a_model_without_a_number_for_its_class_is_told_before_any_event(model: Any, target: Any, why: str) -> None:
    """Numbers of pairs of classes are no class's number: the largest of them would be explained as if it were."""
    with pytest.raises(NotExplained, match=why):
        method_for(as_served(model.fit(X, target), 4), objects(X[:60]))


def test_a_model_of_several_predictions_is_told_before_any_event() -> None:
    """One of two outputs is not explained as if it were the larger of two classes."""
    names = [Field(f"f{at}", Kind.NUMERIC) for at in range(4)]
    answers = [Field(f"answer{at}", Kind.NUMERIC, Role.PREDICTION) for at in range(2)]
    fitted = Ridge().fit(X, np.c_[Y, -Y])
    model = FittedModel(fitted, Metadata("two", 1, Schema((*names, *answers))), Path("nowhere"))
    with pytest.raises(NotExplained, match="the model answers 2 predictions; one number"):
        method_for(model, objects(X[:60]))


def test_whoever_finds_outliers_is_explained_by_a_margin() -> None:
    """It answers 1 or -1, and that is not the number that its parts add up to."""
    fitted = IsolationForest(n_estimators=5, random_state=0).fit(X)
    assert Unit.MARGIN is unit_of(fitted, X[:9], fitted.decision_function(X[:9]))


def test_what_is_explained_is_told_by_rows_of_the_baseline(tmp_path: Path) -> None:
    """Near certainty a margin has the probability of log-odds: a first such request would misname all others."""
    made = GradientBoostingClassifier(
        loss="exponential", learning_rate=1.0, n_estimators=200, max_depth=2, random_state=0
    )
    # Certain of few rows alone.
    is_unsure = (np.abs(X[:, 0]) < 1.2) & (np.random.default_rng(1).random(len(X)) < 0.35)
    fitted = made.fit(X, (X[:, 0] > 0) != is_unsure)
    names = [f"f{at}" for at in range(4)]
    schema = Schema((*(Field(name, Kind.NUMERIC) for name in names), Field("answer", Kind.NUMERIC, Role.PREDICTION)))
    write(tmp_path / "model", fitted, Metadata("boosted", 1, schema))
    parquet.write_table(pa.table({name: X[:, at] for at, name in enumerate(names)}), tmp_path / "rows.parquet")
    sure = X[[int(np.argmax(fitted.decision_function(X)))]]
    given = {"folder": str(tmp_path / "model"), "features": names, "rate": 1.0, "replays": False}

    (told,) = prepared(given | {"background": str(tmp_path / "rows.parquet")}).tell(
        [GivenEvent(1, orjson.dumps({"instances": sure.tolist()}), None)]
    )

    assert Unit.LOG_ODDS is unit_of(fitted, sure, fitted.decision_function(sure))
    assert Unit.MARGIN is decode(told.body, 4).unit


def test_a_model_of_one_class_is_computed_again() -> None:
    """Nothing is as near as its only class, so an answer that is another one is another model's."""
    model = as_served(RandomForestClassifier(3, random_state=0).fit(X, np.zeros(len(X))), 4)
    explainer = Explainer(model.metadata.schema, method_for(model, objects(X[:9])), model, "d" * 64, 1.0)
    request = orjson.dumps({"instances": X[:1].tolist()})

    told = explainer.tell([GivenEvent(at, request, orjson.dumps({"predictions": [at]})) for at in (0, 1)])

    assert ["", ""] == [one.why for one in told]
    assert ["same", "other"] == [decode(one.body, 4).matches[0].name.lower() for one in told]


def test_a_row_whose_output_is_no_number_is_the_clients_error() -> None:
    """It says nothing of the model, which goes on being explained: 400 on request, and refused among events."""
    model = as_served(LinearRegression().fit(X, Y), 4)
    calls, good, huge = ExplainedCalls(model, None), X[:1].tolist(), [[1e308, -1e308, 1e308, 1e308]]
    calls._method = method_for(model, objects(X[:9]))
    explainer = Explainer(model.metadata.schema, calls._method, model, None, 1.0)

    with pytest.raises(InvalidInput, match="no finite numbers"):
        asyncio.run(calls.answer({"instances": huge}))
    told = explainer.tell(
        [GivenEvent(at, orjson.dumps({"instances": one}), None) for at, one in enumerate((huge, good))]
    )

    assert [REFUSED_ROWS, ""] == [one.reason for one in told]
    assert 1 == len(asyncio.run(calls.answer({"instances": good}))["raw"])


@pytest.mark.parametrize(
    ("raised", "answered"),
    [
        (SystemExit(3), InferenceError),
        (KeyboardInterrupt(), InferenceError),
        (RuntimeError("no"), InferenceError),
        (ValueError("no"), InvalidInput),
    ],
)
def test_no_model_ends_whoever_asks_it(raised: BaseException, answered: type[Exception]) -> None:
    """A model that wants to end its process is refused by its sentence, on request and among events."""
    model = as_served(Raises(raised).fit(X, Y), 4)
    calls = ExplainedCalls(model, None)
    calls._method = method_for(model, objects(X[:9]))
    body = {"instances": X[:1].tolist()}

    with pytest.raises(answered, match=type(raised).__name__):
        asyncio.run(calls.answer(body))
    explainer = Explainer(model.metadata.schema, calls._method, model, None, 1.0)
    (told,) = explainer.tell([GivenEvent(1, orjson.dumps(body), None)])

    assert told.reason in {FAILED, REFUSED_ROWS}
    assert type(raised).__name__ in told.why
