"""Where an event goes: to the producer, to the spool, or nowhere, and then it is counted.

::

              room, spool empty                      delivered
    submit ───────────────────────> in flight ───────────────────────> forgotten
       │                                │ not taken in time: all of them, in order, to the head of the spool
       │ otherwise                      v
       └─────────────────────────────> spool ──(nothing in flight)──> a batch in flight ──> delivered, forgotten
                 │ full
                 v
            dropped, counted, told to the topic as soon as there is room

Order: while anything is in the spool, everything goes through the spool, so events reach the topic in the order in
which they came. That matters beyond tidiness: records that overtake older ones would make the older ones late for their
window. Delivery is at least once: what was in flight when the broker went away may come twice.

One thread owns all of this; `tick` is called often and does all waiting work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import partial

import structlog

from pegel_serving.logger.drops import DROPPED, Drops
from pegel_serving.logger.logged_event import Event
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.producer import Sender, Verdict
from pegel_serving.logger.spool import Batch, Spool, SpoolFull

log = structlog.stdlib.get_logger(__name__)


class Fate(Enum):
    """What `submit` did with an event."""

    IN_FLIGHT = "in_flight"
    SPOOLED = "spooled"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of the queue in memory and of one step of replay."""

    queue_messages: int = 100_000
    queue_bytes: int = 64 << 20
    stall_s: float = 5.0
    """How long the oldest event in flight may wait before all of them move to the spool."""
    batch_messages: int = 2000
    batch_bytes: int = 8 << 20
    retry_s: float = 0.5
    """Pause between two attempts to replay a batch."""
    tell_s: float = 1.0
    """Shortest time between two rounds of notices about losses."""


@dataclass(slots=True)
class _Flight:
    event: Event
    size: int
    since: float
    secured: bool = False
    """Already in the spool as well, because somebody could not wait for the broker."""


@dataclass(slots=True)
class _Replay:
    batch: Batch
    open: int
    failed: bool = False
    refused: list[tuple[Event, str]] = field(default_factory=list)
    """Kept until the batch is done: a batch that is tried again would count them again."""


