"""What rows said of expectations, as reports that Hopsworks keeps: once, bounded, never healthier than it is."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from pegel.errors import SetupError
from pegel.featurestore.hopsworks.validation_reports import (
    ReportedExpectation,
    ValidationReport,
    already_there,
    group_of,
    of_look,
    report_of,
    unsent,
)
from pegel.quality.expectation import IN_SET, Expectation
from pegel.quality.expectation_outcome import ExpectationOutcome
from pegel.store.row_quality_store import RowQualityRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_window

pytestmark = pytest.mark.environments("pyarrow", "sqlalchemy")

MANY = Expectation(IN_SET, {"column": "x", "value_set": [f"value {number}" for number in range(200)]}, "mine")
SECOND = timedelta(seconds=1)


def outcome(met: bool | None, expectation: Expectation = MANY, **fields: Any) -> dict[str, Any]:
    """Return an outcome as it is stored."""
    return ExpectationOutcome(expectation=expectation, met=met, n=100, **fields).to_json()


def look(*outcomes: dict[str, Any], minute: int = 0, after: timedelta = timedelta(0)) -> RowQualityRow:
    """Return a look at the rows of a minute."""
    return RowQualityRow.about(sample_window(minute), looked_at=100, rows=100, outcomes=outcomes, at=START + after)


def report(minute: int, after: timedelta = timedelta(0)) -> ValidationReport:
    """Return a report of a minute."""
    made = report_of(look(outcome(True), minute=minute, after=after))
    assert made is not None
    return made


def test_what_cannot_be_told_is_no_result() -> None:
    """A report is a success where all that was told is met, counts what was not told, and is none where nothing was."""
    mixed, untold = report_of(look(outcome(False), outcome(None))), report_of(look(outcome(None)))
    assert mixed is not None
    said = mixed.to_json(START, {mixed.results[0].expectation.mark: 7})

    assert untold is None
    assert (False, 1, 1) == (said["success"], said["meta"]["cannot_be_told"], len(said["results"]))
    assert 7 == said["results"][0]["expectation_config"]["meta"]["expectationId"]
    assert ["not met", "cannot be told"] == [row["told"] for row in of_look(look(outcome(False), outcome(None)))]


def test_everything_is_as_short_as_hopsworks_takes_it() -> None:
    """However many values a set has and however much is told: no part has more letters than are kept of it."""
    long = outcome(False, examples=tuple("x" * 300 for _ in range(20)), seen=9, most_seen=9)
    made = report_of(look(long))
    assert made is not None
    (result,) = made.results
    said = made.to_json(START, {result.expectation.mark: 1})
    config = said["results"][0]["expectation_config"]

    assert {"column": "x"} == config["kwargs"]
    lengths = [len(json.dumps(each)) for each in (config["meta"], said["results"][0]["result"], said["statistics"])]
    assert 1_000 > max(lengths)
    assert (2_000, 2_150) > (len(json.dumps(said["meta"])), len(json.dumps(config)))


def test_an_expectation_is_one_whatever_its_arguments_are() -> None:
    """Other values of the same kind about the same column are the same expectation; another suite's is another."""
    fewer = Expectation(IN_SET, {"column": "x", "value_set": ["value 1"]}, "mine")
    theirs = Expectation(IN_SET, MANY.kwargs, "theirs")
    mine, changed, other = (ReportedExpectation.of(outcome(True, each)) for each in (MANY, fewer, theirs))

    assert (mine.mark, True) == (changed.mark, mine.mark != other.mark)


def test_looks_of_one_second_have_a_second_each() -> None:
    """Hopsworks keeps one report a second: the next is a second later, and what is there already is not sent."""
    reports = [report(minute, timedelta(milliseconds=minute)) for minute in range(3)]
    sent = unsent(reports, {})
    metas = [each.to_json(at, {each.results[0].expectation.mark: 1})["meta"] for each, at in sent]
    there = already_there([json.dumps(metas[0]), metas[2], "no JSON", {"validation_time": "soon"}, None])

    assert [START, START + SECOND, START + 2 * SECOND] == [at for _, at in sent]
    assert [(reports[1].key, START + SECOND)] == [(each.key, at) for each, at in unsent(reports, there)]
    assert [] == unsent(reports, already_there(metas))


def test_a_later_look_is_another_report() -> None:
    """Rows that are looked at again are told of again."""
    first, again = report(1), report(1, SECOND)

    assert [again.key] == [each.key for each, _ in unsent([first, again], {START: first.key})]


def test_the_name_of_a_model_that_is_too_long_is_refused() -> None:
    """Hopsworks takes 63 letters of a feature group's name; the sentence says how many the model's may have."""
    assert ("pegel_expectations_fraud_model", 3) == (
        group_of("fraud-model", 3).name,
        group_of("fraud-model", 3).version,
    )
    with pytest.raises(SetupError, match="expected a model whose name has at most 44 letters"):
        group_of("m" * 45, 1)
