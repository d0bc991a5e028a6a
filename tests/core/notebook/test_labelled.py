"""Labels in a table: does a classifier err more often than in training, and what do its scores say without labels?"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import pegel
from pegel.baseline.baseline import Baseline
from pegel.detect.cbpe import CAVEAT
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
    assert ["error rate"] == [finding.feature for finding in turned.findings]
    assert "error rate: wrong answers 18 % -> " in turned.headline
    assert "error rate" in str(turned)
    assert "error rate" in turned._repr_html_()  # what a notebook calls


def test_without_labels_scores_are_read(baseline: Baseline) -> None:
    """Without labels performance is estimated from the scores, and the report says what that cannot see."""
    table = answered(3, 4_000)
    right = float((table["y"] == table["yhat"]).mean())
    report = pegel.check({name: values for name, values in table.items() if name != "y"}, baseline)

    assert report.estimate is not None
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
        ({"label": "z", "answer": "yhat"}, PermanentError, "expected columns \\['z'\\]"),
        ({"label": "x", "answer": "yhat"}, InvalidSpec, "expected classes, given x with"),
        ({"label": "y", "answer": "yhat", "score": "x"}, InvalidSpec, "expected numbers from 0 to 1"),
    ],
)
def test_wrong_columns_are_refused(asked: dict[str, Any], error: type[Exception], words: str) -> None:
    """What cannot be labels, answers or scores is refused in a sentence."""
    with pytest.raises(error, match=words):
        pegel.profile(answered(5, 2_000), **asked)