class Pipeline:
    """See the module. All times are seconds of one monotonic clock, given by the caller."""

    def __init__(self, sender: Sender, spool: Spool, metrics: Metrics, limits: Limits) -> None:
        """Begin with what the spool already holds."""
        self._sender, self.spool, self._metrics, self._limits = sender, spool, metrics, limits
        self._flights: dict[int, _Flight] = {}
        self._bytes = 0
        self._next = 0
        self._unreached = False
        self._replay: _Replay | None = None
        self._replay_at = 0.0
        self._now = 0.0
        self._moved_at: float | None = None
        self._tell_at = 0.0
        self.drops = Drops()

    @property
    def in_flight(self) -> int:
        """Return how many events the producer holds, replayed ones included."""
        return len(self._flights) + (self._replay.open if self._replay else 0)

    @property
    def busy(self) -> bool:
        """Say whether reports or replay are waiting for the next tick."""
        return bool(self._flights) or not self.spool.empty

    @property
    def full(self) -> bool:
        """Say whether the next event would be dropped."""
        return self.spool.full and not (self.spool.empty and self._has_room(0))

    def stuck_for(self, now: float) -> float:
        """Return for how long nothing was delivered although something waits; 0 when nothing waits."""
        return now - self._moved_at if self.busy and self._moved_at is not None else 0.0

    def submit(self, event: Event, now: float) -> tuple[Fate, int]:
        """Take an event. The number identifies it to `settled` and `secure` while it is in flight."""
        number, self._next = self._next, self._next + 1
        if not self.busy:
            self._moved_at = now
        if self.spool.empty and self._replay is None and self._fly(number, event, now):
            return Fate.IN_FLIGHT, number
        return (Fate.SPOOLED if self._to_spool(event) else Fate.DROPPED), number

    def settled(self, number: int) -> bool:
        """Say whether an event is no longer in flight: delivered, refused by the broker, or in the spool."""
        return number not in self._flights

    def secure(self, number: int) -> bool:
        """Write an event that is still in flight to the spool too. It may come twice then. False: no room."""
        flight = self._flights.get(number)
        if flight is None or flight.secured:
            return True
        flight.secured = self._to_spool(flight.event, lost=False)
        return flight.secured

    def tick(self, now: float) -> None:
        """Collect reports, move what is stuck to the spool, replay the spool, tell about losses."""
        self._now = now
        if not self.busy or self._moved_at is None:
            self._moved_at = now
        self._sender.poll()
        oldest = next(iter(self._flights.values()), None)
        if self._unreached or (oldest is not None and now - oldest.since > self._limits.stall_s):
            self._evacuate()
        if self._replay is None and not self._flights and not self.spool.empty and now >= self._replay_at:
            self._start_replay()
        if len(self.drops) and now >= self._tell_at and not self.full:
            self._tell_at = now + self._limits.tell_s
            for notice in self.drops.take():
                self.submit(notice, now)

    def close(self, timeout_s: float) -> None:
        """Deliver what can be delivered in time and put the rest on disk."""
        for notice in self.drops.take():
            self.submit(notice, self._now)
        self._sender.flush(timeout_s)
        self._evacuate()
        for notice in self.drops.take():
            self._to_spool(notice, beyond_cap=True)
        self.spool.close()

    def _has_room(self, size: int) -> bool:
        limits = self._limits
        return len(self._flights) < limits.queue_messages and self._bytes + size <= limits.queue_bytes

    def _fly(self, number: int, event: Event, now: float) -> bool:
        size = event.size
        if not self._has_room(size):
            return False
        self._flights[number] = _Flight(event, size, now)
        self._bytes += size
        if self._sender.send(event, partial(self._landed, number)):
            return True
        self._take(number)
        return False

    def _take(self, number: int) -> _Flight | None:
        flight = self._flights.pop(number, None)
        if flight is not None:
            self._bytes -= flight.size
        return flight

    def _landed(self, number: int, verdict: Verdict, reason: str) -> None:
        flight = self._flights.get(number)
        if flight is None:
            return  # evacuated meanwhile: its copy on disk counts
        if verdict is Verdict.UNREACHED:
            self._unreached = True  # it stays in flight, so that the evacuation keeps the order
            return
        self._take(number)
        if verdict is Verdict.DELIVERED:
            self._metrics.produce_s.observe(max(0.0, self._now - flight.since))
            self._delivered(flight.event)
        else:
            self._refused(flight.event, reason)

    def _delivered(self, event: Event) -> None:
        self._moved_at = self._now
        self._metrics.produced.labels(event.topic).inc()

    def _refused(self, event: Event, reason: str) -> None:
        log.warning("the broker refused an event", topic=event.topic, reason=reason)
        # where the event could not go, a notice about it cannot go either
        self._lose(event, reason, tell=reason == "msg_size_too_large")

    def _evacuate(self) -> None:
        """Move everything in flight to the head of the spool, in order."""
        self._unreached = False
        waiting = [flight.event for flight in self._flights.values() if not flight.secured]
        self._flights.clear()
        self._bytes = 0
        if waiting:
            log.warning("broker not reached; events go to disk", events=len(waiting))
            try:
                self.spool.prepend([event.encode() for event in waiting])
                self._metrics.spooled.inc(len(waiting))
            except SpoolFull as error:
                log.warning("events lost", events=len(waiting), why=str(error))
                for event in waiting:
                    self._lose(event, "disk_full")
        self._sender.forget()

    def _to_spool(self, event: Event, *, beyond_cap: bool = False, lost: bool = True) -> bool:
        try:
            self.spool.append(event.encode(), beyond_cap=beyond_cap)
        except SpoolFull:
            if lost:
                self._lose(event, "spool_full")
            return False
        self._metrics.spooled.inc()
        return True

    def _lose(self, event: Event, reason: str, *, tell: bool = True) -> None:
        if event.header("ce_type") != DROPPED:
            self._metrics.dropped.labels(self._metrics.endpoint(event.header("ce_inferenceservicename")), reason).inc()
        if tell:
            self.drops.add(event, reason)

    def _start_replay(self) -> None:
        batch = self.spool.read(max_records=self._limits.batch_messages, max_bytes=self._limits.batch_bytes)
        if not batch.records:
            self.spool.advance(batch)
            return
        self._replay = replay = _Replay(batch, len(batch.records))
        for record in batch.records:
            event = Event.decode(record)
            if not self._sender.send(event, partial(self._replayed, replay, event)):
                self._replayed(replay, event, Verdict.UNREACHED, "queue_full")

    def _replayed(self, replay: _Replay, event: Event, verdict: Verdict, reason: str) -> None:
        replay.open -= 1
        if verdict is Verdict.UNREACHED:
            replay.failed = True
        elif verdict is Verdict.REFUSED:
            replay.refused.append((event, reason))
        else:
            self._delivered(event)
        if replay.open == 0 and replay is self._replay:
            self._finish_replay(replay)

    def _finish_replay(self, replay: _Replay) -> None:
        self._replay = None
        if replay.failed:
            self._replay_at = self._now + self._limits.retry_s
            return
        self.spool.advance(replay.batch)
        self._moved_at = self._now
        for event, reason in replay.refused:
            self._refused(event, reason)
        if self.spool.empty:
            log.info("spool replayed; events go straight to the broker again")
