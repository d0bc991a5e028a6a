"""Rows of open windows: sampled where a suite asks for them, whole or told as not at hand, and bounded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from pegel.data.columns import Columns, Schema
from pegel.data.wire import REQUEST_TYPE
from pegel.judge.findings import Verdict
from pegel.judge.layers.expectations import Expectations
from pegel.quality.expectation import Expectation
from pegel.quality.expectation_outcome import ExpectationOutcome, of_share
from pegel.stats.summary import Summary
from pegel.stream.row_sample import LARGEST_ROW_BYTES, RowSample, priorities
from pegel.stream.window_quality import RowsUntold, told_of_rows
from pegel.stream.window_rows import MOST_LET_GO, NO_ROOM, NOT_AT_HAND, FinalWindow, WindowRows
from pegel.testing.stream_fakes import LoggedRecord

REGEX = {"type": "expect_column_values_to_match_regex", "kwargs": {"column": "carrier", "regex": "^A"}}
SUM = {"type": "expect_column_sum_to_be_between", "kwargs": {"column": "distance", "min_value": 0}}
COUNTED = {"type": "expect_column_to_exist", "kwargs": {"column": "carrier"}}


def watch(group: Any, *expectations: dict[str, Any], **changes: Any) -> None:
    """Watch `delays` with a suite of its own."""
    suite = {"name": "mine", "made": "2026-11-29", "expectations": list(expectations)}
    group.watch(watch={"expectations": [suite], "outliers_per_day": 500}, **changes)


def final_windows(group: Any, state: Any, *, at: float = 60.0) -> list[FinalWindow]:
    """Send one event so much later, which makes windows final; return what is to be looked at."""
    group.clock.advance(timedelta(minutes=2))
    commit = group.send(state, group.pairs(9_000, 9_001, at=at))
    return list(state.rows_of(commit, group.models))


def asked_by_hand(rows: Columns, _schema: Schema, asked: Sequence[Expectation]) -> list[ExpectationOutcome]:
    """Look at the first letter of the text alone, as the pattern of these tests does."""
    outside = sum(not text.startswith("A") for text in rows.categorical[0])
    return [of_share(expectation, outside, outside, rows.n) for expectation in asked]


def test_rows_are_at_hand_when_their_window_is_final(group: Any) -> None:
    """All rows of a small window, from several batches and tasks, without copies; nothing is kept afterwards."""
    watch(group, REGEX)
    state = group.start()
    group.send(state, group.pairs(0, 10), group.pairs(10, 20))
    group.send(state, group.pairs(20, 30), group.pairs(0, 5))
    (window,) = final_windows(group, state)

    assert window.sample is not None
    assert (30, 30, True) == (window.sample.seen, window.sample.rows.n, window.sample.is_whole)
    assert {60} == {round((pane[1] - group.begin.timestamp() * 1e6) / 1e6) for pane in state.window_rows.kept}


@pytest.mark.parametrize("expectations", [(), (COUNTED,)])
def test_no_rows_are_kept_of_models_that_need_none(group: Any, expectations: tuple[dict[str, Any], ...]) -> None:
    """A spec without suites, or with one that counts tell of, costs nothing."""
    if expectations:
        watch(group, *expectations)
    state = group.start()
    group.send(state, group.pairs(0, 10))

    assert ({}, {}) == (group.output.samples, state.window_rows.kept)
    assert [] == final_windows(group, state)


def test_sliding_windows_share_the_rows_of_their_panes(group: Any) -> None:
    """Each window has the rows of its own panes, however many windows these are in."""
    watch(group, REGEX, windowing={"length": 10, "slide": 5, "lateness": 2})
    state = group.start()
    group.send(state, group.pairs(0, 10, at=0), group.pairs(10, 30, at=5))
    windows = final_windows(group, state)
    begins = [(window.row.span.start - group.begin).total_seconds() for window in windows]

    assert [-5, 0, 5] == begins
    assert [10, 30, 20] == [window.sample.rows.n if window.sample else None for window in windows]


def test_after_a_restart_rows_are_not_at_hand(group: Any) -> None:
    """What a driver that died had in memory is told as lacking, whether or not more rows came; the stream goes on."""
    watch(group, REGEX)
    group.send(group.start(), group.pairs(0, 10))
    (nothing,) = final_windows(group, group.start())
    group.send(group.start(), group.pairs(100, 110, at=70))
    state = group.start()
    group.send(state, group.pairs(110, 115, at=70))
    windows = final_windows(group, state, at=140)
    told = [
        told_of_rows(window, group.baselines.baseline(window.row.baseline_id), asked_by_hand)
        for window in (nothing, windows[-1])
    ]

    assert [NOT_AT_HAND, "5 of 15 rows alone were at hand"] == [one.outcomes[0].there for one in told]
    assert [(None, 0, ()), (None, 0, ())] == [(one.outcomes[0].met, one.looked_at, one.findings) for one in told]


def test_what_rows_say_is_a_finding_like_others(group: Any) -> None:
    """A rule that rows break is a finding under its window's key, with how many rows were looked at."""
    watch(group, REGEX, SUM, COUNTED)
    state = group.start()
    group.send(state, group.pairs(0, 60))
    (window,) = final_windows(group, state)
    baseline = group.baselines.baseline(window.row.baseline_id)
    told = told_of_rows(window, baseline, asked_by_hand)
    regex, total = told.outcomes
    finding, *_ = told.findings

    assert ("column_values_to_match_regex", False) == (regex.expectation.test, regex.met)
    assert ("column_sum_to_be_between", (60, 60)) == (total.expectation.test, (told.looked_at, told.rows))
    assert (window.row.span, window.row.revision, Verdict.DRIFT) == (finding.span, finding.revision, finding.verdict)
    assert {"looked_at": 60, "rows": 60} == finding.evidence["of_rows"]
    assert "values are not so (a rule, outside the false-alarm budget)" in finding.what


