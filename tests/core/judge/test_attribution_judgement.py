"""Explained rows of a window beside those of their baseline: what is a finding, and what is below the margin."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.data.attribution_event import Method
from pegel.data.columns import Role
from pegel.data.spans import Span
from pegel.errors import InvalidSpec, LayoutMismatch, NotFound
from pegel.judge.attribution.attribution_judgement import (
    AttributionJudgement,
    CountedAttributions,
    explain_attribution,
    explained_by,
    judge_attributions,
)
from pegel.judge.attribution.attribution_levels import expected_rows, window_level
from pegel.judge.attribution.learned_baseline import RowsToLearn, columns_of, learned_baseline
from pegel.judge.findings import Verdict
from pegel.judge.judged import Judged
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.attribution_sums import AttributionSums
from pegel.stats.summary import Summary

DIGEST = "ab" * 32
FEATURES = ("amount", "weak", "noise")
USED = np.array([1.0, 0.02, 0.001])
"""Standard deviations of attributions: of a feature that matters, of one that hardly does, of noise."""
START = datetime(2026, 11, 29, 12, tzinfo=UTC)
SPAN = Span(START, START + timedelta(minutes=10))
SPEC = MonitorSpec.parse(
    {
        "model": {"name": "credit", "uri": "/models/credit"},
        "baseline": {"source": "local://credit"},
        "attribution": {"via": "artefact"},
    }
)


def drawn(rows: int, seed: int, moved: tuple[float, float, float] = (0, 0, 0)) -> NDArray[np.float64]:
    """Draw attributions; `moved`: by how many standard deviations of its own each feature has moved."""
    return np.asarray(np.random.default_rng(seed).normal(np.array(moved), 1.0, (rows, 3)) * USED)


@cache
def reference() -> Baseline:
    """Return the baseline of 20,000 held-out rows."""
    values = drawn(20_000, 0)
    rows = RowsToLearn(
        attributions=values,
        raw=3 + values.sum(axis=1),
        times_us=None,
        method=Method.LINEAR,
        artefact=DIGEST,
        source="local://credit?split=holdout",
    )
    return learned_baseline(SPEC, FEATURES, rows)


def explained(values: NDArray[np.float64]) -> CountedAttributions:
    """Count attributions in the cells of the baseline."""
    summary = Summary.empty(reference().layout)
    summary.update(columns_of(values), Role.ATTRIBUTION)
    scale = explained_by(reference()).scale
    return CountedAttributions(summary, AttributionSums.of(scale.rows(values, 3 + values.sum(axis=1))))


def judged(values: NDArray[np.float64], level: float = 1e-2) -> AttributionJudgement:
    """Judge attributions of one window."""
    return judge_attributions(reference(), explained(values), span=SPAN, level=level, margin=0.05)


def test_unchanged_rows_are_ok() -> None:
    """Nothing is found, and the output has not moved."""
    found = judged(drawn(2_000, 1))

    assert Verdict.OK == found.verdict
    assert found.facts["parts"]["output"]["z_mean"] < 0


def test_a_feature_that_matters_is_a_finding() -> None:
    """It moves the prediction by what it moved, in standard deviations of the prediction."""
    found = judged(drawn(2_000, 2, (0.2, 0, 0)), level=1e-5)
    amount = found.features[0]

    assert (Verdict.DRIFT, "attribution:amount") == (amount.verdict, amount.feature)
    assert 0.2 == pytest.approx(amount.effect or 0, abs=0.06)
    assert ("moves the prediction up", "sigma of prediction") == (amount.what, amount.effect_unit)
    assert [Verdict.OK, Verdict.OK] == [one.verdict for one in found.features[1:]]


def test_a_column_of_noise_is_below_the_margin() -> None:
    """Rank tests are certain that it moved, by its own standard deviation; the model's output does not move by it."""
    found = judged(drawn(2_000, 3, (0, 0.5, 3)), level=1e-5)

    assert [Verdict.OK, Verdict.BELOW_MARGIN, Verdict.BELOW_MARGIN] == [one.verdict for one in found.features]
    assert Verdict.BELOW_MARGIN == found.verdict
    assert found.features[2].p_value < 1e-50


def test_ndcg_is_shown_and_never_alarms() -> None:
    """A window in which the order of importance is reversed has no finding for that alone."""
    found = judged(drawn(2_000, 4))

    assert 1 == pytest.approx(found.facts["ndcg"])
    assert found.facts["clean_ndcg"] > 0.999
    assert {"attribution:amount": 1, "attribution:weak": 2, "attribution:noise": 3} == found.facts["ranks"]


def test_false_alarms_keep_to_the_level() -> None:
    """Of 200 clean windows hardly more are significant than the nominal 5 %, and next to none of them is relevant."""
    verdicts = [judged(drawn(200, 100 + seed), level=0.05).verdict for seed in range(200)]

    assert 200 * 0.05 * 1.7 > sum(verdict is not Verdict.OK for verdict in verdicts)
    assert 3 > sum(verdict is Verdict.DRIFT for verdict in verdicts)


def test_few_rows_are_not_judged() -> None:
    """Fewer than 200 explained rows say nothing, none at all are no data, and none of it reads ok."""
    few = judged(drawn(199, 5, (3, 0, 0)))
    none = judge_attributions(reference(), None, span=SPAN, level=1e-2, margin=0.05)

    assert (Verdict.INSUFFICIENT, "fewer than 200 explained rows in the window") == (few.verdict, few.why)
    assert (Verdict.NO_DATA, "no rows were explained") == (none.verdict, none.why)


