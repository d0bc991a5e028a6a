"""Exact attributions: golden trees, parity with an independent form of TreeSHAP, and sums that come out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from explained_models import as_served, classes, numbers, objects, outcome, seeds
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, PolynomialFeatures, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from tree_quadrature import attributions, trees_of

from pegel.data.attribution_event import Method
from pegel_serving.attribution.choose_method import method_for
from pegel_serving.attribution.estimator_parts import EstimatorParts
from pegel_serving.attribution.explained import (
    MOST_CELLS,
    ExplainedRows,
    NotAdditive,
    NotExplained,
    in_parts,
    refuse_other_sums,
)
from pegel_serving.attribution.linear_method import LinearMethod
from pegel_serving.attribution.raw_columns import raw_features
from pegel_serving.attribution.tree_method import TreeMethod

ONES = np.ones((4, 1))
NOTHING = objects(np.empty((0, 4)))
SMALL = {"n_estimators": 12, "random_state": 0}
TREES: list[tuple[Any, int]] = [
    (DecisionTreeRegressor(max_depth=5, random_state=0), 0),
    (DecisionTreeClassifier(max_depth=5, random_state=0), 2),
    (RandomForestRegressor(max_depth=6, **SMALL), 0),
    (RandomForestClassifier(max_depth=6, **SMALL), 2),
    (ExtraTreesRegressor(max_depth=6, **SMALL), 0),
    (ExtraTreesClassifier(max_depth=6, **SMALL), 2),
    (GradientBoostingRegressor(**SMALL), 0),
    (GradientBoostingClassifier(**SMALL), 2),
    (HistGradientBoostingRegressor(max_iter=12, random_state=0), 0),
    (HistGradientBoostingClassifier(max_iter=12, random_state=0), 2),
]
MISSING = ("DecisionTree", "RandomForest", "ExtraTrees", "HistGradientBoosting")
"""Models that take missing values."""


def named(case: tuple[Any, int]) -> str:
    """Return how a case is called."""
    return type(case[0]).__name__


def fitted(case: tuple[Any, int], x: Any) -> Any:
    """Fit the model of a case."""
    model, of_classes = case
    return model.fit(x, classes(x, of_classes) if of_classes else outcome(x))


def explained(model: Any, x: Any) -> ExplainedRows:
    """Explain rows by the exact method of trees, and look at the sums."""
    method = TreeMethod(EstimatorParts.of(as_served(model, x.shape[1])))
    result = method.explain(objects(x), seeds(len(x)))
    refuse_other_sums(result, method.precision)
    return result


def golden(rows: list[tuple[float, float, float, int]]) -> Any:
    """Fit one tree to rows of x0, x1 and y, each so many times."""
    table = np.array([row[:3] for row in rows for _ in range(row[3])])
    return DecisionTreeRegressor(random_state=0).fit(table[:, :2], table[:, 2])


TREE_A = [(-1, 0, 1, 2), (-1, 2, 3, 4), (1, 0, 5, 2), (1, 2, 5, 2)]
TREE_B = [(-1, 0, 1, 3), (-1, 2, 2, 3), (1, 0, 4, 3), (1, 2, 4, 3), (3, 0, 8, 4), (3, 2, 8, 4)]


@pytest.mark.parametrize(
    ("rows", "base", "expected"),
    [
        (TREE_A, 3.4, {(-1, 0): (-4 / 3, -16 / 15), (-1, 2): (-14 / 15, 8 / 15), (1, 0): (2, -0.4)}),
        (TREE_B, 4.85, {(-1, 0): (-3.525, -0.325), (1, 0): (-0.775, -0.075), (3, 0): (3.225, -0.075)}),
    ],
)
def test_golden_trees(rows: Any, base: float, expected: dict[Any, Any]) -> None:
    """Two trees that were worked out by hand are explained as by hand, by the product and by the oracle."""
    model, x = golden(rows), np.array(list(expected), dtype=np.float64)
    trees, start = trees_of(model)

    told, oracle = explained(model, x), attributions(trees, x)

    assert np.allclose(list(expected.values()), told.values, rtol=0, atol=1e-12)
    assert np.allclose(base, told.base, rtol=0, atol=1e-12)
    assert np.allclose(list(expected.values()), oracle[0], rtol=0, atol=1e-12)
    assert base == pytest.approx(oracle[1] + start, abs=1e-12)


@pytest.mark.parametrize("case", TREES, ids=named)
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_trees_agree_with_quadrature(case: tuple[Any, int], missing: float) -> None:
    """Each kind of trees is explained as by an independent form of the same sum, to 1e-9, missing values too."""
    if missing and not type(case[0]).__name__.startswith(MISSING):
        with pytest.raises(ValueError, match="NaN"):
            fitted(case, numbers(400, 4, missing=missing))
        return
    model, x = fitted(case, numbers(400, 4, missing=missing)), numbers(60, 4, seed=2, missing=missing)
    binary_of_shares = case[1] and not hasattr(model, "decision_function")
    trees, start = trees_of(model, output=int(bool(binary_of_shares)))
    single = x if type(model).__name__.startswith("Hist") else x.astype(np.float32).astype(np.float64)

    told, (values, base) = explained(model, x), attributions(trees, single)

    assert np.allclose(values, told.values, rtol=0, atol=1e-9)
    assert np.allclose(base + start, told.base, rtol=0, atol=1e-9)


@pytest.mark.parametrize("of_classes", [3, 5])
def test_more_classes(of_classes: int) -> None:
    """Of more than two classes the predicted one is explained; its base is that of its class."""
    x = numbers(400, 4)
    rows = numbers(50, 4, seed=2)
    for model in (
        HistGradientBoostingClassifier(max_iter=8, random_state=0),
        RandomForestClassifier(max_depth=5, **SMALL),
    ):
        fitted((model, of_classes), x)
        told = explained(model, rows)
        which = model.predict(rows)
        for one in np.unique(which):
            trees, start = trees_of(model, output=int(one))
            values, base = attributions(trees, rows[which == one].astype(np.float32).astype(np.float64))
            assert np.allclose(values, told.values[which == one], rtol=0, atol=1e-9)
            assert np.allclose(base + start, told.base[which == one], rtol=0, atol=1e-9)


def test_trees_round_to_single_precision() -> None:
    """Values that only single precision puts on the other side of a threshold go where the model sends them."""
    draw = np.random.default_rng(3)
    x = 1e4 + 1e-3 * draw.integers(0, 40, size=(400, 2))
    model = RandomForestRegressor(n_estimators=5, random_state=0).fit(x, draw.normal(size=400))
    near = np.nextafter(model.estimators_[0].tree_.threshold[0], np.inf) + np.zeros((20, 2))
    rows = np.concatenate([x, near])
    trees, start = trees_of(model)

    told = explained(model, rows)
    unrounded, base = attributions(trees, rows)

    assert np.allclose(model.predict(rows), told.base + told.values.sum(axis=1), rtol=0, atol=1e-9)
    assert 50 < int((np.abs(model.predict(rows) - start - base - unrounded.sum(axis=1)) > 1e-6).sum())


def test_encoded_columns_are_added_up() -> None:
    """Columns that a step makes of one feature are told as one number, for trees and for coefficients."""
    draw = np.random.default_rng(4)
    rows = np.empty((300, 3), dtype=object)
    rows[:, 0] = draw.choice(["a_b", "c", "1"], size=300)
    rows[:, 1:] = numbers(300, 2)
    rows[::7, 2] = np.nan
    y = np.where(rows[:, 0] == "c", 3.0, 0.0) + rows[:, 1].astype(float)
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), [2, 1]),
            ("kinds", OneHotEncoder(handle_unknown="ignore"), [0]),
        ]
    )
    for last, method in (
        (Ridge(), Method.LINEAR),
        (GradientBoostingRegressor(n_estimators=60, random_state=0), Method.TREE),
    ):
        model = Pipeline([("columns", columns), ("last", last)]).fit(rows, y)
        served = as_served(model, 3, texts=(0,))
        chosen = method_for(served, rows[:50])
        told = chosen.explain(rows[:40], seeds(40))

        refuse_other_sums(told, chosen.precision)
        assert method is chosen.method
        assert [2, 1, 2, 0, 0, 0] == EstimatorParts.of(served).sources.tolist()
        assert np.allclose(model.predict(rows[:40]), told.base + told.values.sum(axis=1))
        of_c = told.values[rows[:40, 0] == "c", 0].mean() - told.values[rows[:40, 0] != "c", 0].mean()
        assert of_c == pytest.approx(3.0, abs=0.7)


@pytest.mark.parametrize(
    "last", [LinearRegression(), Ridge(), LogisticRegression(), LinearSVC()], ids=lambda one: type(one).__name__
)
def test_linear_parts(last: Any) -> None:
    """A part is a coefficient times the distance from the baseline's mean, and scaling before changes nothing of it."""
    x = numbers(300, 4)
    y = classes(x) if is_classifier(last) else outcome(x)
    plain, scaled = last.fit(x, y), make_pipeline(StandardScaler(with_std=False), type(last)()).fit(x, y)
    background = objects(x[:100])

    told = LinearMethod(EstimatorParts.of(as_served(plain, 4)), background).explain(objects(x[:20]), seeds(20))
    also = LinearMethod(EstimatorParts.of(as_served(scaled, 4)), background).explain(objects(x[:20]), seeds(20))

    refuse_other_sums(told)
    assert np.allclose((x[:20] - x[:100].mean(axis=0)) * np.ravel(plain.coef_), told.values)
    assert np.allclose(told.values, also.values, rtol=0, atol=1e-2)


