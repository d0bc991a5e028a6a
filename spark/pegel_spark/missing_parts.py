"""What a driver lacks that is not its own: what it waits for, and what it cannot read while it reads the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

import structlog

from pegel.spec.clock import Clock
from pegel_spark.topic_partitions import Partitions

log = structlog.get_logger()


@dataclass(slots=True)
class MissingParts:
    """Each thing with the instant since when it is missing. `looked_at`: when something was last found to be."""

    clock: Clock
    looked_at: datetime | None = None
    _awaited: dict[str, datetime] = field(default_factory=dict)
    _unread: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """By why it cannot be read, and what that is."""

    def wait_for(self, what: str, reason: str) -> None:
        """Take in that nothing can be read before something is there."""
        self.looked_at = self.clock.now()
        if what not in self._awaited:
            log.warning("waiting", for_what=what, reason=reason[:300])
            self._awaited[what] = self.looked_at

    def found(self, *, but: str) -> None:
        """Take in that everything that was waited for is there, apart from one thing; empty: from none."""
        for what in [each for each in self._awaited if each != but]:
            log.info("waited", for_what=what)
            self.looked_at = self.clock.now()
            del self._awaited[what]

    def cannot_read(self, there: Partitions) -> None:
        """Take in which parts cannot be read while all others are."""
        unread = {("no leader", f"{topic} {partition}") for topic, partition in there.leaderless}
        unread |= {("no such topic", topic) for topic in there.absent}
        if unread:
            self.looked_at = self.clock.now()
        if unread != self._unread.keys():
            log.warning("not all can be read", unread=", ".join(f"{name}: {why}" for why, name in sorted(unread)))
        self._unread = {each: self._unread.get(each, self.clock.now()) for each in sorted(unread)}

    @property
    def words(self) -> str:
        """Return it for people, each part with since when; empty where nothing is missing."""
        waits = [f"waiting for {what} since {_clock_time(since)}" for what, since in self._awaited.items()]
        unread = [
            f"{', '.join(name for (_, name), _ in parts)}: {why} since {_clock_time(since)}"
            for (why, since), parts in groupby(self._unread.items(), key=lambda part: (part[0][0], part[1]))
        ]
        return "; ".join([*waits, *([f"reading all but {', '.join(unread)}"] if unread else [])])


def _clock_time(instant: datetime) -> str:
    return f"{instant:%H:%M:%S} UTC"
