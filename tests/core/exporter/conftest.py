"""A filled results database, and the exporter that reads it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from blueprints import give_tables
from filled_results import fill
from sqlalchemy.engine import Engine

from pegel.exporter.exported_facts import Caps
from pegel.exporter.exporter_door import Door
from pegel.exporter.facts_reader import FactsReader
from pegel.store.database import connect
from pegel.testing.manual_clock import START, ManualClock


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Engine]:
    """A database with something for every view."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    fill(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> ManualClock:
    """Four minutes after everything was written."""
    return ManualClock(START + timedelta(minutes=4))


@pytest.fixture
def reader(filled: Engine, clock: ManualClock) -> FactsReader:
    """What reads it whenever it is asked."""
    return FactsReader(filled, clock, Caps(), fresh_for=timedelta(0))


@pytest.fixture
def door(reader: FactsReader) -> Iterator[str]:
    """The address of an exporter that answers."""
    with Door(reader, "127.0.0.1", 0) as door:
        thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"127.0.0.1:{door.server_address[1]}"
        door.shutdown()
        thread.join()
