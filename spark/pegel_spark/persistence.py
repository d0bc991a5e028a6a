"""Calls of the results database that wait while it is away, however long that is."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import structlog

from pegel.baseline.baseline import Baseline
from pegel.errors import Conflict, Unavailable
from pegel.spec.clock import Clock
from pegel.stats.summary import Summary
from pegel.store.registry_view import RegistryView
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Claim, Commit, ReadRange, Restored
from pegel.stream.wire_records import Address

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

    `since`: when the database was first found away; None while it answers.
    """

    clock: Clock
    is_stopping: Callable[[], bool]
    retry_s: float = RETRY_S
    since: datetime | None = None

    def patiently(self, call: Callable[[], T]) -> T:
        """Call until the database answers. Raises StoppedWaiting, and whatever else the call raises."""
        said_at = float("-inf")
        while True:
            try:
                answer = call()
            except Unavailable as error:
                self.since = self.since or self.clock.now()
                if time.monotonic() - said_at >= SAY_AGAIN_S:
                    log.warning("database away, waiting", since=self.since.isoformat(), error=str(error)[:300])
                    said_at = time.monotonic()
                if self.is_stopping():
                    raise StoppedWaiting(str(error)) from error
                time.sleep(self.retry_s)
            else:
                if self.since is not None:
                    log.info("database answers again", was_away_since=self.since.isoformat())
                    self.since = None
                return answer


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

        A commit that an earlier try brought through although its answer was lost is recognised by its offsets.
        """
        tried_before = False

        def write() -> None:
            nonlocal tried_before
            try:
                self.store.commit(self.claim, commit, self.clock.now())
            except Unavailable:
                tried_before = True
                raise
            except Conflict:
                if not tried_before:
                    raise
                log.info("commit had come through", ranges=len(commit.read))

        self.wait.patiently(write)

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
