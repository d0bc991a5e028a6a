"""What becomes of a posted event: taken, or refused and then counted, kept for people, and told as lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from pegel.data import wire
from pegel.data.event_tracing import EventTracing
from pegel_serving import door_limits
from pegel_serving.body_reading import BodyEnd, BodyReader, Receive
from pegel_serving.cloudevent import AGENT_REASONS
from pegel_serving.logger.admit import NOTICE, Envelope, Headers, Refused, open_envelope, record_headers
from pegel_serving.logger.dead_letters import KEPT_BYTES, dead_letter
from pegel_serving.logger.door_settings import DoorSettings
from pegel_serving.logger.drops import read_notice
from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.pipeline import Fate
from pegel_serving.logger.pump import Pump
from pegel_serving.logger.traced_events import trace_event

LETTERS_BELOW = 1000
"""Dead letters are only sent while fewer events than this are on their way."""
RECENT = 50_000
"""Identities remembered at least, and at most twice as many, to count duplicates: about 100 bytes each."""
_PREDICTOR = wire.PREDICTOR.encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told: an HTTP status and a sentence, empty when there is nothing to say."""

    status: int
    sentence: str = ""


TAKEN = Answer(200)
"""The usual answer."""
UNCONFIRMED = Answer(
    503,
    "neither the broker nor the disk has the event yet: it is in memory and will be sent all the same; sent again, it "
    "counts as a copy",
)
"""With `--ack broker`, where the promise cannot be kept and the event was taken nevertheless."""
Say = Callable[[Answer], None]
"""Tells the sender; to be called once."""


