"""Labels in a table: does a classifier err more often than in training, and what do its scores say without labels?"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import pegel
from pegel.baseline.baseline import Baseline
from pegel.detect.cbpe import CAVEAT, Estimate
from pegel.errors import InvalidSpec, PermanentError
from pegel.judge.findings import Verdict

pytestmark = pytest.mark.environments("pyarrow")


def answered(seed: int, n: int, *, flip: float = 0.0) -> dict[str, Any]:
    """Draw rows whose score is the probability of their class; `flip` of the labels are turned around."""
    rng = np.random.default_rng(seed)
    score = rng.beta(0.5, 0.5, n)
    label = rng.random(n) < score
    label ^= rng.random(n) < flip
    return {"x": rng.normal(size=n), "p": score, "yhat": (score > 0.5).astype(int), "y": label.astype(float)}


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    """The baseline of 20,000 labelled rows, read back from JSON."""
    table = answered(1, 20_000)
    made = pegel.profile(table, predictions=["p", "yhat"], label="y", answer="yhat", score="p")
    return Baseline.from_json(json.loads(json.dumps(made.to_json())))


def test_the_baseline_knows_its_errors(baseline: Baseline) -> None:
    """Rows, errors and the calibration are kept; the labels are no feature."""
    table, known = answered(1, 20_000), baseline.performance
    assert known is not None

    assert (20_000, int((table["y"] != table["yhat"]).sum())) == (known.rows, known.errors)
    assert known.calibration is not None
    assert 1_000 == len(known.calibration)
    assert ["x", "p", "yhat"] == [field.name for field in baseline.layout.schema.fields]


def test_more_wrong_answers_are_found(baseline: Baseline) -> None:
    """Labels that no longer follow the scores are found although features and answers look as in training."""
    clean, turned = (pegel.check(answered(2, 2_000, flip=flip), baseline) for flip in (0.0, 0.15))

    assert (Verdict.OK, 0) == (clean.verdict, clean.exit_code)
    assert (Verdict.DRIFT, 1) == (turned.verdict, turned.exit_code)
    assert "error rate" == turned.findings[0].feature
    assert {"performance"} == {finding.detector for finding in turned.findings}
    assert "error rate: wrong answers 18 % -> " in turned.headline
    assert "error rate" in str(turned)
    assert "error rate" in turned._repr_html_()  # what a notebook calls


def test_without_labels_scores_are_read(baseline: Baseline) -> None:
    """Without labels performance is estimated from the scores, and the report says what that cannot see."""
    table = answered(3, 4_000)
    right = float((table["y"] == table["yhat"]).mean())
    report = pegel.check({name: values for name, values in table.items() if name != "y"}, baseline)

    assert isinstance(report.estimate, Estimate)
    assert report.estimate.accuracy == pytest.approx(right, abs=0.03)
    assert CAVEAT in str(report)
    assert Verdict.OK == report.verdict


def test_unknown_labels_are_left_out(baseline: Baseline) -> None:
    """Rows without a label count neither as right nor as wrong."""
    table = answered(4, 3_000, flip=0.3)
    table["y"][:2_000] = np.nan
    report = pegel.check(table, baseline)

    assert 1_000 == report.findings[0].n


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"label": "y"}, InvalidSpec, "expected both columns, or neither"),
        ({"label": "z", "answer": "yhat"}, PermanentError, "expected columns z"),
        ({"label": "x", "answer": "yhat", "score": "p"}, InvalidSpec, "expected classes in x, given numbers"),
        ({"label": "y", "answer": "yhat", "score": "x"}, InvalidSpec, "expected numbers from 0 to 1"),
    ],
)
def test_wrong_columns_are_refused(asked: dict[str, Any], error: type[Exception], words: str) -> None:
    """What cannot be labels, answers or scores is refused in a sentence."""
    with pytest.raises(error, match=words):
        pegel.profile(answered(5, 2_000), **asked)


TYPES: dict[str, Any] = {
    "truth": bool,
    "integer": int,
    "float": float,
    "float32": np.float32,
    "text of a number": lambda one: str(int(one)),
    "text of a float": lambda one: str(float(one)),
    "Python's words": lambda one: str(bool(one)),
    "JSON's words": lambda one: str(bool(one)).lower(),
}


@pytest.mark.parametrize("answer", TYPES)
@pytest.mark.parametrize("label", TYPES)
def test_a_class_is_the_same_in_every_type(label: str, answer: str) -> None:
    """A perfect classifier has no errors, in training and in a check, whichever types labels and answers have."""
    truth = np.arange(100) % 3 == 0
    table = {
        "x": np.arange(100.0),
        "p": truth * 0.8 + 0.1,
        "y": [TYPES[label](one) for one in truth],
        "yhat": [TYPES[answer](one) for one in truth],
    }
    baseline = pegel.profile(table, label="y", answer="yhat", score="p")
    report = pegel.check(table | {"y": truth.astype(int)}, baseline)
    assert baseline.performance is not None
    assert isinstance(report.estimate, Estimate)

    assert (100, 0) == (baseline.performance.rows, baseline.performance.errors)
    assert [] == [finding.feature for finding in report.findings if finding.feature == "error rate"]
    assert (100, 1.0) == (report.estimate.n, report.estimate.recall)


@pytest.mark.parametrize(
    ("labels", "answers", "words"),
    [
        (["yes", "no"], [True, False], "y with no, yes and yhat with false, true, which have none in common"),
        ([1, 2], ["1st", "2nd"], "y with 1, 2 and yhat with 1st, 2nd, which have none in common"),
        (["b", "c\n"], [0.5, 1.5], "given y with b, c  and yhat with 0.5, 1.5"),
    ],
)
def test_classes_with_nothing_in_common_are_refused(labels: list[Any], answers: list[Any], words: str) -> None:
    """Labels and answers that cannot be compared make no baseline of nothing but errors."""
    with pytest.raises(InvalidSpec, match=words):
        pegel.profile({"x": [1.0, 2.0], "y": labels, "yhat": answers}, label="y", answer="yhat")


@pytest.mark.parametrize(
    ("labels", "answers", "words"),
    [
        ([math.nan, math.nan], [1.0, 0.5], "given 2 rows without any such: 0 have a label, 2 an answer"),
        ([None, None], ["a", "b"], "in y and an answer in yhat, given 2 rows without any such: 0 have a label, 2 an"),
        ([1.0, math.nan], [math.nan, 1.0], "1 have a label, 1 an answer. No baseline was made; name another column"),
    ],
)
def test_labels_without_a_value_are_no_performance(labels: list[Any], answers: list[Any], words: str) -> None:
    """A baseline that knows of no answer how right it was is not made as if it knew."""
    with pytest.raises(InvalidSpec, match=words):
        pegel.profile({"x": [1.0, 2.0], "y": labels, "yhat": answers}, label="y", answer="yhat")


def test_a_positive_class_is_never_guessed() -> None:
    """Scores need labels that say which class is the positive one."""
    table = {"y": ["yes", "no"], "yhat": ["yes", "no"], "p": [0.9, 0.1], "x": [1.0, 2.0]}
    with pytest.raises(InvalidSpec, match="expected truth values, or 1 and 0, in y, so that 1 is the positive class"):
        pegel.profile(table, label="y", answer="yhat", score="p")


def test_rows_that_cannot_be_estimated_are_left_out(baseline: Baseline) -> None:
    """A check of scores with gaps estimates from the other rows, and says from how many."""
    table = answered(6, 1_000)
    del table["y"]
    table["p"][:10], table["yhat"] = np.nan, [None, *table["yhat"][1:].tolist()]
    table["p"][20] = 1.5
    report = pegel.check(table, baseline)
    assert report.estimate is not None

    assert 989 == report.estimate.n


def measured(seed: int, n: int, *, worse: float = 1.0) -> dict[str, Any]:
    """Draw answers of a regressor and labels around them, `worse` times as far away as in training."""
    rng = np.random.default_rng(seed)
    answer = rng.gamma(3.0, 10.0, n)
    return {"x": rng.normal(size=n), "yhat": answer, "y": answer + worse * rng.normal(0, 2 + 0.1 * answer)}


def test_errors_that_no_float_can_add_up_are_not_estimated() -> None:
    """A baseline is made of them all the same, and a check says nothing of an estimate."""
    table = measured(1, 2_000)
    table |= {"yhat": table["yhat"] * 1e306, "y": table["y"] * -1e306}
    baseline = pegel.profile(table, predictions=["yhat"], label="y", answer="yhat")
    baseline = Baseline.from_json(json.loads(json.dumps(baseline.to_json(), allow_nan=False)))

    assert pegel.check(table, baseline).estimate is None


def test_numbers_that_err_more_are_found() -> None:
    """A regressor whose residuals are twice as large is found; without labels its error is estimated from answers."""
    baseline = pegel.profile(measured(1, 20_000), predictions=["yhat"], label="y", answer="yhat")
    baseline = Baseline.from_json(json.loads(json.dumps(baseline.to_json())))
    clean, worse = (pegel.check(measured(2, 2_000, worse=times), baseline) for times in (1.0, 2.0))
    table = measured(3, 4_000)
    told = pegel.check({name: table[name] for name in ("x", "yhat")}, baseline)

    assert Verdict.OK == clean.verdict
    assert ["mean absolute error"] == [finding.feature for finding in worse.findings]
    assert baseline.performance is not None
    assert baseline.performance.errors is None
    assert "estimated from answers: mean absolute error" in str(told)
