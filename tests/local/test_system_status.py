"""What `pegel status` says of a system, gathered from its files and its database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from pegel.spec.settings import Settings
from pegel.store.database import connect, migrate
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_heartbeat
from pegel.testing.stream_fakes import speak
from pegel_local.system.system_status import StatusLine, gather

NOW = START + timedelta(minutes=10)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Those of a home in which nothing is up."""
    return Settings(home=tmp_path)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """Its results database, empty."""
    engine = connect(settings.database)
    migrate(engine)
    yield engine
    engine.dispose()


def test_a_driver_says_what_it_got_done_and_since_when(settings: Settings, engine: Engine) -> None:
    """The line of a driver has its start, its batch, what it has not read, its newest event and its last progress."""
    speak(engine, sample_heartbeat(NOW, progressed_at=NOW - timedelta(seconds=20), lag=3))
    (line,) = gather(settings, NOW)["heartbeats"]

    assert line == StatusLine(
        name="default",
        state="running, started 00:05 UTC, generation 1: batch 17, 3 records behind, newest event 00:09:59 UTC, "
        "last progress 20 s ago, heartbeat 0 s ago",
    )


def test_a_stream_that_stands_still_is_bad_although_its_driver_speaks(settings: Settings, engine: Engine) -> None:
    """A driver without progress for longer than is allowed has a bad line that says since when, and what comes next."""
    speak(engine, sample_heartbeat(NOW, progressed_at=START, started_at=START))
    (line,) = gather(settings, NOW)["heartbeats"]

    assert (line.good, "no progress since 00:00:00 UTC" in line.state) == (False, True)
    assert line.remedy.startswith("wait a minute")


def test_without_a_system_each_line_names_the_next_command(settings: Settings) -> None:
    """In a home where nothing was ever started, components and database are bad and say `pegel up`."""
    sections = gather(settings, NOW)

    assert [("pegel up", False)] * 2 == [
        (line.remedy, line.good) for part in ("components", "database") for line in sections[part]
    ]