def test_a_share_that_chance_explains_is_no_finding(group: Any) -> None:
    """More exceptions than tolerated are a finding only where their number is unlikely: the same budget as counts."""
    watch(group, REGEX | {"kwargs": {**REGEX["kwargs"], "mostly": 0.3}})  # type: ignore[dict-item]  # plain JSON
    state = group.start()
    group.send(state, group.pairs(0, 60))
    (window,) = final_windows(group, state)
    baseline = group.baselines.baseline(window.row.baseline_id)

    def run(seen: int) -> Any:
        return told_of_rows(window, baseline, lambda rows, _, asked: [of_share(asked[0], seen, seen, rows.n)])

    assert [(False, 0), (False, 1)] == [(run(seen).outcomes[0].met, len(run(seen).findings)) for seen in (43, 60)]


@pytest.mark.parametrize("mostly", [1.0, 0.5])
def test_a_finding_of_rows_is_explained_without_them(group: Any, mostly: float) -> None:
    """The p-value is found again of the numbers in the finding; a rule has none, and says so."""
    watch(group, {"type": REGEX["type"], "kwargs": {"column": "carrier", "regex": "^A", "mostly": mostly}})
    state = group.start()
    group.send(state, group.pairs(0, 60))
    (window,) = final_windows(group, state)
    baseline = group.baselines.baseline(window.row.baseline_id)
    told = told_of_rows(window, baseline, lambda rows, _, asked: [of_share(asked[0], 60, 60, rows.n)])
    (finding,) = told.findings
    explained = Expectations().explain(finding, Summary.empty(baseline.layout), baseline)

    assert (True, mostly == 1) == (explained.agrees, "a rule" in explained.budget)
    assert finding.p_value == explained.p_value


def test_a_failure_of_the_library_is_a_reason(group: Any) -> None:
    """Nothing is told, why is told, and nothing is raised."""
    watch(group, REGEX)
    state = group.start()
    group.send(state, group.pairs(0, 10))
    (window,) = final_windows(group, state)

    def fail(*_: Any) -> list[ExpectationOutcome]:
        raise RowsUntold("the process that runs Great Expectations died")

    told = told_of_rows(window, group.baselines.baseline(window.row.baseline_id), fail)

    assert (None, "the process that runs Great Expectations died") == (told.outcomes[0].met, told.outcomes[0].there)