def test_a_baseline_that_is_being_learned() -> None:
    """Until it is there rows are not judged, and it is said why."""
    found = judge_attributions(None, explained(drawn(500, 6)), span=SPAN, level=1e-2, margin=0.05)

    assert (Verdict.INSUFFICIENT, "learning its baseline") == (found.verdict, found.why)


def test_windows_are_merged_exactly() -> None:
    """Rows of two windows together are judged as the rows of one, bit by bit."""
    values = drawn(600, 7, (0.3, 0, 0))
    merged = explained(values[:250]).merged_with(explained(values[250:]))
    both = judge_attributions(reference(), merged, span=SPAN, level=1e-3, margin=0.05)

    assert judged(values, 1e-3) == both


def test_a_finding_is_found_again() -> None:
    """Statistic, p-value and both z are recomputed from stored counts to 1e-9."""
    values = drawn(1_000, 8, (0.5, 0, 0))
    verdict = judged(values).features[0]
    finding = Judged(SPEC, SPAN, 1, reference().id).finding(verdict, {})
    stored = Summary.from_bytes(explained(values).summary.to_bytes(), reference().layout)
    again = explain_attribution(finding, CountedAttributions(stored, explained(values).sums), reference())

    assert again.agrees
    assert finding.evidence["change"]["z_mean"] == pytest.approx(again.numbers["z_mean"], rel=1e-9)


def test_what_cannot_be_found_again_is_said() -> None:
    """Another feature, another test or a baseline of other rows is refused."""
    finding = Judged(SPEC, SPAN, 1).finding(judged(drawn(1_000, 9, (0.5, 0, 0))).features[0], {})
    rows = explained(drawn(500, 9))
    with pytest.raises(NotFound, match="expected attributions of attribution:age"):
        explain_attribution(replace(finding, feature="attribution:age"), rows, reference())
    with pytest.raises(NotFound, match="expected a test magic"):
        explain_attribution(replace(finding, test="magic"), rows, reference())
    with pytest.raises(LayoutMismatch, match="expected a baseline of attributions"):
        explained_by(replace(reference(), attribution=None))


def test_a_baseline_is_read_as_it_was_written() -> None:
    """Its id covers the unit and the sums; by another artefact it is another one."""
    again = Baseline.from_json(reference().to_json())

    assert reference().id == again.id
    assert explained_by(reference()).to_json() == explained_by(again).to_json()
    assert "credit:attributions" == again.model


def test_training_rows_are_refused() -> None:
    """A model explains the rows that it was fitted on more strongly than any others: they are no baseline."""
    values = drawn(2_000, 10)
    rows = RowsToLearn(
        attributions=values,
        raw=values.sum(axis=1),
        times_us=None,
        method=Method.TREE,
        artefact=DIGEST,
        source="local://credit?split=train&version=1",
    )
    with pytest.raises(InvalidSpec, match="the rows that the model was fitted on"):
        learned_baseline(SPEC, FEATURES, rows)


@pytest.mark.parametrize(
    ("values", "raw", "words"),
    [
        (drawn(999, 0), drawn(999, 0).sum(axis=1), "at least 1,000 explained rows of 3 features, given 999 of 3"),
        (drawn(2_000, 0)[:, :2], np.arange(2_000.0), "given 2,000 of 2"),
        (drawn(2_000, 0), np.ones(2_000), "expected different outputs of the model"),
    ],
)
def test_what_is_no_baseline(values: NDArray[np.float64], raw: NDArray[np.float64], words: str) -> None:
    """Too few rows, another number of features, or a model that puts out one number."""
    rows = RowsToLearn(attributions=values, raw=raw, times_us=None, method=Method.TREE, artefact=None)
    with pytest.raises(InvalidSpec, match=words):
        learned_baseline(SPEC, FEATURES, rows)


def test_production_rows_are_replayed() -> None:
    """Rows with times tell how much windows vary by themselves."""
    values = drawn(20_000, 11)
    times = np.arange(20_000, dtype=np.int64) * 1_200_000
    rows = RowsToLearn(
        attributions=values, raw=values.sum(axis=1), times_us=times, method=Method.LINEAR, artefact=DIGEST
    )
    slow = SPEC.model_copy(update={"attribution": SPEC.attribution.model_copy(update={"rows_per_minute": 50})})
    learned = learned_baseline(slow, FEATURES, rows)

    assert 500 == expected_rows(slow)
    assert learned.noise.replayed


def test_a_tenth_of_the_budget_is_theirs() -> None:
    """A window of ten minutes may spend what ten windows of a minute leave it: a tenth of what windows have."""
    weekly = window_level(SPEC, None) * 7 * 144
    windows_alone = SPEC.model_copy(update={"watch": SPEC.watch.model_copy(update={"long_spans": ()})})

    assert 0.1 == pytest.approx(window_level(windows_alone, None) * 7 * 144)
    assert 0 < weekly < 0.1


def test_nothing_is_spent_where_nothing_is_explained() -> None:
    """Switched off, the layer has no part of the budget."""
    off = SPEC.model_copy(update={"attribution": SPEC.attribution.model_copy(update={"via": "off"})})

    assert 0 == window_level(off, None)
