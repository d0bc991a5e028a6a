"""Labels against sure answers: a few of them show where they are counted by themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from labelled_traffic import MONDAY, class_baseline, classes

from pegel.data.spans import Span
from pegel.detect.performance_tests import CONTRADICTIONS, contradictions, effect_of, performance_tests
from pegel.errors import InvalidSpec
from pegel.judge.judged import Judged
from pegel.judge.performance.span_judgement import explain_span, findings_of, judge_counts
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
