"""The page and the report say what the newest window says of each expectation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from pegel.baseline.baseline import Baseline
from pegel.judge.findings import Finding
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import ExpectationOutcome
from pegel.report import html
from pegel.report.data_quality import BY_CHANCE, FOUND, NOT_ASKED, SHOWN_ALONE, QualityView, quality_view
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.registry import Registry
from pegel.store.row_quality_store import RowQualityRow
from pegel.stream.result_rows import WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_finding, sample_spec, sample_window

pytestmark = pytest.mark.environments("sqlalchemy")
NOW = START + 25 * MINUTE
ROWS: dict[str, Any] = {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 6_000}}
DELAY: dict[str, Any] = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "departure_delay", "min_value": 1e6, "mostly": 0.5},
}
REGEX: dict[str, Any] = {
    "type": "expect_column_values_to_match_regex",
    "kwargs": {"column": "airline", "regex": "^[A-Z]<2>$"},
}


def spec_with(*expectations: dict[str, Any]) -> MonitorSpec:
    """Return a spec that is held to one suite of its own."""
    suite = {"name": "mine", "made": "2026-11-29", "expectations": list(expectations)}
    return sample_spec(watch={"expectations": [suite]})


@pytest.fixture
def window(baseline: Baseline) -> WindowRow:
    """A final window that has the rows of the baseline."""
    counted: dict[str, Any] = {"summary": baseline.summary.to_bytes(), "layout_hash": baseline.layout.layout_hash}
    return sample_window(rows=5_000, baseline_id=baseline.id, **counted)


def view_of(
    spec: MonitorSpec, baseline: Baseline, windows: Sequence[WindowRow], findings: Sequence[Finding] = ()
) -> QualityView:
    """Return what is shown of some windows."""
    view = quality_view(spec, baseline, windows, findings)
    assert view is not None
    return view


def about_rows(**fields: Any) -> Finding:
    """Return a finding about the number of rows."""
    test = {"feature": "table", "detector": "expectation", "test": "table_row_count_to_be_between"}
    return sample_finding(**(test | fields))


def test_of_a_spec_without_expectations_nothing_is_said(baseline: Baseline, window: WindowRow) -> None:
    """Where nothing is expected there is no such section."""
    assert quality_view(sample_spec(), baseline, [window], []) is None


def test_each_expectation_is_met_or_not_or_cannot_be_told(baseline: Baseline, window: WindowRow) -> None:
    """Each is in one of three lists, with what was expected, what is there and whose it was."""
    there = {"type": "expect_column_to_exist", "kwargs": {"column": "airline"}}
    view = view_of(spec_with(ROWS, REGEX, there), baseline, [window])

    assert "1 not met, 1 expectation met, 1 cannot be told" == view.words
    (failed,), (untold,), (held,) = view.failed, view.untold, view.held
    assert ("the number of rows is at least 6,000", "it is 5,000") == (failed.expected, failed.there)
    assert "mine" == failed.suite
    assert "counts alone cannot tell" == untold.there
    assert ("there is a column 'airline'", "it is so") == (held.expected, held.there)


@pytest.mark.parametrize(
    ("severity", "findings", "state"),
    [
        ("critical", [about_rows()], FOUND),
        ("critical", [about_rows(revision=2)], NOT_ASKED),
        ("critical", [about_rows(detector="drift")], NOT_ASKED),
        ("warning", [], SHOWN_ALONE),
    ],
)
def test_what_is_a_finding_is_told_from_what_is_none(
    baseline: Baseline, window: WindowRow, severity: str, findings: list[Finding], state: str
) -> None:
    """What is not met is a finding only where the window has one about it."""
    (failed,) = view_of(spec_with(ROWS | {"severity": severity}), baseline, [window], findings).failed

    assert (state, state == FOUND) == (failed.state, failed.is_finding)


def test_findings_stand_before_what_chance_may_explain(baseline: Baseline, window: WindowRow) -> None:
    """The order is that of urgency, not that of the suite."""
    view = view_of(spec_with(DELAY, ROWS), baseline, [window], [about_rows()])

    assert [(True, FOUND), (False, BY_CHANCE)] == [(one.is_finding, one.state) for one in view.failed]
    assert ["", "1e-300"] == [one.p_value for one in view.failed]


def test_it_says_how_often_it_was_not_met(baseline: Baseline, window: WindowRow) -> None:
    """Beside the newest window stands in how many of the newest ones it was so; windows of other cells do not count."""
    other = replace(window, layout_hash="0" * 64)
    (failed,) = view_of(spec_with(ROWS), baseline, [other, window, window]).failed
    (alone,) = view_of(spec_with(ROWS), baseline, [window]).failed

    assert ("2 of the newest 2 windows", "") == (failed.failed_in, alone.failed_in)


@pytest.mark.parametrize(("looked_at", "sampled"), [(5_000, ""), (4_000, ", in a sample of 5,000 rows")])
def test_what_rows_said_stands_where_counts_cannot_tell(
    baseline: Baseline, window: WindowRow, looked_at: int, sampled: str
) -> None:
    """With its examples, and whether it was all rows; what counts tell is as they tell it."""
    asked = Expectation(REGEX["type"], REGEX["kwargs"], "mine")
    outcome = ExpectationOutcome(expectation=asked, met=False, n=looked_at, seen=40, most_seen=40, examples=("'a1'",))
    rows = RowQualityRow.about(
        window, looked_at=looked_at, rows=5_000, outcomes=[outcome.to_json()], at=window.emitted_at
    )
    view = quality_view(spec_with(ROWS, REGEX), baseline, [window], [], {(window.span, window.revision): rows})
    assert view is not None
    by_counts, by_rows = view.failed

    assert (f"{outcome.there}{sampled}", "it is 5,000") == (by_rows.there, by_counts.there)
    assert "such as 'a1'" in by_rows.there


def test_without_a_window_it_says_so(baseline: Baseline) -> None:
    """Before the first window with rows nothing is said to be met."""
    view = view_of(spec_with(ROWS), baseline, [])

    assert (None, []) == (view.window, view.held)


def test_page_and_report_show_it(sources: Sources) -> None:
    """The report of a model with expectations has the section, in words and escaped; the others have none."""
    before = html.render(model_view(sources, "delays", 1, NOW))
    Registry(sources.engine).put(spec_with(ROWS, REGEX))
    text = html.render(model_view(sources, "delays", 1, NOW))

    assert ("Data quality" in before, text.count("<h2>Data quality</h2>")) == (False, 1)
    assert "held to mine: 1 not met, 0 expectations met, 1 cannot be told." in text
    assert "(regex &#39;^[A-Z]&lt;2&gt;$&#39;)" in text
    assert f"<strong>{NOT_ASKED}</strong> · in 12 of the newest 12 windows" in text
