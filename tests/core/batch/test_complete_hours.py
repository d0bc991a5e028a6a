"""Whether all rows of an hour or a day were there to be joined with labels: by driver, ledger and archive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from blueprints import give_tables
from sqlalchemy import Engine

from pegel.archive.folders import COMPLETE, Kept, hour_folder, model_folder, written_folder
from pegel.archive.row_columns import INSTANT
from pegel.batch.complete_hours import CompleteHours
from pegel.data.spans import Span, floor
from pegel.store.database import connect
from pegel.store.results import Results
from pegel.store.window_keys import WindowKeys
from pegel.stream.result_rows import Heartbeat
from pegel.testing.samples import sample_ledger, sample_spec

pytestmark = pytest.mark.environments("pyarrow", "sqlalchemy")
HOUR = timedelta(hours=1)
SPEC = sample_spec()
BEGIN = floor(sample_ledger().minute, HOUR)
FIRST, SECOND = Span(BEGIN, BEGIN + HOUR), Span(BEGIN + HOUR, BEGIN + 2 * HOUR)
DAY = Span(floor(BEGIN, 24 * HOUR), floor(BEGIN, 24 * HOUR) + 24 * HOUR)
LATER = DAY.end + HOUR
BEAT = Heartbeat(
    group=SPEC.group,
    generation=1,
    fingerprint="",
    batch_id=1,
    lag=5,
    event_time_head=LATER,
    at=LATER,
    started_at=BEGIN,
    pid=1,
)


class World:
    """An archive, and the ledger of a driver."""

    def __init__(self, engine: Engine, root: Path) -> None:
        """Nothing is archived yet, or read."""
        self.engine, self.root = engine, root
        self.written: dict[Any, int] = {}

    def archive(self, span: Span, events: int, number: int = 1) -> None:
        """Archive events of an hour, and list it."""
        below = Path(model_folder(str(self.root), Kept.ROWS, "default", "delays", 1))
        folder = below / hour_folder(span.start) / written_folder(number)
        folder.mkdir(parents=True)
        times = pa.array([span.start + timedelta(seconds=at) for at in range(events)], INSTANT)
        columns = {"event_time": times, "row": pa.array([0] * events, pa.int32())}
        pq.write_table(pa.table(columns | {"answered_at": pa.nulls(events, INSTANT)}), folder / "part.parquet")
        (folder / COMPLETE).touch()
        self.written[span.start] = number

    def read(self, span: Span, events: int) -> None:
        """Let the driver have read events of an hour."""
        row = sample_ledger(judged=events, late=0)
        Results(self.engine).write(ledger=[replace(row, minute=span.start)])

    def is_complete(self, span: Span, *hours: Span, **instead: Any) -> bool:
        """Say so of a span whose archived hours are listed as they are now."""
        given: dict[str, Any] = {"spec": SPEC, "beat": BEAT, "written": self.written} | instead
        return CompleteHours(root=str(self.root), keys=WindowKeys(self.engine), **given)(span, hours or (span,))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty one."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    yield World(engine, tmp_path / "archive")
    engine.dispose()


def test_an_hour_is_complete_once_the_archive_holds_what_was_read(world: World) -> None:
    """Fewer archived events than the ledger has, or an archive written again since: not complete."""
    world.archive(FIRST, 60)
    world.read(FIRST, 61)
    less = world.is_complete(FIRST)
    before = dict(world.written)
    world.archive(FIRST, 61, number=2)

    assert (False, False, True) == (less, world.is_complete(FIRST, written=before), world.is_complete(FIRST))


def test_an_hour_is_complete_once_its_driver_has_read_past_it(world: World) -> None:
    """By the newest event, or the end of its topics; however long it hangs, a dead one has read no further."""
    world.archive(FIRST, 60)
    world.read(FIRST, 60)
    due = FIRST.end + SPEC.windowing.lateness + timedelta(seconds=30)
    within = replace(BEAT, event_time_head=due - timedelta(seconds=1))
    at_the_end = replace(within, lag=0, progressed_at=due)

    assert [False, True, True, True] == [
        world.is_complete(FIRST, beat=beat) for beat in (within, replace(within, event_time_head=due), at_the_end, None)
    ]


def test_a_day_is_complete_once_every_hour_with_events_was_counted(world: World) -> None:
    """One that is archived and was not counted, or of which the driver has read events, keeps it open."""
    world.archive(FIRST, 60)
    world.read(FIRST, 60)
    alone = world.is_complete(DAY, FIRST)
    world.read(SECOND, 1)
    read = world.is_complete(DAY, FIRST)
    world.archive(SECOND, 1)

    assert (True, False, True) == (alone, read, world.is_complete(DAY, FIRST, SECOND))
    assert not world.is_complete(DAY, FIRST, beat=None)


def test_an_archive_that_cannot_be_read_is_not_complete(world: World) -> None:
    """No error: its hour settles by time."""
    world.archive(FIRST, 60)
    world.read(FIRST, 60)
    (part,) = world.root.rglob("part.parquet")
    part.write_bytes(b"no parquet")

    assert not world.is_complete(FIRST)
