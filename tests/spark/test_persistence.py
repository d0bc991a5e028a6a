"""A database that is away is waited for, however long, and nothing is written twice."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "lib"))

from postgres_server import PostgresServer

from pegel.errors import Conflict, Unavailable
from pegel.store.database import connect, migrate
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Commit, ReadRange
from pegel.testing import ManualClock
from pegel_spark.persistence import DatabaseWait, Persistence, StoppedWaiting

MANY = 100_000


@dataclass
class Away:
    """A database that answers only after a number of calls."""

    calls: int
    asked: int = field(default=0)

    def __call__(self) -> str:
        """Return an answer, or raise Unavailable."""
        self.asked += 1
        if self.asked <= self.calls:
            raise Unavailable("the database did not answer")
        return "here"


def test_waiting_has_no_limit() -> None:
    """After a hundred thousand vain tries, two weeks at the usual pace, the next one is made like the first."""
    wait = DatabaseWait(ManualClock(), lambda: False, retry_s=0)
    away = Away(MANY)

    assert "here" == wait.patiently(away)
    assert (MANY + 1, None) == (away.asked, wait.since)


def test_only_a_request_to_stop_ends_the_waiting() -> None:
    """Asked to stop, the wait ends after the try at hand, and says since when the database was away."""
    clock = ManualClock()
    wait = DatabaseWait(clock, lambda: True, retry_s=0)
    away = Away(MANY)
    with pytest.raises(StoppedWaiting):
        wait.patiently(away)

    assert (1, clock.now()) == (away.asked, wait.since)


def test_other_errors_are_nobodys_waiting() -> None:
    """What another try cannot change is raised at once."""
    wait = DatabaseWait(ManualClock(), lambda: False, retry_s=0)

    def refused() -> None:
        raise Conflict("counted before")

    with pytest.raises(Conflict):
        wait.patiently(refused)


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A running PostgreSQL server of this test's own."""
    # Not `tmp_path`: a socket's path may have 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="pegel-pg-", dir="/tmp") as folder:
        made = PostgresServer(Path(folder))
        made.start()
        yield made
        made.stop()


@pytest.mark.slow
def test_a_server_that_restarts_is_waited_for(server: PostgresServer) -> None:
    """Commits made while PostgreSQL is stopped come through once it is back, each once and in order."""
    clock = ManualClock()
    engine = connect(server.url)
    migrate(engine)
    store = StreamStore(engine)
    claim = store.claim("default", 1, clock.now())
    wait = DatabaseWait(clock, lambda: False, retry_s=0.05)
    persistence = Persistence(store, claim, clock, wait)
    waited = threading.Event()

    def commits() -> None:
        for start in range(0, 200, 10):
            persistence.commit(
                Commit(read=[ReadRange(topic="t", partition=0, start=start, end=start + 10, records=10)])
            )
            if start == 50:
                server.stop()
                waited.set()

    writer = threading.Thread(target=commits)
    writer.start()
    assert waited.wait(30)
    while wait.since is None:
        assert writer.is_alive()
        time.sleep(0.01)
    server.start()
    writer.join(30)
    (last,) = store.restore(claim).offsets.values()
    engine.dispose()

    assert (False, 200) == (writer.is_alive(), last.end)
    assert wait.since is None
