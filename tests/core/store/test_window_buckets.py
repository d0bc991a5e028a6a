"""Windows of a long time, counted in buckets on both databases: no alarm disappears, no count is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.data.spans import Span
from pegel.judge.findings import Verdict
from pegel.store.results import Results
from pegel.store.window_buckets import WindowBuckets, bucket_width
from pegel.stream.result_rows import WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_span, sample_window

pytestmark = pytest.mark.environments("sqlalchemy")
FIVE = 5 * MINUTE


def within(first: int, last: int) -> Span:
    """Return from the start of the minute `first` to the end of the minute `last`."""
    return Span(sample_span(first).start, sample_span(last).end)


@pytest.fixture
def results(engine: Engine) -> Results:
    """Thirty minutes, two of which alarm, one with a revision and one that is open; other monitors and segments."""
    odd = {7: Verdict.DRIFTING, 13: Verdict.DRIFT, 14: Verdict.BELOW_MARGIN}
    windows: list[WindowRow] = [
        sample_window(minute, verdict=odd.get(minute, Verdict.OK), late=minute % 2, final=minute < 29)
        for minute in range(30)
    ]
    windows += [
        sample_window(3, 2, rows=1_000, verdict=Verdict.OK),
        sample_window(3, segment="airline=AA", verdict=Verdict.DRIFT),
        sample_window(3, version=2, verdict=Verdict.DRIFT),
    ]
    results = Results(engine)
    results.write(windows)
    return results


@pytest.mark.usefixtures("results")
def test_the_worst_of_a_bucket_is_its_verdict(engine: Engine) -> None:
    """Six buckets of five minutes: what alarms in a minute alarms in its bucket; a span counts once, as it is seen."""
    buckets = WindowBuckets(engine, "delays", 1, within(0, 29)).buckets(FIVE)
    words = [Verdict.OK, Verdict.DRIFTING, Verdict.DRIFT, Verdict.OK, Verdict.OK, Verdict.OK]

    assert words == [one.verdict for one in buckets]
    assert [(5, 3_400), *[(5, 3_000)] * 5] == [(one.windows, one.rows) for one in buckets]
    assert [1, 3, 2, 3, 2, 3] == [one.late for one in buckets]
    assert [True] * 5 + [False] == [one.final for one in buckets]
    assert within(5, 9) == buckets[1].span


@pytest.mark.usefixtures("results")
def test_a_window_belongs_where_it_ends(engine: Engine) -> None:
    """After the start and not after the end: the window that ends with a time is part of it, the one before is not."""
    two = WindowBuckets(engine, "delays", 1, Span(START + MINUTE, START + 3 * MINUTE))

    assert (2, [within(1, 2)]) == (two.count(9), [one.span for one in two.buckets(FIVE)])
    assert 2 == WindowBuckets(engine, "delays", 1, within(0, 29)).count(1)


@pytest.mark.usefixtures("results")
def test_the_worst_window_of_each_bucket_is_read(engine: Engine) -> None:
    """The one that alarms, the last of equals, and only final ones."""
    chosen = WindowBuckets(engine, "delays", 1, within(0, 29)).worst(FIVE, [])

    assert [4, 7, 13, 19, 24, 28] == [(row.span.start - START) // MINUTE for row in chosen]


def test_what_was_found_about_a_feature_is_found_by_an_index(engine: Engine, results: Results) -> None:
    """However many findings there are about others: the newest, and the worst of each bucket."""
    if engine.dialect.name != "sqlite":
        pytest.skip("another database tells its plans in other words")
    asked = list[tuple[str, Any]]()
    sa.event.listen(engine, "before_cursor_execute", lambda _c, _u, text, values, *_: asked.append((text, values)))
    results.recent_findings("delays", 1, within=within(0, 29), feature="f0")
    WindowBuckets(engine, "delays", 1, within(0, 29)).worst_findings("f0", FIVE, [])
    questions = [(text, values) for text, values in asked if "FROM findings" in text]
    with engine.connect() as connection:
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all() for text, values in questions]
    index = "ix_findings_model_version_feature_span_end_seq (model=? AND version=? AND feature=?"

    assert [True, True] == [any(index in str(step[3]) for step in plan) for plan in plans]


@pytest.mark.usefixtures("results")
def test_segments_and_empty_times_are_apart(engine: Engine) -> None:
    """A segment has its own buckets; of a time without windows there is none."""
    ((one,), nothing) = (
        WindowBuckets(engine, "delays", 1, within(0, 29), segment="airline=AA").buckets(FIVE),
        WindowBuckets(engine, "delays", 1, within(60, 90)).buckets(FIVE),
    )

    assert (Verdict.DRIFT, 1, []) == (one.verdict, one.windows, nothing)


@pytest.mark.parametrize(("days", "seconds"), [(1, 600), (7, 3_600), (30, 10_800), (92, 43_200), (9_999, 42 * 86_400)])
def test_widths_are_round_and_few(days: int, seconds: int) -> None:
    """At most 240 buckets, of minutes, hours or whole days."""
    width = bucket_width(timedelta(days=days), 240)

    assert (timedelta(seconds=seconds), True) == (width, timedelta(days=days) / width <= 240)
