"""Attributions by permuting: they add up, they are drawn by the event, and on average they are interventional SHAP."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from explained_models import as_served, classes, numbers, objects, outcome, seeds
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC

from pegel.data.attribution_event import Method
from pegel_serving.attribution.choose_method import method_for
from pegel_serving.attribution.compared_rows import BACKGROUND_ROWS, compared_rows
from pegel_serving.attribution.explained import EndpointAway, NotExplained, refuse_other_sums
from pegel_serving.attribution.permutation_method import MOST_CELLS, ORDERS, PermutationMethod

BACKGROUND = objects(numbers(100, 3, seed=5))


def product(rows: Any) -> Any:
    """Return a function with an interaction, shape (rows, 1)."""
    x = rows.astype(np.float64)
    return (x[:, 0] + 2 * x[:, 1] * x[:, 2]).reshape(-1, 1)


def interventional(x: Any) -> Any:
    """Return interventional SHAP of `product` at one row, by going through every order and every row."""
    parts = np.zeros(3)
    for other in BACKGROUND.astype(np.float64):
        for order in permutations(range(3)):
            way = other.copy()
            for feature in order:
                before = product(way[None])[0, 0]
                way[feature] = x[feature]
                parts[feature] += product(way[None])[0, 0] - before
    return parts / (6 * len(BACKGROUND))


def test_parts_add_up_and_are_drawn_by_the_event() -> None:
    """A row's parts add up to how far its output is from another row's; the same event draws the same numbers."""
    rows, method = objects(numbers(50, 3)), PermutationMethod(product, BACKGROUND)

    told, again = method.explain(rows, seeds(50)), method.explain(rows[:10], seeds(10))
    other = method.explain(rows, [(8, at) for at in range(50)])

    refuse_other_sums(told)
    assert np.array_equal(product(rows)[:, 0], told.raw)
    assert set(told.base.tolist()) <= set(product(BACKGROUND)[:, 0].tolist())
    assert np.array_equal(told.values[:10], again.values)
    assert not np.array_equal(told.values, other.values)
    assert told.errors is None


def test_many_features_are_not_in_memory_all_at_once() -> None:
    """A row of 300 features takes 301 rows to be asked about: whatever is asked together is bounded, in values."""
    asked: list[int] = []

    def total(rows: Any) -> Any:
        asked.append(rows.size)
        return rows.astype(np.float64).sum(axis=1, keepdims=True)

    rows = objects(numbers(60, 300))
    told = PermutationMethod(total, rows[:20]).explain(rows, seeds(60))

    refuse_other_sums(told)
    assert 60 * 301 * 300 == sum(asked)
    assert MOST_CELLS >= max(asked)


def test_one_order_is_unbiased() -> None:
    """The mean over many events of one row is interventional SHAP, within five standard errors."""
    x = np.array([0.5, -1.0, 2.0])
    count = 4_000
    rows = objects(np.repeat(x[None], count, axis=0))

    told = PermutationMethod(product, BACKGROUND).explain(rows, seeds(count))
    error = told.values.std(axis=0, ddof=1) / np.sqrt(count)

    assert (np.abs(told.values.mean(axis=0) - interventional(x)) < 5 * error).all()


def test_a_row_alone_has_standard_errors() -> None:
    """32 orders and their reverses explain a row alone; what is told as their error is the size of the error."""
    x = np.array([0.5, -1.0, 2.0])
    method = PermutationMethod(product, BACKGROUND, ORDERS)

    told = method.explain(objects(np.repeat(x[None], 200, axis=0)), seeds(200))

    refuse_other_sums(told)
    assert told.errors is not None
    deviations = (told.values - interventional(x)) / told.errors
    assert deviations.std() == pytest.approx(1.0, abs=0.15)
    assert np.abs(told.values - interventional(x)).mean() < 0.5 * np.abs(interventional(x)).max()


def test_calls_are_counted() -> None:
    """A row takes one call more than it has features; a row alone 64 times as many."""
    asked: list[int] = []

    def counted(rows: Any) -> Any:
        asked.append(len(rows))
        return product(rows)

    for orders in (1, ORDERS):
        method = PermutationMethod(counted, BACKGROUND, orders)
        asked.clear()
        method.explain(objects(numbers(7, 3)), seeds(7))
        assert sum(asked) == method.calls(7)
    assert 28 == PermutationMethod(product, BACKGROUND).calls(7)


@pytest.mark.parametrize("of_classes", [2, 3])
def test_any_model_that_answers_numbers(of_classes: int) -> None:
    """A net is explained in probabilities, a support vector machine in margins, of the class that is predicted."""
    x = numbers(200, 3)
    labels = classes(x, of_classes)
    net = MLPClassifier((8,), max_iter=2_000, random_state=0).fit(x, labels)
    machine = SVC(random_state=0).fit(x, labels)
    for model, answer in ((net, net.predict_proba), (machine, machine.decision_function)):
        method = method_for(as_served(model, 3), objects(x))
        told = method.explain(objects(x[:20]), seeds(20))
        expected = np.asarray(answer(x[:20]))
        expected = (
            expected if expected.ndim == 1 else expected[:, 1] if expected.shape[1] == 2 else expected.max(axis=1)
        )

        refuse_other_sums(told, method.precision)
        assert Method.PERMUTATION is method.method
        assert np.allclose(expected, told.raw)


@pytest.mark.parametrize("rows", [5, 100, 101, 1_000])
def test_rows_are_compared_with_the_whole_baseline(rows: int) -> None:
    """Its rows may be in the order of time: a hundred of them are taken evenly, the first and the last among them."""
    x = np.arange(2.0 * rows).reshape(rows, 2)

    kept = compared_rows(first_feature, objects(x)).astype(float)

    assert min(rows, BACKGROUND_ROWS) == len(kept)
    assert [0.0, 2.0 * rows - 2] == kept[[0, -1], 0].tolist()
    assert np.diff(kept[:, 0]).max() <= 2 * np.ceil((rows - 1) / (BACKGROUND_ROWS - 1))


def first_feature(rows: Any) -> Any:
    """Return a function that refuses rows without their second value, and knows no number for those without a first."""
    x = rows.astype(np.float64)
    if np.isnan(x[:, 1]).any():
        raise ValueError("NaN")
    return x[:, :1]


def test_only_rows_that_the_model_answers_are_compared_with() -> None:
    """Where some kinds of missing values are refused, others are not left out; of none that is answered it is said."""
    x = numbers(400, 3)
    x[:200, 1] = np.nan
    x[100:250, 2] = np.nan
    x[380:, 0] = np.nan

    kept = compared_rows(first_feature, objects(x)).astype(float)

    assert BACKGROUND_ROWS == len(kept)
    assert not np.isnan(kept[:, :2]).any()
    assert 50 / 180 == pytest.approx(np.isnan(kept[:, 2]).mean(), abs=0.02)
    with pytest.raises(NotExplained, match="a value is missing in each"):
        compared_rows(first_feature, objects(x[:200]))


def test_an_endpoint_that_is_away_says_nothing_of_missing_values() -> None:
    """It is asked again later, instead of leaving out for good what it might take."""
    x = numbers(5, 3)
    x[0, 0] = np.nan

    def away(_rows: Any) -> Any:
        raise EndpointAway("no answer")

    with pytest.raises(EndpointAway):
        compared_rows(away, objects(x))


def test_nothing_to_explain() -> None:
    """No rows have no attributions; without rows of a baseline a sentence says so."""
    told = PermutationMethod(product, BACKGROUND).explain(objects(np.empty((0, 3))), [])

    assert (0, 3) == told.values.shape
    with pytest.raises(NotExplained, match="none are here"):
        PermutationMethod(product, BACKGROUND[:0])


def test_the_outcome_moves_by_the_features_it_is_made_of() -> None:
    """A feature that a function does not use has no part at all."""
    x = numbers(30, 4)

    told = PermutationMethod(lambda rows: outcome(rows.astype(float)).reshape(-1, 1), objects(x)).explain(
        objects(x), seeds(30)
    )

    assert not told.values[:, 3].any()
