"""What a person reads of an attribution worker: how far it is, what it refused, and whether it still speaks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pegel.report.worker_words import SILENT_AFTER, explained_words, is_silent, worker_words
from pegel.store.worker_beats import ExplainedEvents, WorkerBeat
from pegel.testing.manual_clock import START

pytestmark = pytest.mark.environments("sqlalchemy")

NOW = START + timedelta(minutes=10)
BEAT = WorkerBeat(
    namespace="default",
    at=NOW - timedelta(seconds=4),
    started_at=START,
    progressed_at=NOW - timedelta(seconds=5),
    newest_event=NOW - timedelta(minutes=1),
    pid=7,
    models={
        "credit/1": ExplainedEvents(
            rows=1_200, refused={"over_budget": 3, "no_method": 1}, why="none", newest_event=NOW - timedelta(minutes=2)
        ),
        "delays/1": ExplainedEvents(rows=34, newest_event=NOW - timedelta(minutes=1)),
    },
)


def test_a_worker_says_what_it_got_done() -> None:
    """Rows of all its models, the newest event among them, refusals by reason, and its last progress."""
    assert (
        "running, started 00:00 UTC: 1,234 rows explained, the newest event 00:09 UTC, "
        "4 events refused (no_method 1, over_budget 3), last progress 5 s ago"
    ) == worker_words(BEAT, NOW)


def test_a_model_has_its_own_words() -> None:
    """Its own rows and refusals, with the sentence of the last one; a model of which nothing came has none."""
    assert (
        "Worker running, started 00:00 UTC: 1,200 rows explained, the newest event 00:08 UTC, "
        "4 events refused (no_method 1, over_budget 3); the last refusal: none"
    ) == explained_words(BEAT, "credit/1", NOW)
    assert "Worker running, started 00:00 UTC: 0 rows explained, none refused." == explained_words(BEAT, "x/1", NOW)
    assert "The worker that explains predictions has not spoken yet." == explained_words(None, "x/1", NOW)


def test_a_worker_that_fell_silent_is_told_as_silent() -> None:
    """One that ended as it was asked to is not; inclusive of the longest pause."""
    silent = replace(BEAT, at=NOW - SILENT_AFTER - timedelta(seconds=1))

    assert (True, False) == (is_silent(silent, NOW), is_silent(replace(silent, state="stopped"), NOW))
    assert not is_silent(replace(BEAT, at=NOW - SILENT_AFTER), NOW)
    assert worker_words(silent, NOW).startswith("silent since 00:07:59 UTC, until then running, started 00:00 UTC: ")