def test_rows_of_a_baseline_with_missing_values_say_nothing() -> None:
    """A value that is missing in a row of the baseline spoils no mean; where each row lacks one, that is said."""
    x = numbers(60, 4)
    model = as_served(LinearRegression().fit(x, outcome(x)), 4)
    spoiled = np.vstack([x, [[np.nan, 1.0, 1.0, 1.0]]])
    told, whole = (
        LinearMethod(EstimatorParts.of(model), objects(rows)).explain(objects(x[:5]), seeds(5)) for rows in (spoiled, x)
    )

    assert whole.values.tolist() == told.values.tolist()
    with pytest.raises(NotExplained, match="a value is missing in every row of the baseline"):
        LinearMethod(EstimatorParts.of(model), objects(spoiled[-1:]))


def test_linear_of_more_classes() -> None:
    """Of several classes the one with the largest number is explained."""
    x = numbers(300, 4)
    model = LogisticRegression().fit(x, classes(x, 3))
    told = LinearMethod(EstimatorParts.of(as_served(model, 4)), objects(x)).explain(objects(x[:30]), seeds(30))

    refuse_other_sums(told)
    assert np.allclose(model.decision_function(x[:30]).max(axis=1), told.raw)


def test_words_belong_to_their_text() -> None:
    """However many columns a text becomes, they are sparse, and one number is told for it."""
    texts = np.array([["buy now"], ["see you"], ["buy"], ["see"]] * 5, dtype=object)
    first_column = FunctionTransformer(np.ravel)
    model = ColumnTransformer([("words", CountVectorizer(), 0)])
    pipeline = Pipeline([("words", model), ("last", LogisticRegression())]).fit(texts, [1, 0, 1, 0] * 5)
    told = LinearMethod(EstimatorParts.of(as_served(pipeline, 1, texts=(0,))), texts).explain(texts, seeds(20))

    refuse_other_sums(told)
    assert (20, 1) == told.values.shape
    assert [0] == raw_features(first_column, [0], None)


