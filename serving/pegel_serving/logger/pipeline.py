"""Where an event goes: to the producer, to the spool, or nowhere, and then it is counted.

::

              room, spool empty                      delivered
    submit ───────────────────────> in flight ───────────────────────> forgotten
       │                                │ not taken in time: all of them, in order, to the head of the spool
       │ otherwise                      v
       └─────────────────────────────> spool ──(nothing in flight)──> a batch is sent ──> delivered, forgotten
                 │ full
                 v
            dropped, counted, told to the topic as soon as there is room

Order: while anything is in the spool, everything goes through the spool, so events reach the topic in the order in
which they came. That matters beyond tidiness: records that overtake older ones would make the older ones late for their
window. Delivery is at least once: what was in flight when the broker went away may come twice.

What is in flight lies on disk too, see `journal`, so a kill loses none of it. What the disk refuses stays in memory
alone and is sent from there again: an event that was taken is only given up when it is refused alone, or at the end of
the process; how many a kill would lose just now is noted on disk. Refusals are sorted out by `resend`, from the spool
and from memory alike.

One thread owns all of this; `tick` is called often and does all waiting work.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

import structlog

from pegel.data import wire
from pegel_serving.logger.dead_letters import dead_letter
from pegel_serving.logger.drops import Drops
from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.logger_progress import LastMoves, LoggerProgress
from pegel_serving.logger.losses import Losses
from pegel_serving.logger.memory_queue import MemoryQueue, loss_of
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.producer import DeliveryOutcome, Sender
from pegel_serving.logger.resend import NOT_TAKEN, Resend, Settle
from pegel_serving.logger.spool import Batch, Spool, SpoolFull, SpoolUnreadable
from pegel_serving.logger.untold_losses import UntoldLosses

log = structlog.stdlib.get_logger(__name__)

UNREADABLE_TRIES = 5
"""How often a segment that the disk does not give back is asked for before it is set aside."""
_JOURNAL_SLACK = 16 << 20
"""Bytes of the journal that are no sign of anything: whole files are deleted, not parts of them."""


class Fate(Enum):
    """What `submit` did with an event."""

    IN_FLIGHT = "in_flight"
    SPOOLED = "spooled"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of the queue in memory and of one step of replay.

    What is in memory takes at most `2 * queue_bytes` and 16 MiB of disk: beyond that, all of it moves to the spool.
    """

    queue_messages: int = 100_000
    queue_bytes: int = 64 << 20
    stall_s: float = 5.0
    """How long the oldest event in flight may wait before all of them move to the spool."""
    batch_messages: int = 2000
    batch_bytes: int = 8 << 20
    retry_s: float = 0.5
    """Pause between two attempts to send what was not taken."""
    tell_s: float = 1.0
    """Shortest time between two rounds of notices about losses, and two looks whether the disk has room again."""