class EventDoor:
    """Judges events and hands them to the pump."""

    def __init__(
        self, pump: Pump, metrics: Metrics, settings: DoorSettings, tracing: EventTracing | None = None
    ) -> None:
        """Begin without having seen any event. Without `tracing` no event has a span."""
        self._pump, self._metrics, self._settings, self._tracing = pump, metrics, settings, tracing
        # the hash of an identity, not the identity: ids come from outside and may be long
        self._recent: set[int] = set()
        self._before: set[int] = set()
        self._reader = BodyReader(together_bytes=settings.reading_bytes, within_s=settings.body_within_s)

    async def take(self, headers: Headers, receive: Receive) -> Answer | None:
        """Read and judge one event; None when nobody waits for the answer any more."""
        try:
            envelope = open_envelope(headers, max_header_bytes=self._settings.max_header_bytes)
        except Refused as refusal:
            body, ended = await self._reader.read(receive, KEPT_BYTES)
            if refusal.lost is not None:
                label = self._metrics.endpoint(refusal.lost.header(wire.HEADER_ENDPOINT))
                self._lose(refusal.lost, label, refusal.reason)
            self._refuse(headers, body, refusal.reason, cut=ended is not BodyEnd.WHOLE)
            return Answer(refusal.status, str(refusal))
        body, ended = await self._reader.read(receive, self._settings.max_body_bytes)
        event = envelope.event(body)
        label = self._metrics.endpoint(envelope.endpoint)
        self._count(envelope, label)
        if ended is not BodyEnd.WHOLE:
            return self._incomplete(headers, event, label, ended)
        if envelope.grpc:
            # a raw protobuf frame: nothing downstream reads it, but the sender did nothing wrong
            self._lose(event, label, "grpc")
            self._refuse(headers, event.value, "grpc")
            return Answer(200)
        if envelope.kind == NOTICE:
            return self._note_losses(event, label)
        told: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def tell(answer: Answer) -> None:
            if not told.done():
                told.set_result(answer)

        self._accept(envelope, event, label, tell)
        return await told

    def take_whole(self, headers: Headers, body: bytes, say: Say) -> bool:
        """Take an ordinary event of which all has come; `say` is told the answer, now or later. False: `take` is to."""
        if len(body) > self._settings.max_body_bytes:
            return False
        try:
            envelope = open_envelope(headers, max_header_bytes=self._settings.max_header_bytes)
        except Refused:
            return False
        if envelope.grpc or envelope.kind == NOTICE:
            return False
        label = self._metrics.endpoint(envelope.endpoint)
        self._count(envelope, label)
        self._accept(envelope, envelope.event(body), label, say)
        return True

    def _count(self, envelope: Envelope, label: str) -> None:
        self._metrics.received.labels(label, envelope.kind).inc()
        self._metrics.observe_lags(envelope.time_s, envelope.recorded_s)
        if envelope.replaced:
            self._metrics.replaced.labels(envelope.replaced).inc()
        if self._came_before(envelope):
            self._metrics.duplicates.labels(label).inc()

    def _came_before(self, envelope: Envelope) -> bool:
        """Say whether an event of this identity came shortly before, and remember it. Only counted, never dropped."""
        identity = hash((envelope.event_id, envelope.kind, envelope.component or _PREDICTOR))
        known = identity in self._recent or identity in self._before
        self._recent.add(identity)
        if len(self._recent) >= RECENT:
            self._recent, self._before = set(), self._recent
        return known

    def _accept(self, envelope: Envelope, event: KafkaRecord, label: str, say: Say) -> None:
        if self._tracing is not None and envelope.traceparent:
            trace_event(self._tracing, envelope, event)
        fate, number = self._pump.submit(event)

        def answer(fate: Fate) -> None:
            if fate is Fate.DROPPED:
                say(Answer(503, "queue and spool are full"))
                return
            self._metrics.accepted.labels(label, envelope.kind).inc()
            say(TAKEN)

        def answer_later(is_settled: bool) -> None:
            """Answer for the broker; where the broker is slow, for the disk alone."""
            if not is_settled and not self._pump.pipeline.is_safe(number):
                self._metrics.unconfirmed.inc()
                say(UNCONFIRMED)
                return
            if not is_settled:
                self._metrics.from_disk.inc()
            answer(Fate.IN_FLIGHT)

        if fate is Fate.IN_FLIGHT and self._settings.ack == "broker":
            self._pump.when_settled(number, self._settings.ack_timeout_s, answer_later)
        else:
            answer(fate)

    def _note_losses(self, event: KafkaRecord, label: str) -> Answer:
        """Count what an agent says it lost like our own losses; the notice itself goes no further."""
        reason, count = read_notice(event.value)
        known = reason in AGENT_REASONS and count <= door_limits.LOST_AT_ONCE and event.header(wire.HEADER_ENDPOINT)
        if not known:
            self._metrics.refused.labels("bad_notice").inc()
            return Answer(400, "a notice of losses names an endpoint, a reason of an agent and a count")
        self._metrics.dropped.labels(label, reason).inc(count)
        self._pump.lose(event, reason)
        return Answer(200)

    def _incomplete(self, headers: Headers, event: KafkaRecord, label: str, ended: BodyEnd) -> Answer | None:
        """Count an event whose body did not come whole."""
        self._lose(event, label, ended.value)
        if ended is BodyEnd.TOO_LARGE:
            self._refuse(headers, event.value, ended.value, cut=True)
            return Answer(413, f"a body may hold {self._settings.max_body_bytes} bytes")
        self._metrics.refused.labels(ended.value).inc()
        if ended is BodyEnd.SLOW:
            return Answer(408, f"a body may take {self._settings.body_within_s:g} s")
        return Answer(503, "too many bodies are being read") if ended is BodyEnd.NO_ROOM else None

    def _lose(self, event: KafkaRecord, label: str, reason: str) -> None:
        self._metrics.dropped.labels(label, reason).inc()
        self._pump.lose(event, reason)

    def _refuse(self, headers: Headers, body: bytes, reason: str, *, cut: bool = False) -> None:
        self._metrics.refused.labels(reason).inc()
        # letters nobody ordered must never push events out: they only travel while the way is free
        if self._pump.pipeline.spool.empty and self._pump.pipeline.in_flight < LETTERS_BELOW:
            self._pump.submit(dead_letter(record_headers(headers), body, reason=reason, cut=cut))
            self._metrics.dead.labels(reason).inc()
