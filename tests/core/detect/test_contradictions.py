"""Labels against sure answers: a few of them show where they are counted by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from labelled_traffic import HOUR, MONDAY, class_baseline, classes

import pegel
from pegel.baseline.baseline import Baseline
from pegel.data.spans import Span
from pegel.detect.error_blocks import ERRORS
from pegel.detect.performance_tests import CONTRADICTIONS, contradicting, contradictions, effect_of, performance_tests
from pegel.errors import InvalidSpec
from pegel.judge.decision import FeatureVerdict
from pegel.judge.findings import Verdict
from pegel.judge.judged import Judged
from pegel.judge.performance.concept_charts import explain_chart, take_in
from pegel.judge.performance.span_judgement import explain_span, finding_of, findings_of, judge_counts
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.class_counts import ClassCounts
from pegel.stats.figures import ERROR_RATE
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.performance_counts import PerformanceCounts
from pegel.testing.samples import sample_spec

pytestmark = pytest.mark.environments("pyarrow")
TURNED = 20


def turned(rows: LabelledRows, count: int) -> LabelledRows:
    """Turn the labels of some rows around that the model was sure of, and right."""
    assert rows.score is not None
    sure = np.flatnonzero((np.abs(rows.score - 0.5) >= 0.45) & (rows.label == rows.predicted))[:count]
    label = rows.label.copy()
    label[sure] = 1 - label[sure]
    return replace(rows, label=label)


def counted(count: int) -> PerformanceCounts:
    """Count an hour of 1,000 rows, of which some labels were turned around."""
    return PerformanceCounts.of(turned(classes(3, 1_000, seed=7), count))


def p_values(count: int) -> dict[str, float]:
    """Return the p-values of all tests of that hour."""
    performance = class_baseline().performance
    assert performance is not None
    return {test.name: test.p_value for test in performance_tests(performance, counted(count), poisoning=True)}


def test_labels_against_sure_answers_are_counted_row_by_row() -> None:
    """As by hand: a score of at least 0.9 and the label 0, or below 0.1 and the label 1."""
    rows = classes(5, 2_000, seed=3)
    score, label = rows.score, rows.label
    assert score is not None
    positive = np.array(rows.classes)[label] == "1"
    sure = (score >= 0.9) | (score < 0.1)
    against = ((score >= 0.9) & ~positive) | ((score < 0.1) & positive)
    compared = PerformanceCounts.of(rows).compared

    assert isinstance(compared, ClassCounts)
    assert (int(against.sum()), int(sure.sum())) == contradictions(compared)
    assert [against.tolist(), sure.tolist()] == [each.tolist() for each in contradicting(rows)]


def test_a_few_turned_labels_show_here_and_not_among_all_errors() -> None:
    """Of 1,000 rows twenty: fifty times as unlikely here as by the error rate, and nothing without them."""
    assert p_values(TURNED)[CONTRADICTIONS] < p_values(TURNED)[ERROR_RATE] / 50
    assert p_values(0)[CONTRADICTIONS] > 0.01


def test_they_are_tested_only_where_somebody_asks() -> None:
    """Without `watch.poisoning` the tests of labels are as they were."""
    performance = class_baseline().performance
    assert performance is not None
    names = [test.name for test in performance_tests(performance, counted(TURNED))]

    assert CONTRADICTIONS not in names
    assert 1 + len(names) == len(p_values(TURNED))


def test_a_finding_says_what_it_is_and_is_found_again() -> None:
    """In words, with both shares; and from the stored counts."""
    counts, baseline = counted(60), class_baseline()
    judged = judge_counts(counts, baseline, level=0.01, margin=0.0, poisoning=True)
    span = Span(MONDAY, MONDAY.replace(hour=1))
    found = findings_of(judged, Judged(sample_spec(), span, 0, baseline.id))
    (finding,) = [one for one in found if one.test == CONTRADICTIONS]

    assert finding.what.startswith("labels against sure answers ")
    assert explain_span(finding, counts, baseline).agrees
    assert baseline.performance is not None
    tests = performance_tests(baseline.performance, counts, poisoning=True)
    (test,) = [one for one in tests if one.name == CONTRADICTIONS]
    assert finding.effect == effect_of(test, baseline.performance, counts).value


def test_without_labels_nobody_can_ask_for_them() -> None:
    """The spec is refused in a sentence."""
    document: dict[str, Any] = sample_spec().to_json()
    document["watch"]["poisoning"] = True

    with pytest.raises(InvalidSpec, match=r"watch\.poisoning: tests labels, and no labels come"):
        MonitorSpec.parse(document)


def half_sure(number: int, n: int = 500) -> LabelledRows:
    """Draw an hour of a classifier that is sure of half of its rows, and wrong about 1.5 % of them, else about 40 %."""
    rng = np.random.default_rng([7, number + 1])
    truth, sure = rng.random(n) < 0.5, np.arange(n) % 2 == 0
    wrong = rng.random(n) < np.where(sure, 0.015, 0.4)
    times = np.datetime64(MONDAY.replace(tzinfo=None), "us") + np.timedelta64(number + 1, "h") + np.arange(n)
    return LabelledRows.of_classes(
        np.where(truth, "1", "0").astype(object),
        np.where(truth ^ wrong, "1", "0").astype(object),
        event_time=times,
        arrived_at=times + np.timedelta64(2, "h"),
        score=np.where(truth, 1, 0) + np.where(truth, -1, 1) * np.where(sure, 0.03, 0.4),
    )


@cache
def half_sure_baseline(n: int = 40_000) -> Baseline:
    """Its baseline."""
    rows = half_sure(-1, n)
    names = np.array(rows.classes)
    table = {"x": np.random.default_rng(0).normal(size=n), "p": rows.score, "yhat": names[rows.predicted]}
    labels = {"y": names[rows.label]}
    return pegel.profile(table | labels, predictions=["p", "yhat"], label="y", answer="yhat", score="p")


def charted(*, poisoning: bool, turn: int) -> list[FeatureVerdict]:
    """Let forty hours pass, of whose labels some were turned around, and return what the charts over events say."""
    states: Mapping[str, dict[str, Any]] = {}
    verdicts: list[FeatureVerdict] = []
    for number in range(40):
        rows = half_sure(number)
        assert rows.score is not None
        right = np.flatnonzero((np.abs(rows.score - 0.5) > 0.45) & (rows.label == rows.predicted))
        label = rows.label.copy()
        # Evenly over the hour: next to each other they would be a run of errors.
        label[right[:: right.size // turn][:turn] if turn else right[:0]] ^= 1
        after = take_in(states, replace(rows, label=label), half_sure_baseline(), rate=1e-6, poisoning=poisoning)
        states, verdicts = after.states, [*verdicts, *after.verdicts]
    return verdicts


def test_a_chart_follows_labels_against_sure_answers_where_it_is_asked_to() -> None:
    """Ten labels of 500 that are turned around are found by their own chart, and by that of all errors are not."""
    found, plain = charted(poisoning=True, turn=10), charted(poisoning=False, turn=10)
    first = found[0]

    assert [] == plain
    assert (CONTRADICTIONS, CONTRADICTIONS, Verdict.DRIFTING) == (first.feature, first.test, first.verdict)
    assert "labels against sure answers" in first.what
    assert [] == charted(poisoning=True, turn=0)


def test_a_finding_of_that_chart_is_found_again() -> None:
    """Its level and p-value follow from the run that it holds and from training."""
    spec, baseline = sample_spec(), half_sure_baseline()
    judged = Judged(spec, Span(MONDAY, MONDAY + HOUR), 1, baseline.id)
    finding = finding_of(charted(poisoning=True, turn=10)[0], judged)

    assert explain_chart(finding, baseline).agrees


def test_without_enough_contradictions_in_training_all_errors_are_charted() -> None:
    """A baseline of 900 rows has too few of them for a chart of their own, and of errors for any."""
    rows = half_sure(1)
    small = take_in({}, rows, half_sure_baseline(900), rate=1e-6, poisoning=True)
    large = take_in({}, rows, half_sure_baseline(3_000), rate=1e-6, poisoning=True)

    assert ([], [ERRORS]) == ([*small.states], [*large.states])
