"""How far tables of models are read: kept by whoever reads them, however many do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine

from pegel.store.archive_store import ArchiveStore
from pegel.store.table_reads import TableRead, TableReads
from pegel.testing.manual_clock import START

pytestmark = pytest.mark.environments("sqlalchemy")

HOUR = timedelta(hours=1)
BEGUN = TableRead(model="delays", version=1, at=START, newest=START - HOUR)


def test_who_finds_nothing_new_brings_nothing_back(engine: Engine) -> None:
    """A reading that began before another one, and ends after it, leaves what that one judged by, and goes on from."""
    store = TableReads(engine)
    store.note(BEGUN)
    seen = store.of("delays", 1)
    assert seen == BEGUN

    further = replace(BEGUN, up_to=START + HOUR, newest=START + HOUR, charts={"crowds": {}})
    store.write(ArchiveStore(engine).next_number("delays", 1), further, [], [], [])
    store.note(replace(seen, at=START + HOUR, up_to=START, untimed=3))

    assert replace(further, at=START + HOUR, untimed=3) == store.of("delays", 1)


def test_a_table_that_cannot_be_read_stays_read_as_far(engine: Engine) -> None:
    """Why, and since when, is told; up to when it was read is not forgotten by that, and moves on where it is later."""
    store = TableReads(engine)
    store.note(replace(BEGUN, up_to=START))
    broken = replace(BEGUN, up_to=None, at=START + HOUR, problem="it is gone", problem_since=START + HOUR)
    store.note(broken)
    told = store.of("delays", 1)
    store.note(replace(BEGUN, up_to=START + HOUR))

    assert replace(broken, up_to=START) == told
    assert replace(BEGUN, up_to=START + HOUR) == store.of("delays", 1)
