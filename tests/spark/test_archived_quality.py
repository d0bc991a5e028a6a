"""Rows of an hour, as the archive has them, held against a suite by Great Expectations on Spark."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyspark.sql import DataFrame

from pegel.archive.row_columns import archive_schema
from pegel.baseline.baseline import Baseline
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.judge.findings import Finding
from pegel.judge.rhythm_parts import rhythm_parts
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.rhythms import Rhythm
from pegel.testing.samples import sample_spec, trained_on
from pegel_spark.archived_quality import NOT_KEPT, quality_of
from pegel_spark.great_expectations_door import KEPT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = Span(NOON, NOON + timedelta(hours=1))
SCHEMA = Schema(
    (
        Field("row", Kind.NUMERIC),
        Field("carrier", Kind.CATEGORICAL),
        Field("secret", Kind.CATEGORICAL),
        Field("delay", Kind.NUMERIC, Role.PREDICTION),
    )
)
PATTERN = {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "carrier", "regex": "^[A-Z]{2}$"}}
UNIQUE = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "row"}}
MOSTLY = {
    "type": "expect_column_value_lengths_to_equal",
    "kwargs": {"column": "carrier", "value": 2, "mostly": 0.99},
}
ANSWERED = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "delay"}}
PRIVATE = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "secret"}}
ROWS = 400


@pytest.fixture(scope="module")
def spec() -> MonitorSpec:
    """A spec with a suite of its own, about what counts cannot tell, answers and a field that is kept as hashes."""
    expectations = [PATTERN, UNIQUE, MOSTLY, ANSWERED, PRIVATE]
    suite = {"name": "mine", "made": "2026-11-29", "expectations": expectations}
    return sample_spec(watch={"expectations": [suite]}, archive={"private": ["secret"]})


@pytest.fixture(scope="module")
def baseline(spec: MonitorSpec) -> Baseline:
    """The baseline of clean rows."""
    rows = 2_000
    texts = pa.array(["AA", "DL"] * (rows // 2), pa.string())
    table = {"row": np.arange(float(rows)), "carrier": texts, "secret": texts, "delay": np.arange(float(rows))}
    return trained_on(pa.table(table), SCHEMA, spec)


def archived(spark: Any, spec: MonitorSpec, *, lower: int = 0, long: int = 0, replaced: int = 0) -> DataFrame:
    """Return rows of an hour: `lower` carriers in small letters, `long` of three, `replaced` not the store's own.

    A quarter has no answer.
    """
    schema = archive_schema(SCHEMA, (), spec.archive.private)
    columns: dict[str, list[Any]] = {name: [None] * ROWS for name in schema.names}
    for at in range(ROWS):
        carrier = "aa" if at < lower else "AAA" if at < lower + long else "AA"
        values: dict[str, Any] = {"event_id": f"e{at // 2}", "row": at % 2, "event_time": NOON + timedelta(seconds=at)}
        values |= {"f_row": float(at), "f_carrier": carrier, "hashed_f_secret": "blake2b:0"}
        if at % 4:
            values |= {"answered_at": NOON + timedelta(seconds=at + 1), "p_delay": 1.0}
        if at >= ROWS - replaced:
            values |= {"replaced": "stale", "f_carrier": "?"}
        for name, value in values.items():
            columns[name][at] = value
    made: DataFrame = spark.createDataFrame(pa.table(columns, schema=schema))
    return made


def test_rows_that_are_as_expected_are_no_finding(spark: Any, spec: MonitorSpec, baseline: Baseline) -> None:
    """All rows are looked at, answers where there are any, and what is not the store's own not at all."""
    found = quality_of(archived(spark, spec, replaced=10), spec, baseline, HOUR)
    told = [outcome for outcome in found.outcomes if outcome.expectation.suite == "mine"]

    assert (ROWS - 10, ()) == (found.rows, found.findings)
    assert [True] * 4 == [outcome.met for outcome in told if outcome.why != NOT_KEPT]
    assert ["secret"] == [outcome.expectation.feature for outcome in told if outcome.why == NOT_KEPT]


def test_rows_that_are_not_as_expected_are_named(spark: Any, spec: MonitorSpec, baseline: Baseline) -> None:
    """A rule that is not met is a finding of the hour, with so many rows by their ids as are kept."""
    found = quality_of(archived(spark, spec, lower=60), spec, baseline, HOUR)
    (finding,) = found.findings
    (outcome,) = [each for each in found.outcomes if each.met is False]

    assert ("carrier", "batch", HOUR, True) == (finding.feature, finding.origin, finding.span, finding.evidence["rule"])
    assert KEPT == len(outcome.rows) == len(finding.evidence["named"])
    assert set(outcome.rows) <= {f"e{at // 2}/{at % 2}" for at in range(60)}
    assert "15 % of 400 values are not so" in finding.what


def test_a_share_is_tested_at_the_level_of_its_hour(spark: Any, spec: MonitorSpec, baseline: Baseline) -> None:
    """Beyond what is tolerated is a finding where chance does not explain it: by its p-value, paid for by the hour."""
    rows, days = archived(spark, spec, long=100), spec.watch.model_copy(update={"long_spans": ("day",)})
    (tested,) = with_p_value(rows, spec, baseline)
    (of_day,) = with_p_value(rows, spec.model_copy(update={"watch": days}), baseline)
    part = rhythm_parts(spec)[Rhythm.HOUR]
    alpha = 0.05 * part * spec.false_alarms.count / (spec.false_alarms.period / timedelta(hours=1))

    assert "carrier" == tested.feature
    assert tested.p_value < tested.threshold <= alpha
    assert (None, "hour") == (tested.rhythm, tested.evidence["paid_by"])
    # Of a day, one of 24 hours, each a portion of its part.
    assert of_day.threshold == pytest.approx(tested.threshold * 0.15 / part, rel=0.01)


def test_where_no_hour_or_day_pays_nothing_is_tested(spark: Any, spec: MonitorSpec, baseline: Baseline) -> None:
    """Of a model of which windows alone are judged a share that is not met is in the outcomes, and no finding."""
    alone = spec.model_copy(update={"watch": spec.watch.model_copy(update={"long_spans": ()})})
    found = quality_of(archived(spark, spec, long=100), alone, baseline, HOUR)

    assert [True] == [finding.evidence["rule"] for finding in found.findings]
    assert "expect_column_value_lengths_to_equal" in {
        outcome.expectation.type for outcome in found.outcomes if outcome.met is False
    }


def with_p_value(rows: DataFrame, spec: MonitorSpec, baseline: Baseline) -> list[Finding]:
    """Return the findings of an hour with a p-value."""
    found = quality_of(rows, spec, baseline, HOUR).findings
    return [finding for finding in found if not finding.evidence.get("rule")]


def test_no_rows_say_nothing(spark: Any, spec: MonitorSpec, baseline: Baseline) -> None:
    """Of an hour without rows nothing is met and nothing is not."""
    found = quality_of(archived(spark, spec).where("false"), spec, baseline, HOUR)

    assert (0, ()) == (found.rows, found.findings)
    assert {None} == {outcome.met for outcome in found.outcomes}