@pytest.mark.parametrize(
    "step",
    [
        PCA(2),
        PolynomialFeatures(2),
        FunctionTransformer(lambda x: x @ np.ones((4, 1))),
        FeatureUnion([("pca", PCA(1))]),
    ],
    ids=lambda one: type(one).__name__,
)
def test_steps_that_mix_are_permuted(step: Any) -> None:
    """Where no column belongs to one feature nothing exact is told: such a model is explained by permuting."""
    x = numbers(100, 4)
    served = as_served(make_pipeline(step, LinearRegression()).fit(x, outcome(x)), 4)

    with pytest.raises(NotExplained, match=r"mix columns|otherwise"):
        EstimatorParts.of(served)
    assert Method.PERMUTATION is method_for(served, objects(x)).method
    with pytest.raises(NotExplained, match="of which none are here"):
        method_for(served, NOTHING)


def test_what_is_no_sum_is_permuted() -> None:
    """A regression on counts multiplies: its parts do not add up, and it is not taken for a linear model."""
    x = numbers(100, 4)
    served = as_served(PoissonRegressor().fit(x, np.abs(outcome(x))), 4)

    assert Method.PERMUTATION is method_for(served, objects(x)).method


def test_deep_forests_are_permuted() -> None:
    """Trees of full depth would take a second for a few rows, and are permuted; categories that split in lists too."""
    x = numbers(3000, 4)
    deep = RandomForestRegressor(n_estimators=40, random_state=0).fit(x, numbers(3000, 1, seed=9)[:, 0])
    listed = HistGradientBoostingRegressor(categorical_features=[0], max_iter=3).fit(np.floor(np.abs(x)), x[:, 1])

    assert Method.PERMUTATION is method_for(as_served(deep, 4), objects(x)).method
    assert Method.PERMUTATION is method_for(as_served(listed, 4), objects(x)).method


