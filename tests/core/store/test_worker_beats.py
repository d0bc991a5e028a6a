"""What attribution workers say of themselves is kept as it was said, one row for each namespace."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.errors import DamagedRow
from pegel.store.database import writing
from pegel.store.worker_beats import ExplainedEvents, WorkerBeat, WorkerBeats
from pegel.testing.manual_clock import START

pytestmark = pytest.mark.environments("sqlalchemy")

BEAT = WorkerBeat(
    namespace="default",
    at=START,
    started_at=START - timedelta(hours=1),
    progressed_at=START - timedelta(seconds=3),
    newest_event=START - timedelta(seconds=9),
    pid=1 << 40,
    models={
        "credit/1": ExplainedEvents(rows=12, refused={"over_budget": 2}, why="too many", newest_event=START),
        "delays/2": ExplainedEvents(),
    },
)


def test_a_beat_is_read_as_it_was_said(engine: Engine) -> None:
    """The newest of each namespace, models and their refusals included."""
    beats = WorkerBeats(engine)
    other = WorkerBeat(namespace="a-room", at=START, started_at=START, pid=2)
    beats.put(BEAT)
    beats.put(other)
    later = replace(BEAT, at=START + timedelta(seconds=10), state="stopped")
    beats.put(later)

    assert [other, later] == beats.list()


def test_a_damaged_beat_hides_no_other(engine: Engine) -> None:
    """It is named by its namespace, and left out."""
    beats, unheard = WorkerBeats(engine), dict[str, str]()
    beats.put(BEAT)
    beats.put(replace(BEAT, namespace="other"))
    with writing(engine) as connection:
        connection.execute(sa.text("UPDATE worker_beats SET models = '[7]' WHERE namespace = 'default'"))

    with pytest.raises(DamagedRow, match="the beat of the worker of default"):
        beats.list()
    assert ["other"] == [beat.namespace for beat in beats.list(damaged=unheard)]
    assert ["default"] == list(unheard)
