"""How far a stream has read, and when it is worth a batch to read on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pegel.stream.positions import OffsetRange

WORTH_A_BATCH = 256
"""Records that are read at once; fewer wait for others, because a batch of one costs as much as one of hundreds."""
SOONEST_S, LATEST_S = 0.02, 0.2
"""How soon, and how late, is looked again what there is to read; each look asks the broker."""


@dataclass(slots=True)
class Progress:
    """How far the stream has read. `trigger`: how long records wait for others at most.

    `lag`: records that the broker had beyond what was read, when it was looked last. `caught_up_at`: everything sent
    before this instant was read; None: not known. `idle_at`: when nothing was left to read the last time.
    """

    trigger: timedelta
    lag: int = 0
    caught_up_at: datetime | None = None
    idle_at: datetime | None = None
    _waiting_since: datetime | None = None

    def looked(self, ranges: Iterable[OffsetRange], at: datetime, *, is_whole: bool = True) -> None:
        """Take in what there is to read; `at`: when the broker was asked; `is_whole`: of every partition."""
        self.lag = sum(each.records for each in ranges)
        if self.lag:
            self._waiting_since = self._waiting_since or at
        else:
            self._waiting_since = None
            if is_whole:
                self.caught_up_at = self.idle_at = at

    def read(self, records: int, at: datetime, *, is_whole: bool = True) -> None:
        """Note that a batch has read so many of what there was `at` the last look."""
        self.lag = max(0, self.lag - records)
        self._waiting_since = None if self.lag == 0 else at
        if self.lag == 0 and is_whole:
            self.caught_up_at = at

    def other_partitions(self) -> None:
        """Forget that everything was read: there are partitions now of which nothing is known."""
        self.caught_up_at = None

    def look_again_s(self, now: datetime) -> float:
        """Return after how many seconds a look finds a batch, if as many records come as came; at most `LATEST_S`."""
        if self._waiting_since is None or not self.lag:
            return LATEST_S
        waited = now - self._waiting_since
        enough_s = (WORTH_A_BATCH - self.lag) * waited.total_seconds() / self.lag
        return min(LATEST_S, max(SOONEST_S, min(enough_s, (self.trigger - waited).total_seconds())))

    def is_worth_a_batch(self, now: datetime) -> bool:
        """Say whether what there is to read should be read now."""
        if self._waiting_since is None:
            return False
        return self.lag >= WORTH_A_BATCH or now - self._waiting_since >= self.trigger