@pytest.mark.parametrize(("letter", "met", "there"), [("A", None, "1 row was too large"), ("B", False, "100 % of 10")])
def test_what_a_row_too_large_may_break_is_not_met(group: Any, letter: str, met: bool | None, there: str) -> None:
    """A row that nobody looked at may be the one that is not so; what others show not to be so stays so."""
    watch(group, REGEX)
    state = group.start()
    large = b'{"instances": [[1.0, "%s"]]}' % (b"B" * (LARGEST_ROW_BYTES + 1))
    group.send(state, group.pairs(0, 10), [LoggedRecord("e", REQUEST_TYPE, "delays-v1", large, group.begin)])
    (window,) = final_windows(group, state)

    def run(rows: Columns, _: Schema, asked: Sequence[Expectation]) -> list[ExpectationOutcome]:
        outside = rows.n * (letter == "B")
        return [of_share(each, outside, outside, rows.n) for each in asked]

    (outcome,) = told_of_rows(window, group.baselines.baseline(window.row.baseline_id), run).outcomes

    assert (met, there) == (outcome.met, outcome.there[: len(there)])


def sample_of(rows: int, first: int = 0) -> RowSample:
    """Return a sample of numbers."""
    columns = Columns(rows, np.arange(rows, dtype=np.float64)[:, None], None, (), ())
    return RowSample.of(
        columns, priorities(np.arange(first, first + rows, dtype=np.uint64), np.zeros(rows, dtype=np.int64))
    )


def test_memory_is_bounded_over_all_windows(group: Any) -> None:
    """A pane that finds no room is let go as a whole, and told so; what was kept before stays whole."""
    watch(group, REGEX)
    state = group.start()
    kept = WindowRows(most_bytes=10_000)
    state.window_rows = kept
    record = LoggedRecord("e", REQUEST_TYPE, "delays-v1", b'{"instances": [[1.0, "%s"]]}' % (b"x" * 9_990), group.begin)
    group.send(state, group.pairs(0, 10), [record], group.pairs(10, 20, at=5))
    sizes = kept.size_bytes
    windows = final_windows(group, state)

    assert [(None, NO_ROOM), (10, "")] == [(window.sample and window.sample.rows.n, window.why) for window in windows]
    assert 0 < sizes <= 10_000


def test_what_is_kept_is_what_is_counted() -> None:
    """However panes come and go, the memory that is counted is that of the samples that are kept."""
    kept = WindowRows(most_bytes=4_000)
    for pane, rows in ((0, 20), (5, 30), (0, 50), (5, 10), (10, 1_000), (15, 5)):
        kept.take({("delays/1", pane * 1_000_000, "b"): sample_of(rows, pane * 10_000 + rows)})

    assert sum(sample.size_bytes for sample in kept.kept.values()) == kept.size_bytes
    assert {("delays/1", begin, "b") for begin in (0, 5_000_000, 10_000_000)} == kept.let_go
    kept.final([], {}, ())
    assert (0, {}, set()) == (kept.size_bytes, kept.kept, kept.let_go)


def test_whoever_has_most_gives_way() -> None:
    """A monitor whose samples pile up loses its own oldest one; that of another is kept, however late it came."""
    kept = WindowRows(most_bytes=4_000)
    for begin in range(4):
        kept.take({("piling/1", begin, "b"): sample_of(40, begin * 100)})
    kept.take({("small/1", 0, "b"): sample_of(10, 1_000)})

    assert ("small/1", 0, "b") in kept.kept
    assert {("piling/1", 0, "b")} == kept.let_go
    assert kept.size_bytes <= 4_000


def test_what_was_let_go_is_remembered_within_bounds() -> None:
    """However many panes find no room, no more than so many are remembered: the newest."""
    kept = WindowRows(most_bytes=0)
    sample = sample_of(1)
    for begin in range(MOST_LET_GO + 3):
        kept.take({("delays/1", begin, "b"): sample})

    assert (MOST_LET_GO, 3, 0) == (len(kept.let_go), min(begin for _, begin, _ in kept.let_go), kept.size_bytes)


def test_an_unread_window_of_another_baseline_has_no_rows(group: Any) -> None:
    """Rows that were read for another baseline are not taken for this one's; no restart is told that was not."""
    watch(group, REGEX)
    state = group.start()
    group.send(state, group.pairs(0, 10))
    (window,) = final_windows(group, state)
    kept = WindowRows()
    kept.take({(window.row.key, int(window.row.span.start.timestamp() * 1e6), "another"): sample_of(10)})
    row = replace(window.row)

    assert [NOT_AT_HAND] == [one.why for one in kept.final([row], group.models.specs, {row.key})]
    assert NOT_AT_HAND.startswith("its rows are not at hand: nobody asked for them, or its driver was started anew")
