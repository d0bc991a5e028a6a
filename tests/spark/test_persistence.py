"""A database that is away is waited for, however long, and nothing is written twice."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from postgres_server import PostgresServer

from pegel.errors import Conflict, Unavailable
from pegel.store.database import connect, migrate
from pegel.store.results import Results
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Claim, Commit, ReadRange
from pegel.stream.result_rows import LedgerRow
from pegel.testing import ManualClock
from pegel.testing.manual_clock import START
from pegel_spark.persistence import DatabaseWait, Persistence, StoppedWaiting
from pegel_spark.waiting_note import WaitingNote

MANY = 10_000


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


@pytest.fixture
def note(tmp_path: Path) -> WaitingNote:
    """A note that nobody has written yet."""
    return WaitingNote(tmp_path / "waiting")


def test_waiting_has_no_limit(note: WaitingNote) -> None:
    """After ten thousand vain tries, more than an hour at the usual pace, the next one is made like the first."""
    wait = DatabaseWait(ManualClock(), lambda: False, note, retry_s=0)
    away = Away(MANY)

    assert "here" == wait.patiently(away)
    assert (MANY + 1, None) == (away.asked, wait.since)


def test_what_is_waited_for_stands_in_a_file(note: WaitingNote, tmp_path: Path) -> None:
    """Whoever cannot tell the database says in its folder since when and why, until it answers."""
    path = tmp_path / "waiting"
    said: list[str] = []

    def answers_the_third_time() -> None:
        said.append(path.read_text() if path.exists() else "")
        if len(said) < 3:
            raise Unavailable("the database is locked")

    DatabaseWait(ManualClock(), lambda: False, note, retry_s=0).patiently(answers_the_third_time)

    waiting = f"waiting for the database since {ManualClock().now():%H:%M:%S} UTC: the database is locked"
    assert ["", waiting, waiting] == said
    assert not path.exists()


def test_only_a_request_to_stop_ends_the_waiting(note: WaitingNote) -> None:
    """Asked to stop, the wait ends after the try at hand, and says since when the database was away."""
    clock = ManualClock()
    wait = DatabaseWait(clock, lambda: True, note, retry_s=0)
    away = Away(MANY)
    with pytest.raises(StoppedWaiting):
        wait.patiently(away)

    assert (1, clock.now()) == (away.asked, wait.since)


def test_other_errors_are_nobodys_waiting(note: WaitingNote) -> None:
    """What another try cannot change is raised at once."""
    wait = DatabaseWait(ManualClock(), lambda: False, note, retry_s=0)

    def refused() -> None:
        raise Conflict("counted before")

    with pytest.raises(Conflict):
        wait.patiently(refused)


class AnswersLost(StreamStore):
    """A store of which the answers to the first commits are lost after they came through."""

    lost = 0

    def commit(self, claim: Claim, commit: Commit, now: datetime, *, mark: str | None = None) -> bool:
        """Write it, and say so only if it is the third try."""
        is_written = super().commit(claim, commit, now, mark=mark)
        self.lost += 1
        if self.lost % 3:
            raise Unavailable("the connection ended before the answer came")
        return is_written


READ = ReadRange(topic="t", partition=0, start=0, end=10, records=10)
ASKED = LedgerRow(model="delays", version=1, minute=START, asked=7, unanswered=2)


@pytest.mark.parametrize("read", [[READ], []], ids=["a batch", "a closing of silent windows"])
def test_a_commit_whose_answer_is_lost_is_counted_once(
    tmp_path: Path, note: WaitingNote, read: list[ReadRange]
) -> None:
    """However often it is tried again its counts are added once, whether or not it moves offsets; the next's, too."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    migrate(engine)
    store = AnswersLost(engine)
    wait = DatabaseWait(ManualClock(), lambda: False, note, retry_s=0)
    persistence = Persistence(store, store.claim("default", 1, START), ManualClock(), wait)
    persistence.commit(Commit(read=read, ledger=[ASKED]))
    persistence.commit(Commit(ledger=[ASKED]))
    (row,) = Results(engine).ledger("delays", 1)
    engine.dispose()

    assert (6, 14, 4) == (store.lost, row.asked, row.unanswered)


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
def test_a_server_that_restarts_is_waited_for(server: PostgresServer, note: WaitingNote) -> None:
    """Commits made while PostgreSQL is stopped come through once it is back, each once and in order."""
    clock = ManualClock()
    engine = connect(server.url)
    migrate(engine)
    store = StreamStore(engine)
    claim = store.claim("default", 1, clock.now())
    wait = DatabaseWait(clock, lambda: False, note, retry_s=0.05)
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

    writer = threading.Thread(daemon=True, target=commits)
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
