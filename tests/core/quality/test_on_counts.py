"""What the counts of a window say of expectations: met, not met, or that they cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Missing, Role
from pegel.errors import NotFound
from pegel.judge.findings import Finding, Verdict
from pegel.judge.judge import Judgement, judge
from pegel.judge.outlook import Outlook
from pegel.judge.recomputation import explain
from pegel.quality import expectation as kinds
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import BeyondBand, ExpectationOutcome
from pegel.quality.on_counts import on_counts, row_count
from pegel.stats.layout import Layout
from pegel.stats.summary import Summary
from pegel.testing.samples import sample_span, sample_spec


@pytest.fixture
def window(layout: Layout, draw: Callable[..., Any], count: Callable[..., Summary]) -> Summary:
    """A window of 1,000 rows."""
    return count(layout, draw(1_000, 5, nulls=0.05))


@pytest.fixture
def judged(baseline: Baseline, window: Summary) -> Callable[..., Judgement]:
    """Judge the window by a suite of these expectations."""

    def look(*expectations: Any) -> Judgement:
        items = [{"type": kind, "kwargs": kwargs} for kind, kwargs in expectations]
        suite = {"name": "mine", "made": "2026-11-29", "expectations": items}
        spec = sample_spec(watch={"expectations": [suite]})
        return judge(baseline, window, spec=spec, span=sample_span(), revision=1)

    return look


def findings_of(judgement: Judgement) -> list[Finding]:
    """Return the findings about expectations."""
    return [finding for finding in judgement.findings if finding.detector == "expectation"]


@pytest.mark.parametrize(
    ("kind", "kwargs", "met"),
    [
        (kinds.NOT_NULL, {"column": "delay", "mostly": 0.9}, True),
        (kinds.NOT_NULL, {"column": "delay"}, False),
        (kinds.NULL, {"column": "delay", "mostly": 0.04}, True),
        (kinds.NULL, {"column": "delay", "mostly": 0.5}, False),
        (kinds.OF_TYPE, {"column": "delay", "type_": "number"}, True),
        (kinds.OF_TYPE, {"column": "carrier", "type_": "number"}, False),
        (kinds.BETWEEN, {"column": "delay", "min_value": -200.0, "max_value": 200.0}, True),
        (kinds.BETWEEN, {"column": "delay", "min_value": 500.0}, False),
        (kinds.BETWEEN, {"column": "delay", "max_value": 20.123, "mostly": 0.3}, True),
        (kinds.BETWEEN, {"column": "delay", "max_value": 20.123, "mostly": 0.99}, False),
        (kinds.IN_SET, {"column": "carrier", "value_set": ["AA", "DL", "UA", "WN"]}, True),
        (kinds.IN_SET, {"column": "carrier", "value_set": ["AA", "DL", "UA", "XX"]}, False),
        (kinds.IN_SET, {"column": "carrier", "value_set": ["AA", "DL", "UA", "WN", None]}, True),
        (kinds.NOT_IN_SET, {"column": "carrier", "value_set": ["AA"], "mostly": 0.9}, False),
        (kinds.NOT_IN_SET, {"column": "carrier", "value_set": ["XX"], "mostly": 0.9}, True),
        (kinds.IN_SET, {"column": "stops", "value_set": ["1", "2"]}, None),
        (kinds.MEAN, {"column": "delay", "min_value": 3.0, "max_value": 7.0}, True),
        (kinds.MEAN, {"column": "delay", "max_value": 3.0}, False),
        (kinds.STDEV, {"column": "delay", "min_value": 19.0, "max_value": 21.0}, True),
        (kinds.LEAST, {"column": "stops", "min_value": 0.0}, True),
        (kinds.LEAST, {"column": "stops", "min_value": 0.0, "strict_min": True}, False),
        (kinds.MOST, {"column": "stops", "max_value": 3.0}, False),
        (kinds.EXISTS, {"column": "delay"}, True),
        (kinds.EXISTS, {"column": "late"}, True),
        (kinds.EXISTS, {"column": "speed"}, None),
        (kinds.COLUMN_SET, {"column_set": ["delay"], "exact_match": False}, True),
        (kinds.COLUMN_SET, {"column_set": ["delay"]}, False),
        (kinds.COLUMN_SET, {"column_set": ["delay", "carrier", "stops"]}, None),
        (kinds.COLUMN_SET, {"column_set": ["delay", "late"], "exact_match": False}, True),
        (kinds.COLUMN_SET, {"column_set": ["delay", "speed"], "exact_match": False}, None),
        (kinds.COLUMN_ORDER, {"column_list": ["delay", "carrier", "stops"]}, None),
        (kinds.COLUMN_ORDER, {"column_list": ["carrier", "stops"]}, False),
        (kinds.ROW_COUNT, {"min_value": 1_000.0, "max_value": 1_000.0}, True),
        (kinds.ROW_COUNT, {"max_value": 999.0}, False),
        (kinds.ROWS_EQUAL, {"value": 1_000.0}, True),
        (kinds.ROWS_EQUAL, {"value": 999.0}, False),
        (kinds.MEAN, {"column": "carrier", "max_value": 999.0}, None),
        (kinds.NOT_NULL, {"column": "speed"}, None),
        (kinds.NOT_NULL, {"column": "delay", "row_condition": "stops > 2"}, None),
        ("expect_column_values_to_match_regex", {"column": "carrier", "regex": "A"}, None),
    ],
)
def test_what_counts_tell(window: Summary, kind: str, kwargs: Any, met: bool | None) -> None:
    """Each kind is met, is not, or cannot be told from counts."""
    assert met is on_counts(Expectation(kind, kwargs), window).met


def test_a_limit_within_a_cell_is_between_two_counts(window: Summary) -> None:
    """Where a limit cuts a cell, values beyond it are at least those of the cells beyond, and at most a cell more."""
    values = on_counts(Expectation(kinds.BETWEEN, {"column": "delay", "max_value": 10.0, "mostly": 0.6}), window)

    assert None is values.met
    assert (941, 368, 385, "39 % to 41 % of 941 values are not so") == (
        values.n,
        values.seen,
        values.most_seen,
        values.there,
    )


@pytest.mark.parametrize(
    ("kind", "kwargs", "rows", "expected"),
    [
        (kinds.ROW_COUNT, {"min_value": 1_234_568.0}, 1_234_567, "is at least 1,234,568; it is 1,234,567"),
        (kinds.ROW_COUNT, {"min_value": 1_234_567.5}, 1_234_567, "is at least 1,234,567.5; it is 1,234,567"),
        (kinds.ROWS_EQUAL, {"value": 10_000_000.0}, 10_000_001, "is 10,000,000; it is 10,000,001"),
    ],
)
def test_numbers_in_words_keep_what_matters(kind: str, kwargs: Any, rows: int, expected: str) -> None:
    """However large they are, what was expected and what is there read differently."""
    assert f"expected: the number of rows {expected}" == row_count(Expectation(kind, kwargs), rows).words


def test_what_is_beyond_a_limit_by_little_reads_so(window: Summary) -> None:
    """Digits are added until a number is not that of a limit it is beyond; a share below all is not called 100 %."""
    asked = Expectation(kinds.MEAN, {"column": "delay", "max_value": 9.99})
    nearly = Expectation(kinds.NOT_NULL, {"column": "delay", "mostly": 0.99999999})

    assert "expected: the mean of 'delay' is at most 9.99; it is 9.990000001" == (
        ExpectationOutcome(expectation=asked, met=False, n=10, observed=9.990000001).words
    )
    assert "in at least 99.999999 % of rows" in on_counts(nearly, window).words


def test_nothing_counts_as_met(layout: Layout) -> None:
    """A share of no values is not missed; a mean of none is none."""
    empty = Summary.empty(layout)

    assert on_counts(Expectation(kinds.NOT_NULL, {"column": "delay"}), empty).met
    assert on_counts(Expectation(kinds.MEAN, {"column": "delay", "min_value": 0.0}), empty).met is False


def test_a_rule_is_told_outside_the_budget(judged: Callable[..., Judgement]) -> None:
    """What is met or not has no p-value and no part of the budget, and says so."""
    (finding,) = findings_of(judged((kinds.ROW_COUNT, {"max_value": 999})))

    assert (Verdict.DRIFT, 0.0, 0.0, 0.0) == (
        finding.verdict,
        finding.budget_share,
        finding.threshold,
        finding.p_value,
    )
    assert ("table", True) == (finding.feature, finding.evidence["rule"])
    assert finding.what == (
        "expected: the number of rows is at most 999; it is 1,000 (a rule, outside the false-alarm budget)"
    )


def test_a_window_without_rows_is_held_to_their_number(baseline: Baseline, layout: Layout) -> None:
    """No rows are fewer than fifty, and that is told like one row; nothing else is, and without the rule nothing."""
    items = [
        {"type": kinds.ROW_COUNT, "kwargs": {"min_value": 50}},
        {"type": kinds.ROWS_EQUAL, "kwargs": {"value": 9}, "severity": "warning"},
        {"type": kinds.NOT_NULL, "kwargs": {"column": "delay"}},
        {"type": kinds.MOST, "kwargs": {"column": "delay", "max_value": 1}},
    ]
    spec = sample_spec(watch={"expectations": [{"name": "mine", "made": "2026-11-29", "expectations": items}]})

    for summary in (None, Summary.empty(layout)):
        judgement = judge(baseline, summary, spec=spec, span=sample_span(), revision=1)
        (finding,) = judgement.findings

        assert ("table", "table_row_count_to_be_between") == (finding.feature, finding.test)
        assert finding.what.startswith("expected: the number of rows is at least 50; it is 0 (a rule")
        assert Verdict.DRIFT is judgement.verdict
        assert [Verdict.DRIFT, Verdict.BELOW_MARGIN] == [verdict.verdict for verdict in judgement.beyond]
        assert explain(finding, Summary.empty(layout), baseline).agrees
    nothing = judge(baseline, None, spec=sample_spec(), span=sample_span(), revision=1)
    assert (Verdict.NO_DATA, ()) == (nothing.verdict, nothing.findings)


def test_a_share_is_told_when_it_is_certain(judged: Callable[..., Judgement]) -> None:
    """One in twenty missing is certainly more than one in a hundred, and not certainly more than one in 22."""
    certain, chance = ({"column": "delay", "mostly": mostly} for mostly in (0.99, 1 - 1 / 22))

    assert ["delay"] == [finding.feature for finding in findings_of(judged((kinds.NOT_NULL, certain)))]
    assert [] == findings_of(judged((kinds.NOT_NULL, chance)))


def test_each_broken_expectation_is_a_finding(judged: Callable[..., Judgement]) -> None:
    """Several about one column are several findings, each with an id of its own."""
    found = findings_of(
        judged(
            (kinds.NOT_NULL, {"column": "delay"}),
            (kinds.MEAN, {"column": "delay", "max_value": -20}),
            (kinds.MOST, {"column": "delay", "max_value": 0}),
        )
    )

    assert ["column_max_to_be_between", "column_mean_to_be_between", "column_values_to_not_be_null"] == sorted(
        finding.test for finding in found
    )
    assert 3 == len({finding.id for finding in found})


@pytest.mark.parametrize(
    "expectation",
    [
        (kinds.NOT_NULL, {"column": "delay", "mostly": 0.99}),
        (kinds.MEAN, {"column": "delay", "max_value": -20}),
        (kinds.STDEV, {"column": "delay", "min_value": 40}),
        (kinds.MOST, {"column": "delay", "max_value": 0}),
        (kinds.ROW_COUNT, {"max_value": 3}),
        (kinds.IN_SET, {"column": "carrier", "value_set": ["AA", "DL"]}),
    ],
)
def test_a_finding_is_recomputed(
    judged: Callable[..., Judgement], baseline: Baseline, window: Summary, expectation: Any
) -> None:
    """The stored window, held against the stored expectation, gives the same numbers."""
    (finding,) = findings_of(judged(expectation))
    explanation = explain(finding, window, baseline)

    assert explanation.agrees
    assert "expected: " in str(explanation)


def test_a_finding_without_its_expectation_is_not_recomputed(
    judged: Callable[..., Judgement], baseline: Baseline, window: Summary
) -> None:
    """What does not say what was expected cannot be looked at again."""
    (finding,) = findings_of(judged((kinds.ROW_COUNT, {"max_value": 3})))
    finding.evidence.pop("expectation")
    with pytest.raises(NotFound):
        explain(finding, window, baseline)


def test_nothing_is_said_where_nothing_is_expected(baseline: Baseline, window: Summary) -> None:
    """Without suites there is no layer, no part of the budget and no note."""
    plain, derived = sample_spec(), sample_spec(watch={"expectations": "derived"})
    judgements = [judge(baseline, window, spec=spec, span=sample_span(), revision=1) for spec in (plain, derived)]

    shares = [found.division.budget.of("expectations") > 0 for found in judgements if found.division is not None]

    assert [False, True] == shares
    assert not any("expectation" in note for note in judgements[0].notes)
    assert "expectations have" in Outlook.of(derived, baseline).division.describe()
    assert "" not in Outlook.of(plain, baseline).division.notes()


def test_what_needs_rows_is_noted(judged: Callable[..., Judgement]) -> None:
    """How many expectations need rows stands in the notes of every window, and how many nothing can tell."""
    regex = ("expect_column_values_to_match_regex", {"column": "carrier", "regex": "A"})
    order = ("expect_column_values_to_be_increasing", {"column": "stops"})
    notes = judged(regex, order, (kinds.NOT_NULL, {"column": "stops"})).notes

    assert "1 of 3 expectations need rows: in a stream a sample of a window's rows is looked at for them" in notes
    assert "1 of 3 expectations cannot be told of any window" in notes


def test_answers_that_are_not_there_yet_break_no_rule(
    baseline: Baseline, layout: Layout, draw: Callable[..., Any]
) -> None:
    """A window of requests without an answer has no smallest prediction, and that is no finding of its own."""
    requests = Summary.empty(layout)
    drawn = draw(100, 5)
    numbers = np.column_stack([drawn["delay"], drawn["stops"]])
    missing = np.where(np.isnan(numbers), Missing.NULL, Missing.PRESENT).astype(np.uint8)
    requests.update(Columns(100, numbers, missing, (drawn["carrier"],), (None,)), Role.FEATURE)
    items = [
        {"type": kind, "kwargs": {"column": "late", "min_value": 0}} for kind in (kinds.LEAST, kinds.MOST, kinds.MEAN)
    ]
    spec = sample_spec(watch={"expectations": [{"name": "mine", "made": "2026-11-29", "expectations": items}]})

    judgement = judge(baseline, requests, spec=spec, span=sample_span(), revision=1)

    outcome = on_counts(Expectation(kinds.LEAST, {"column": "late", "min_value": 0.0}), requests)

    assert [] == findings_of(judgement)
    assert (None, "there are no rows") == (outcome.met, outcome.why)


@pytest.mark.parametrize(("observed", "sign"), [(12.0, 1), (-1.0, -1), (5.0, 0)])
def test_a_band_is_left_upwards_or_downwards(observed: float, sign: int) -> None:
    """The statistic says by how many standard errors and in which direction; within the band nothing is to be told."""
    band = BeyondBand("mean", observed, 0.0, 10.0, 0.5, 0.0, 100)

    assert sign == np.sign(band.statistic)
    assert (band.p_value == 1.0) is (sign == 0)
