"""The attribution worker says in the database what it got done, whether or not that answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from blueprints import give_tables
from sqlalchemy.engine import Engine

from pegel.errors import Unavailable
from pegel.store.database import connect
from pegel.store.worker_beats import ExplainedEvents, WorkerBeat, WorkerBeats
from pegel.testing.manual_clock import START, ManualClock
from pegel_serving.attribution.worker_progress import WorkerHeart, WorkerProgress

START_MS = int(START.timestamp() * 1_000)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """An empty results database."""
    made = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(made)
    yield made
    made.dispose()


def test_what_was_done_is_told(engine: Engine) -> None:
    """Rows, refusals with the last sentence, the newest event and the last progress; one that ends says so at once."""
    progress, clock, beats = WorkerProgress(), ManualClock(START), WorkerBeats(engine)
    heart = WorkerHeart(beats, "default", progress, clock)
    heart.beat()
    (first,) = beats.list()
    progress.explained("credit/1", 3, START_MS + 2_000)
    progress.explained("credit/1", 2, START_MS)
    progress.refused("credit/1", "no_artefact", "no folder")
    progress.refused("old/1", "over_budget", "")
    progress.forget("old/1")
    clock.advance(timedelta(seconds=5))
    heart.beat(state="stopped")
    (last,) = beats.list()

    assert (START, None, {}, "running") == (first.at, first.progressed_at, first.models, first.state)
    newest = START + timedelta(seconds=2)
    done = ExplainedEvents(rows=5, refused={"no_artefact": 1}, why="no folder", newest_event=newest)
    assert ({"credit/1": done}, newest, "stopped") == (last.models, last.newest_event, last.state)
    assert (START, START + timedelta(seconds=5)) == (last.started_at, last.progressed_at)


def test_it_is_told_now_and_then(engine: Engine) -> None:
    """Between two beats nothing is written, however often the worker comes by."""
    progress, clock, beats = WorkerProgress(), ManualClock(START), WorkerBeats(engine)
    heart = WorkerHeart(beats, "default", progress, clock)
    for _ in range(5):
        heart.beat()
        clock.advance(timedelta(seconds=1))

    assert [START] == [beat.at for beat in beats.list()]


def test_a_database_that_is_away_ends_nothing(engine: Engine) -> None:
    """The worker goes on, and what a record says of a time that is none is left out."""

    class Away(WorkerBeats):
        def put(self, beat: WorkerBeat) -> None:
            told.append(beat)
            raise Unavailable("the database does not answer")

    told: list[WorkerBeat] = []
    progress = WorkerProgress()
    progress.explained("credit/1", 1, 1 << 62)
    heart = WorkerHeart(Away(engine), "default", progress, ManualClock(START))
    heart.beat()

    assert [None] == [beat.newest_event for beat in told]