class Pipeline:
    """See the module. All times are seconds of one monotonic clock, given by the caller."""

    def __init__(self, sender: Sender, spool: Spool, metrics: Metrics, limits: Limits) -> None:
        """Begin with what the spool already holds."""
        self._sender, self.spool, self._metrics, self._limits = sender, spool, metrics, limits
        self._in_flight = MemoryQueue(spool.journal, max_events=limits.queue_messages, max_bytes=limits.queue_bytes)
        self._next = 0
        self._attempt = 0
        """Counts evacuations: reports about earlier attempts only matter when they say delivered."""
        self._unreached = False
        self._resend: Resend | None = None
        self._replayed: Batch | None = None
        """The batch on its way; None while `_resend` sends from memory."""
        self._replay_at = 0.0
        self._unreadable_tries = 0
        self._now = 0.0
        self._last = LastMoves()
        self._tell_at = 0.0
        self.drops = Drops()
        self._losses = Losses(metrics, self.drops, spool.namespaces)
        self._losses.lose_inherited(spool.untold)

    @property
    def in_flight(self) -> int:
        """Return how many events the producer holds or is to be given from memory, replayed ones included."""
        return len(self._in_flight) + (self._resend.open if self._resend and self._replayed else 0)

    @property
    def busy(self) -> bool:
        """Say whether reports, replay or notices are waiting for the next tick."""
        return self.waits or bool(self.drops)

    @property
    def waits(self) -> bool:
        """Say whether any event waits for the broker."""
        return len(self._in_flight) > 0 or not self.spool.empty

    @property
    def full(self) -> bool:
        """Say whether the next event would be dropped."""
        direct = self.spool.empty and (self._resend is None or self._replayed is None)
        return self.spool.full and not (direct and self._in_flight.has_room(0))

    def progress(self, now: float) -> LoggerProgress:
        """Say what moved and what waits."""
        return self._last.progress(now, self._in_flight, self.spool)

    def listen(self, wake: Callable[[], None]) -> None:
        """From now on call `wake`, in any thread, when the next tick has reports to collect."""
        self._sender.listen(wake)

    def submit(self, event: KafkaRecord, now: float) -> tuple[Fate, int]:
        """Take an event. The number identifies it to `settled` and `secure` while it is in flight."""
        number, self._next = self._next, self._next + 1
        self.spool.namespaces.saw(event)
        if not self.waits:
            self._last.moved = now
        queue, size = self._in_flight, event.size
        straight = self.spool.empty and self._resend is None and not queue.suspects and not queue.unsent
        if straight and queue.has_room(size):
            self._keep(number, event, size, now)
            if self._send(number):
                return Fate.IN_FLIGHT, number
            queue.take(number)
        if self._to_spool(event):
            return Fate.SPOOLED, number
        if self.spool.empty and self._replayed is None and queue.has_room(size):
            # the disk refuses: behind what waits in memory it is as safe as what waits there
            self._keep(number, event, size, now)
            return Fate.IN_FLIGHT, number
        self._losses.lose(event, "disk_full" if self.spool.refusal else "spool_full")
        event.became("dropped")
        self._note()
        return Fate.DROPPED, number

    def lose(self, event: KafkaRecord, reason: str) -> None:
        """Remember that an event was lost; a notice tells it as soon as there is room."""
        self.spool.namespaces.saw(event)
        self.drops.add(event, reason)
        self._note()

    def settled(self, number: int) -> bool:
        """Say whether an event is no longer in flight: delivered, refused by the broker, or in the spool."""
        return number not in self._in_flight

    def is_safe(self, number: int) -> bool:
        """Say whether the end of this process, however it comes, cannot lose an event: it is settled, or on disk."""
        entry = self._in_flight.get(number)
        return entry is None or entry.written

    def tick(self, now: float) -> None:
        """Collect reports, move what is stuck to the spool, send again what waits, tell about losses."""
        self._now = now
        if not self.waits or self._last.moved is None:
            self._last.moved = now
        self._sender.poll()
        if self._resend is not None:
            self._go_on(self._resend)
        elif self._unreached or self._stalled() or self._is_journal_full():
            self._evacuate()
        elif self._in_flight.suspects:
            self._sort_out_suspects()
        elif self._in_flight.unsent:
            self._send_kept()
        elif not self._in_flight and not self.spool.empty and now >= self._replay_at:
            self._start_replay()
        self._losses.notice_damage(self.spool.lost, self.spool.damages, all_read=self.spool.empty)
        if now >= self._tell_at:
            self._tell_at = now + self._limits.tell_s
            self._tell()
        self._note()

    def close(self, timeout_s: float) -> int:
        """Deliver what can be delivered in time and leave the rest on disk. Return how many events found no place.

        Whatever the sender raises is raised again when everything is on disk.
        """
        try:
            self._deliver(timeout_s)
        finally:
            lost = self._save()
            self.spool.close()
            self._sender.close()
        return lost

    def _deliver(self, timeout_s: float) -> None:
        for notice in self.drops.take():
            self.submit(notice, self._now)
        self._sender.flush(timeout_s)
        if self._resend is not None:
            self._resend.collect(self._now)
            if self._resend.done:
                self._finish()

    def _save(self) -> int:
        self._resend = self._replayed = None
        self._evacuate()
        lost = sum(not self._in_flight[number].written for number in self._in_flight)
        for number in [number for number in self._in_flight if not self._in_flight[number].written]:
            entry = self._in_flight.take(number)
            if entry is not None:
                self._losses.lose(entry.event, "disk_full")
                entry.event.became("dropped")
        untold = UntoldLosses()
        for notice in self.drops.take():
            if not self._to_spool(notice, beyond_cap=True):
                log.error("a loss is told by the next process", notice=notice.value.decode(), topic=notice.topic)
                untold.add(*loss_of(notice))
        self._in_flight.settle(untold)
        return lost

    def _stalled(self) -> bool:
        oldest = self._in_flight.oldest
        return oldest is not None and oldest.sent and self._now - oldest.since > self._limits.stall_s

    def _is_journal_full(self) -> bool:
        """Say whether one event that waits, for a partition without a leader, keeps too many delivered ones on disk."""
        return len(self._in_flight) > 0 and self.spool.journal.size > 2 * self._limits.queue_bytes + _JOURNAL_SLACK

    def _tell(self) -> None:
        """Say what was lost since the last time, and ask whether the disk has room again."""
        if self.spool.refusal and self.spool.probe():
            log.info("the disk takes events again")
        self._losses.say_refusals()
        if self.drops and not self.full:
            for notice in self.drops.take():
                self.submit(notice, self._now)

    def _send(self, number: int) -> bool:
        """Hand an event to the producer. False: no room there; the event is still kept."""
        entry = self._in_flight[number]
        self._in_flight.mark_sent(number)  # a refusal may be reported before `send` returns
        if self._sender.send(entry.event, partial(self._landed, number, self._attempt)):
            return True
        self._in_flight.mark_sent(number, sent=False)
        return False

    def _landed(self, number: int, attempt: int, verdict: DeliveryOutcome, reason: str) -> None:
        entry = self._in_flight.get(number)
        if entry is None or (attempt != self._attempt and verdict is not DeliveryOutcome.DELIVERED):
            return  # evacuated meanwhile: its copy on disk counts
        if verdict is DeliveryOutcome.UNREACHED:
            self._unreached = True  # it stays in flight, so that the evacuation keeps the order
        elif verdict is DeliveryOutcome.REFUSED_TOGETHER:
            self._in_flight.mark_suspect(number)
        else:
            self._in_flight.take(number)
            if verdict is DeliveryOutcome.DELIVERED:
                self._metrics.produce_s.observe(max(0.0, self._now - entry.since))
            self._outcome(entry.event, verdict, reason)

    def _outcome(self, event: KafkaRecord, verdict: DeliveryOutcome, reason: str) -> None:
        if verdict is DeliveryOutcome.DELIVERED:
            self._last.moved = self._last.acknowledged = self._now
            self._metrics.produced.labels(event.topic).inc()
            event.became("delivered")
            return
        event.became("refused")
        if letter := self._losses.refuse(event, reason):
            self.submit(letter, self._now)

    def _evacuate(self) -> None:
        """Move everything in flight to the head of the spool, in order; what the disk refuses stays in memory.

        The newest go first, so that what does not fit is older than all that did, and is sent before it.
        """
        self._unreached = False
        self._attempt += 1
        if self._in_flight:
            log.warning("broker not reached; events go to disk", events=len(self._in_flight))
        room = self.spool.segment_bytes
        while chunk := self._in_flight.newest(room):
            try:
                self.spool.prepend([self._in_flight[number].event.encode() for number in chunk])
            except SpoolFull as error:
                if len(chunk) > 1:
                    room //= 2
                    continue
                log.warning("the disk refuses; events stay in memory", events=len(self._in_flight), why=str(error))
                break
            for number in chunk:
                entry = self._in_flight.take(number)
                if entry is not None:
                    entry.event.became("spooled")
            self._spooled(len(chunk))
        self._sender.forget()
        if self._in_flight:
            self._resend_from_memory(self._now + self._limits.retry_s)

    def _keep(self, number: int, event: KafkaRecord, size: int, now: float) -> None:
        """Keep an event in memory, and on disk if that takes it."""
        refusal = self._in_flight.keep(number, event, size, now)
        if refusal is not None:
            if not self.spool.refusal:
                log.warning("the disk refuses; events are in memory alone", why=refusal.strerror)
            self.spool.refuse(refusal)
            self._note()

    def _note(self) -> None:
        """Note on disk what is settled, and how many losses nobody was told of: before anybody is answered."""
        self._in_flight.settle(self._losses.untold(self.spool.lost))

    def _to_spool(self, event: KafkaRecord, *, beyond_cap: bool = False) -> bool:
        refused_before = bool(self.spool.refusal)
        try:
            self.spool.append(event.encode(), beyond_cap=beyond_cap)
        except SpoolFull as error:
            if self.spool.refusal and not refused_before:
                log.warning("the spool cannot be written", why=str(error))
            return False
        self._spooled(1)
        event.became("spooled")
        return True

    def _spooled(self, events: int) -> None:
        self._last.spooled = self._now
        self._metrics.spooled.inc(events)

    def _sort_out_suspects(self) -> None:
        """Send what was refused together again, once nothing else is on its way that could be refused with it."""
        if len(self._in_flight) == self._in_flight.suspects:
            self._resend_from_memory(self._now)

    def _send_kept(self) -> None:
        """Send what came into memory while older events were sent again."""
        for number in list(self._in_flight):
            entry = self._in_flight[number]
            if not entry.sent:
                entry.since = self._now
                if not self._send(number):
                    return

    def _resend_from_memory(self, at: float) -> None:
        numbers = list(self._in_flight)

        def settle(place: int, verdict: DeliveryOutcome, reason: str) -> None:
            entry = self._in_flight.take(numbers[place])
            if entry is not None:
                self._outcome(entry.event, verdict, reason)

        for number in numbers:
            self._in_flight.mark_sent(number)
        self._resend = self._resending([self._in_flight[number].event for number in numbers], settle, at)

    def _resending(self, events: list[KafkaRecord], settle: Settle, at: float) -> Resend:
        return Resend(
            self._sender,
            events,
            settle,
            lambda event: dead_letter(event.headers, event.value, reason=NOT_TAKEN),
            pause_s=self._limits.retry_s,
            patience_s=2 * self._limits.stall_s,
            not_before=at,
        )

    def _start_replay(self) -> None:
        try:
            batch = self.spool.read(max_records=self._limits.batch_messages, max_bytes=self._limits.batch_bytes)
        except SpoolUnreadable as error:
            self._unreadable(error)
            return
        self._unreadable_tries = 0
        events = [event for event in map(self._decoded, batch.records) if event is not None]
        self._losses.beside = events[-1] if events else self._losses.beside

        def settle(place: int, verdict: DeliveryOutcome, reason: str) -> None:
            self._outcome(events[place], verdict, reason)

        self._replayed, self._resend = batch, self._resending(events, settle, self._now)
        self._go_on(self._resend)

    def _unreadable(self, error: SpoolUnreadable) -> None:
        self._replay_at = self._now + self._limits.retry_s
        self._unreadable_tries += 1
        log.error("the spool cannot be read", why=str(error), tries=self._unreadable_tries)
        if self._unreadable_tries >= UNREADABLE_TRIES:
            self._unreadable_tries = 0
            self.spool.set_aside()

    def _decoded(self, record: bytes) -> KafkaRecord | None:
        try:
            # whatever an earlier version let in, nothing is sent that is dated ahead
            event = KafkaRecord.decode(record)
            return replace(event, timestamp_ms=min(event.timestamp_ms, int(time.time() * 1000)))
        except ValueError as error:
            log.warning("a record of the spool is no event and is left out", why=str(error))
            self._losses.lose_unknown(wire.SPOOL_UNDECODABLE, 1)
            return None

    def _go_on(self, resend: Resend) -> None:
        resend.tick(self._now)
        if resend.done:
            self._finish()
        elif resend.failed and self._replayed is None:
            self._resend = None
            self._evacuate()  # meanwhile the disk may have room

    def _finish(self) -> None:
        batch, self._replayed, self._resend = self._replayed, None, None
        if batch is None:
            return
        self.spool.advance(batch)
        self._last.moved = self._now
        if self.spool.empty:
            log.info("spool replayed; events go straight to the broker again")
