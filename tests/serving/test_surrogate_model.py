"""A surrogate of an endpoint's answers: how well it has to know them, which models it tells apart, and which drifts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

from pegel.baseline.baseline import Baseline
from pegel.data.attribution_event import Method
from pegel.data.columns import Field, Kind, Role
from pegel.data.spans import Span
from pegel.judge.attribution.attribution_judgement import CountedAttributions, explained_by, judge_attributions
from pegel.judge.attribution.learned_baseline import RowsToLearn, columns_of, learned_baseline
from pegel.judge.attribution.surrogate_identity import judge_residual
from pegel.judge.findings import Verdict
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel_serving.attribution.surrogate_model import FEWEST_ROWS, NoSurrogate, SurrogateModel

pytestmark = pytest.mark.timeout(240)

D, N, M = 12, 500, 10_000
FIELDS = tuple(Field(f"x{at}", Kind.NUMERIC) for at in range(D))
SPEC = MonitorSpec.parse(
    {
        "model": {"name": "credit", "url": "http://models.example.org"},
        "baseline": {"source": "local://credit"},
        "attribution": {"via": "endpoint", "identity": "surrogate"},
    }
)
START = datetime(2026, 11, 30, tzinfo=UTC)
SPAN = Span(START, START + timedelta(minutes=10))
WINDOWS = 8
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Deployed:
    """A model behind an endpoint. `lost`: a column that it was fitted without; `swapped`: given for each other."""

    model: HistGradientBoostingRegressor
    lost: int | None = None
    swapped: tuple[int, int] | None = None

    def answers(self, x: Numbers) -> Numbers:
        """Return what it answers."""
        given = x.copy()
        if self.swapped is not None:
            one, other = self.swapped
            given[:, [one, other]] = given[:, [other, one]]
        return np.asarray(self.model.predict(given if self.lost is None else np.delete(given, self.lost, axis=1)))


def inputs(rng: np.random.Generator, rows: int) -> Numbers:
    """Draw inputs: the second one goes with the first, and the last four count for nothing."""
    x = rng.normal(size=(rows, D))
    x[:, 1] = 0.8 * x[:, 0] + 0.6 * x[:, 1]
    return x


def trained(seed: int, *, lost: int | None = None, together: float = 0.7) -> Deployed:
    """Fit a model to rows of its own, in which two columns count together."""
    rng = np.random.default_rng(seed)
    x = inputs(rng, TRAINED_ON)
    y = x[:, 0] + 0.5 * x[:, 2] + 0.3 * x[:, 3] + together * x[:, 4] * x[:, 5] + rng.normal(0, 0.5, len(x))
    model = HistGradientBoostingRegressor(max_iter=100, max_leaf_nodes=16, random_state=0)
    return Deployed(model.fit(x if lost is None else np.delete(x, lost, axis=1), y), lost=lost)


TRAINED_ON = 1_500
"""Few rows: an honest retrain answers otherwise by a fifth of the standard deviation of the prediction."""


@lru_cache
def registered() -> Deployed:
    """Return the registered version."""
    return trained(1)


@lru_cache
def surrogate() -> SurrogateModel:
    """Return the surrogate of the registered version, fitted to half of its baseline."""
    x = inputs(np.random.default_rng(2), 2 * M)
    answers = registered().answers(x)
    return SurrogateModel.fitted((objects(x[:M]), answers[:M]), (objects(x[M:]), answers[M:]), FIELDS)


def objects(x: Numbers) -> Any:
    """Return numbers as rows of requests are read."""
    return x.astype(object)


def judged_columns(x: Numbers, answers: Numbers) -> Numbers:
    """Return an attribution that says nothing, and the residuals of these rows."""
    return np.column_stack([x[:, D - 1], answers - surrogate().expected(objects(x))])


@lru_cache
def baseline() -> Baseline:
    """Return the baseline of explained rows."""
    x = inputs(np.random.default_rng(3), 20_000)
    raw = registered().answers(x)
    rows = RowsToLearn(
        attributions=judged_columns(x, raw),
        raw=raw,
        times_us=None,
        method=Method.PERMUTATION,
        artefact=None,
        surrogate=surrogate().name,
    )
    return learned_baseline(SPEC, ("whole",), rows)


def found(x: Numbers, answers: Numbers) -> Verdict:
    """Return the verdict on the answers of one window."""
    known, columns = baseline(), judged_columns(x, answers)
    summary = Summary.empty(known.layout)
    summary.update(columns_of(columns), Role.ATTRIBUTION)
    rows = CountedAttributions(summary, explained_by(known).sums_of(columns, answers))
    judged = judge_attributions(known, rows, span=SPAN, level=1e-3, margin=0.05)
    verdict = judge_residual(judged.residual, version=1)
    assert verdict is not None
    return verdict.verdict


def verdicts(model: Deployed, change: Callable[[Numbers], Numbers] = lambda x: x) -> list[Verdict]:
    """Return the verdicts on windows of 500 rows of a model whose inputs have changed."""
    rng = np.random.default_rng(4)
    windows = [change(inputs(rng, N)) for _ in range(WINDOWS)]
    return [found(x, model.answers(x)) for x in windows]


def moved(column: int, by: float) -> Callable[[Numbers], Numbers]:
    """Return inputs of which one column has moved."""

    def change(x: Numbers) -> Numbers:
        x[:, column] += by
        return x

    return change


def dependent(x: Numbers) -> Numbers:
    """Return inputs of which two columns that count together depend on each other."""
    x[:, 5] = 0.5 * x[:, 4] + np.sqrt(0.75) * x[:, 5]
    return x


def test_clean_windows_are_those_of_the_version() -> None:
    """Nothing is found in any of them."""
    assert {Verdict.OK} == set(verdicts(registered()))


OTHERS: dict[str, Callable[[], Deployed]] = {
    "an honest retrain": lambda: trained(11),
    "a lost column": lambda: trained(12, lost=2),
    "a flipped interaction": lambda: trained(13, together=-0.7),
    "swapped columns": lambda: replace(registered(), swapped=(0, D - 1)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_model_is_found_in_each_window(name: str) -> None:
    """Of 500 rows, where its answers differ by more than the surrogate is off."""
    assert {Verdict.MODEL_CHANGED} == set(verdicts(OTHERS[name]()))


DRIFTS = {"the main column +.5": moved(0, 0.5), "noise +3": moved(D - 1, 3.0), "a dependence of .5": dependent}


@pytest.mark.parametrize("name", DRIFTS)
def test_drift_of_the_inputs_is_no_other_model(name: str) -> None:
    """What is left of it beside the surrogate may be certain, and is never relevant: it is the margin that holds."""
    assert {Verdict.OK, Verdict.BELOW_MARGIN} >= set(verdicts(registered(), DRIFTS[name]))


def test_the_same_rows_make_the_same_surrogate() -> None:
    """A process that begins anew tells residuals of the same name; other answers make another one."""
    x = inputs(np.random.default_rng(2), 2 * M)
    answers = registered().answers(x)
    again = SurrogateModel.fitted((objects(x[:M]), answers[:M]), (objects(x[M:]), answers[M:]), FIELDS)
    other = SurrogateModel.fitted((objects(x[M:]), answers[M:]), (objects(x[:M]), answers[:M]), FIELDS)

    assert again.name == surrogate().name
    assert other.name != again.name
    assert again.expected(objects(x[:50])).tolist() == surrogate().expected(objects(x[:50])).tolist()
    assert 0.9 <= again.explained < 1
    assert M == again.checked


@pytest.mark.parametrize(
    ("noise", "rows", "why"),
    [
        (1.0, 2_000, "explains .* of how they vary in 1,000 rows that it was not fitted to, and 90% are needed"),
        (0.0, 2 * FEWEST_ROWS - 2, "expected at least 1,000 rows with answers, given 998"),
    ],
)
def test_answers_that_it_does_not_know_have_none(noise: float, rows: int, why: str) -> None:
    """Where chance answers as much as the model, or rows are too few, a sentence says so."""
    rng = np.random.default_rng(5)
    x = inputs(rng, rows)
    answers = x[:, 0] + rng.normal(0, noise, rows)
    half = rows // 2

    with pytest.raises(NoSurrogate, match=why):
        SurrogateModel.fitted((objects(x[:half]), answers[:half]), (objects(x[half:]), answers[half:]), FIELDS)


def test_one_answer_tells_nothing() -> None:
    """An endpoint that answers the same to everything has no surrogate."""
    x, answers = inputs(np.random.default_rng(6), 2_000), np.ones(1_000)
    with pytest.raises(NoSurrogate, match="one answer"):
        SurrogateModel.fitted((objects(x[:1_000]), answers), (objects(x[1_000:]), answers), FIELDS)
