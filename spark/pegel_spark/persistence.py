"""Calls of the results database that wait while it is away, however long that is."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import structlog

from pegel.baseline.baseline import Baseline
from pegel.errors import Unavailable
from pegel.spec.clock import Clock
from pegel.stats.summary import Summary
from pegel.store.registry_view import RegistryView
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Claim, Commit, ReadRange, Restored
from pegel.stream.wire_records import Address
from pegel_spark.waiting_note import WaitingNote

log = structlog.get_logger()
T = TypeVar("T")
RETRY_S = 0.5
SAY_AGAIN_S = 30.0


class StoppedWaiting(BaseException):
    """The database was away when the driver was asked to stop; what was not written is read again next time.

    No `Exception`: where a model's own parts run any of those is that model's failure, and this is nobody's.
    """


@dataclass(slots=True)
class DatabaseWait:
    """Waits for the database. `is_stopping` ends a wait; nothing else does: no number of tries, no time.

    `note`: where what is waited for is said, as nothing can be told by way of the database. `since`: when that was
    first found away; None while it answers.
    """

    clock: Clock
    is_stopping: Callable[[], bool]
    note: WaitingNote
    retry_s: float = RETRY_S
    since: datetime | None = None

    def patiently(self, call: Callable[[], T]) -> T:
        """Call until the database answers. Raises StoppedWaiting, and whatever else the call raises."""
        said_at = float("-inf")
        while True:
            try:
                answer = call()
            except Unavailable as error:
                since = self.is_away(error)
                if time.monotonic() - said_at >= SAY_AGAIN_S:
                    log.warning("database away, waiting", since=since.isoformat(), error=str(error)[:300])
                    said_at = time.monotonic()
                if self.is_stopping():
                    raise StoppedWaiting(str(error)) from error
                time.sleep(self.retry_s)
            else:
                self.answers()
                return answer

    def is_away(self, error: Unavailable) -> datetime:
        """Take in, and say, that the database did not answer; return since when it has not."""
        self.since = self.since or self.clock.now()
        self.note.say(f"waiting for the database since {self.since:%H:%M:%S} UTC: {error}")
        return self.since

    def answers(self) -> None:
        """Take in that the database has answered."""
        if self.since is not None:
            log.info("database answers again", was_away_since=self.since.isoformat())
            self.since = None
            self.note.clear()


@dataclass(slots=True)
class Persistence:
    """What one driver may write, by the claim that it holds."""

    store: StreamStore
    claim: Claim
    clock: Clock
    wait: DatabaseWait

    def restore(self) -> Restored:
        """Return what is known of the group. Raises Superseded, StoppedWaiting."""
        return self.wait.patiently(lambda: self.store.restore(self.claim))

    def commit(self, commit: Commit) -> None:
        """Write a commit. Raises Superseded when another driver holds the group, StoppedWaiting.

        One that an earlier try brought through although its answer was lost is known by its mark, and not written
        again: also one without offsets, whose counts would be added twice.
        """
        mark = secrets.token_hex(8)
        if not self.wait.patiently(lambda: self.store.commit(self.claim, commit, self.clock.now(), mark=mark)):
            log.info("commit had come through", ranges=len(commit.read))

    def begin_to_read(self) -> None:
        """Note that records are read from now on. Raises Superseded, StoppedWaiting."""
        self.wait.patiently(lambda: self.store.begin_to_read(self.claim))

    def partitions_present(self, present: Collection[Address]) -> list[ReadRange]:
        """Note which partitions there are; return those that were forgotten. Raises Superseded, StoppedWaiting."""
        return self.wait.patiently(lambda: self.store.partitions_present(self.claim, present, self.clock.now()))

    def release(self) -> None:
        """Say that this driver ends cleanly. Raises StoppedWaiting."""
        self.wait.patiently(lambda: self.store.release(self.claim))


@dataclass(frozen=True, slots=True)
class PatientBaselines:
    """Baselines of the database: while it is away they are waited for, so that its absence is no model's failure."""

    view: RegistryView
    wait: DatabaseWait

    def baseline(self, baseline_id: str) -> Baseline:
        """Return a baseline. Raises what is wrong with it."""
        return self.wait.patiently(lambda: self.view.baseline(baseline_id))

    def document(self, baseline_id: str) -> bytes:
        """Return a baseline's document. Raises what is wrong with it."""
        return self.wait.patiently(lambda: self.view.document(baseline_id))

    def unpack(self, baseline_id: str, data: bytes) -> Summary:
        """Return a packed summary under the layout of its baseline."""
        return Summary.from_bytes(data, self.baseline(baseline_id).layout)