class Bent(LinearRegression):  # type: ignore[misc]  # scikit-learn ships no types
    """A model that says it is linear, and is not."""

    def predict(self, X: Any) -> Any:  # noqa: N803  scikit-learn's name
        """Return the square."""
        return super().predict(X) ** 2


Bent.__module__ = "sklearn.linear_model._bent"


def test_what_does_not_add_up_is_refused() -> None:
    """Attributions that do not add up to what the model puts out are an error, never an answer."""
    x = numbers(100, 4)
    bent = as_served(Bent().fit(x, outcome(x)), 4)
    method = LinearMethod(EstimatorParts.of(bent), objects(x))
    told = method.explain(objects(x[:5]), seeds(5))

    assert Method.PERMUTATION is method_for(bent, objects(x)).method
    with pytest.raises(NotAdditive, match="not understood"):
        refuse_other_sums(told, method.precision)
    spoiled = ExplainedRows(np.full((1, 4), np.nan), np.zeros(1), np.zeros(1))
    with pytest.raises(NotExplained, match="no finite numbers") as refused:
        refuse_other_sums(spoiled)
    # Whoever sends such a row ends no explanation of others.
    assert not isinstance(refused.value, NotAdditive)


def test_rows_of_very_many_columns_are_explained_in_parts() -> None:
    """What is explained at once is bounded in values, and all parts together are the whole."""
    rows, sizes = objects(numbers(7, 2)), list[int]()

    def explain(some: Any, given: Any) -> ExplainedRows:
        sizes.append(len(some))
        drawn = np.array([place for _, place in given], dtype=np.float64)
        return ExplainedRows(some.astype(np.float64), drawn, some.astype(np.float64).sum(axis=1) + drawn)

    told = in_parts(rows, seeds(7), MOST_CELLS // 3, explain)

    assert [3, 3, 1] == sizes
    assert rows.tolist() == told.values.tolist()
    assert list(range(7)) == told.base.tolist()
    refuse_other_sums(told)
    assert (0, 2) == in_parts(rows[:0], [], 1, explain).values.shape


def test_huge_values_that_cancel_are_no_matter_of_the_structure() -> None:
    """What doubles lose of a row's huge values, which anybody may send, is let pass."""
    x = numbers(100, 4)
    line = LinearRegression().fit(x, x @ [1.1, 0.7, -0.3, 0.2])
    method = method_for(as_served(line, 4), objects(x))
    told = method.explain(objects(np.array([[7e11, -1.1e12, 0.1, 0.3], [1e16, -1.1e16 / 0.7, 0.1, 0.3]])), seeds(2))

    assert (np.abs(told.base + told.values.sum(axis=1) - told.raw) > 1e-6).all()
    refuse_other_sums(told, method.precision)


def test_sums_may_be_off_by_the_tolerance() -> None:
    """A millionth of what is put out, and of one where that is less, is let pass, inclusive; no more."""
    for raw, off in ((0.5, 1e-6), (-200.0, 2e-4)):
        almost = ExplainedRows(np.zeros((1, 1)), np.array([raw + 0.999 * off]), np.array([raw]))
        beyond = ExplainedRows(np.zeros((1, 1)), np.array([raw + 1.01 * off]), np.array([raw]))

        refuse_other_sums(almost)
        with pytest.raises(NotAdditive):
            refuse_other_sums(beyond)
