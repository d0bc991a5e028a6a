"""A model that only stands in a table says how far that is read, and why it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pegel.alerts.alert import Alert
from pegel.data.spans import Span
from pegel.report.states import SHORT, state_of
from pegel.report.table_words import table_progress
from pegel.report.views import StateView
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.table_reads import TableRead
from pegel.stream.result_rows import WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_spec, sample_window, tabled

HOUR = timedelta(hours=1)
NOW = START + 30 * HOUR
READ = TableRead(
    model="delays", version=1, at=NOW - HOUR / 2, up_to=NOW - 2 * HOUR, newest=NOW - 3 * HOUR, untimed=4, charts={}
)


@pytest.fixture
def spec() -> MonitorSpec:
    """A model in a table, in windows of an hour."""
    return sample_spec(model=tabled(), windowing={"length": "1h", "lateness": "1h"})


def said(spec: MonitorSpec, read: TableRead | None, last: WindowRow | None = None) -> StateView:
    """Return the state of a model of which no driver speaks."""
    return state_of(spec, last=last, alerts=list[Alert](), heartbeat=None, now=NOW, table=read)


def test_no_driver_is_missed(spec: MonitorSpec) -> None:
    """It is as its newest window says; a job that runs once a day is not away after three hours."""
    window = sample_window(span=Span(NOW - 20 * HOUR, NOW - 19 * HOUR))

    assert StateView(words="ok", level="ok") == said(spec, READ, window)
    assert StateView(words="waiting for the first window", level="idle") == said(spec, READ)


def test_rows_that_stay_away_are_told(spec: MonitorSpec) -> None:
    """After a day and some windows, as silence of a stream is after some windows."""
    window = sample_window(span=Span(NOW - 32 * HOUR, NOW - 31 * HOUR))

    assert StateView(words="no rows for 31 h", level="idle") == said(spec, READ, window)


def test_a_table_that_nobody_reads_is_not_watched(spec: MonitorSpec) -> None:
    """Neither before the first reading, nor where the last one is hours ago."""
    stale = replace(READ, at=NOW - 4 * HOUR)

    assert StateView(words="not watched: batch_monitor has not read its table yet", level="bad") == said(spec, None)
    assert said(spec, stale).words.startswith("not watched: batch_monitor has not read its table since ")


def test_a_table_that_cannot_be_read_says_why(spec: MonitorSpec) -> None:
    """The reason and since when stand in the state, whatever the newest window said."""
    broken = replace(READ, problem="model.table: expected a table at /scores", problem_since=NOW - 2 * HOUR)
    state = said(spec, broken, sample_window(span=Span(NOW - 2 * HOUR, NOW - HOUR)))

    assert "bad" == state.level
    assert state.words.startswith("error: model.table: expected a table at /scores (since ")


def test_a_long_reason_is_cut_and_told_in_full_below(spec: MonitorSpec) -> None:
    """The line of a state is short; nothing of it is lost."""
    reason = f"model.table: expected a table, given {'folders and files ' * 20}"
    state = said(spec, replace(READ, problem=reason, problem_since=NOW))
    (rest,) = state.further

    assert (True, True) == (len(state.words) <= SHORT + 2, state.words.endswith(" …"))
    assert (True, True) == (reason.strip() in rest, rest.startswith(state.words.removesuffix(" …")))


def test_how_far_a_table_is_read_is_told() -> None:
    """Up to when, which rows are the newest, and how many are in no window."""
    words = table_progress(READ, NOW)

    assert words.startswith("table, read by batch_monitor, last 30 min ago, judged up to ")
    assert words.endswith("; 4 rows without a time, in no window")
    assert "table, read by batch_monitor, not read yet" == table_progress(None, NOW)
