"""The worker: reads a namespace's topic, explains a sample of its events, and puts what it finds on the same topic.

::

    topic -> sample by id -> request and answer joined -> the model's lane -> attribution event -> the same topic
                                                                                    |
                       offsets are committed up to the first record that is not done with

A worker that is killed reads from there again; what it had told already it tells twice, which is folded by event id.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final

import structlog

from pegel.data import wire
from pegel.data.columns import Role
from pegel.data.compact_headers import expanded
from pegel.data.decoding import count_rows
from pegel.data.events import EventAttributes, EventType
from pegel.errors import InvalidPayload
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stream.wire_records import Address, attributes_of
from pegel_serving.attribution.attribution_metrics import REASONS, AttributionMetrics
from pegel_serving.attribution.attribution_outbox import AttributionOutbox
from pegel_serving.attribution.event_sample import event_hash, is_kept
from pegel_serving.attribution.explained_model import ExplainedModel
from pegel_serving.attribution.joined_halves import EventHalf, HalfJoin, WholeEvent
from pegel_serving.attribution.model_lane import ENDED, OVERLOADED, ModelLane
from pegel_serving.attribution.model_preparation import ModelPreparation
from pegel_serving.attribution.own_record import own_record
from pegel_serving.attribution.rows_budget import OVER_BUDGET
from pegel_serving.attribution.safe_offsets import SafeOffsets
from pegel_serving.attribution.told_event import ToldEvent
from pegel_serving.attribution.worker_progress import WorkerProgress
from pegel_serving.logger.kafka_record import KafkaRecord

log = structlog.stdlib.get_logger(__name__)

LONGEST_READ_S: Final = 1.0
"""How long reading records once takes at most. What is longer was a pause, in which no answer could come."""
LANE_END_S: Final = 3.0
NOT_DELIVERED: Final = "not_delivered"

Prepared = Callable[[str, Mapping[str, Any]], None]
"""Told the endpoint, and what the process of its model said of folder and method; called in the thread of a lane."""


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """A record as the consumer gives it, headers as they stand on the topic."""

    address: Address
    offset: int
    time_ms: int
    key: bytes
    body: bytes
    headers: list[tuple[str, bytes | None]]


class AttributionWorker:
    """Everything of the worker but the consumer. Lanes have threads of their own; all else is the caller's thread."""

    def __init__(
        self,
        preparation: ModelPreparation,
        outbox: AttributionOutbox,
        metrics: AttributionMetrics,
        *,
        most_bytes: int,
        prepared: Prepared = lambda _endpoint, _said: None,
    ) -> None:
        """Hold at most `most_bytes` of events: a half of it those that wait for their answers, the rest in lanes."""
        self._preparation, self._outbox, self._metrics, self._prepared = preparation, outbox, metrics, prepared
        self._most_bytes = most_bytes
        self._join = HalfJoin(most_bytes // 2)
        self._late, self._alone = 0, 0
        self._read_s, self._read_at = 0.0, time.monotonic()
        self._models: dict[str, ExplainedModel] = {}
        self._lanes: dict[str, ModelLane] = {}
        self._told: SimpleQueue[tuple[ModelLane | None, WholeEvent, ToldEvent]] = SimpleQueue()
        self._own: SimpleQueue[KafkaRecord] = SimpleQueue()
        self._ending = False
        self.offsets, self.progress = SafeOffsets(), WorkerProgress()
        metrics.gauge("waiting_bytes", "Events that wait for their other half", lambda: self._join.size)
        metrics.gauge("lane_bytes", "Events that wait for their models", self._lane_bytes)
        metrics.gauge("outbox_bytes", "Explanations that wait for the broker", lambda: outbox.bytes)

    @property
    def is_full(self) -> bool:
        """Say whether no more is to be read: the broker does not take what there is."""
        return self._outbox.bytes > self._most_bytes // 4

    def watch(self, specs: Iterable[MonitorSpec]) -> None:
        """Explain these from now on. A model whose spec has changed begins anew; others go on undisturbed."""
        wanted = {spec.endpoint: spec for spec in specs}
        for endpoint, known in list(self._models.items()):
            if endpoint not in wanted or wanted[endpoint].fingerprint() != known.spec.fingerprint():
                del self._models[endpoint]
                self.progress.forget(known.spec.key)
                if (lane := self._lanes.pop(endpoint, None)) is not None:
                    lane.end(LANE_END_S)
        for endpoint, spec in wanted.items():
            if endpoint not in self._models:
                self._models[endpoint] = ExplainedModel(spec)

    def take(self, records: list[ReadRecord]) -> None:
        """Take records of the topic in the order of their offsets."""
        now = time.monotonic()
        self._read_s, self._read_at = self._read_s + min(now - self._read_at, LONGEST_READ_S), now
        read = attributes_of([record.key for record in records], [record.headers for record in records])
        for record, event_id, code in zip(records, read.ids, read.codes.tolist(), strict=True):
            self.offsets.read(record.address, record.offset)
            attributes = read.attributes[code]
            if isinstance(attributes, EventAttributes) and event_id:
                self._take_event(record, event_id, attributes)
        self._give_up_waiting()
        self.work()

    def put(self, record: KafkaRecord) -> None:
        """Bring away a record that is about no event of the topic; from any thread."""
        self._own.put(record)

    def work(self) -> None:
        """Bring on whatever waits; to be called several times a second."""
        while True:
            try:
                _, event, told = self._told.get_nowait()
            except Empty:
                break
            self._finish(event, told)
        while not self._own.empty():
            self._outbox.put(self._own.get(), _not_of_an_event)
        self._outbox.work()
        self._count_halves()

    def forget(self, address: Address) -> None:
        """Drop a partition that another worker has now."""
        self._join.forget(address)
        self.offsets.forget(address)

    def end(self, within_s: float) -> None:
        """End every lane and bring away what is explained; the rest is read again by whoever begins next."""
        self._ending = True
        for lane in self._lanes.values():
            lane.end(LANE_END_S)
        self.work()
        self._outbox.flush(within_s)

    def _take_event(self, record: ReadRecord, event_id: bytes, attributes: EventAttributes) -> None:
        model = self._models.get(attributes.endpoint)
        if model is None or attributes.is_probe or attributes.component != wire.PREDICTOR:
            return
        if attributes.type not in {EventType.REQUEST, EventType.RESPONSE}:
            return
        if record.address[0] != model.spec.inference_topic or not is_kept(hashed := event_hash(event_id), model.rate):
            return
        is_request = attributes.type is EventType.REQUEST
        half = EventHalf(
            endpoint=attributes.endpoint,
            event_id=event_id,
            hashed=hashed,
            is_request=is_request,
            address=record.address,
            offset=record.offset,
            time_ms=record.time_ms,
            body=record.body,
            time=_time_of(record) if is_request else b"",
        )
        self.offsets.hold(half.address, half.offset)
        whole, dropped = self._join.take(half, self._read_s)
        self._release(dropped)
        if whole is not None:
            self._explain(whole)
        self._give_up_waiting()

    def _give_up_waiting(self) -> None:
        """Explain what has waited for its answer long enough, or takes too many bytes; let go of answers alone."""
        for one in self._join.overdue(self._read_s):
            self._explain(one) if isinstance(one, WholeEvent) else self._release([one])

    def _explain(self, event: WholeEvent) -> None:
        model = self._models.get(event.request.endpoint)
        if model is None:
            self._release(event.halves)
            return
        self._metrics.sampled.labels(*model.labels).inc()
        if not model.budget.take(event.request.time_ms, _rows(event.request.body)):
            self._finish(event, ToldEvent(reason=OVER_BUDGET))
            return
        self._pass_on(event)

    def _pass_on(self, event: WholeEvent) -> None:
        """Hand an event to its model's lane, as the model is watched now."""
        endpoint = event.request.endpoint
        model = self._models.get(endpoint)
        if model is None:
            self._release(event.halves)
            return
        lane = self._lanes.get(endpoint)
        if lane is None:
            lane = self._lanes[endpoint] = self._new_lane(endpoint, model)
        if not lane.put(event):
            self._finish(event, ToldEvent(reason=OVERLOADED))

    def _new_lane(self, endpoint: str, model: ExplainedModel) -> ModelLane:
        share = max(1 << 20, self._most_bytes // (4 * max(1, len(self._models))))

        def prepared(said: Mapping[str, Any]) -> None:
            model.bound(said)
            self._prepared(endpoint, said)

        return ModelLane(
            endpoint,
            lambda: self._preparation.told(model.spec),
            lambda event, told: self._told.put((None, event, told)),
            most_bytes=share,
            prepared=prepared,
        )

    def _finish(self, event: WholeEvent, told: ToldEvent) -> None:
        """Send what is told of an event, or count why nothing is."""
        if told.reason == ENDED:
            if not self._ending:
                # Its lane made room for that of a changed spec.
                self._pass_on(event)
            # Else its records stay held, so that whoever begins next reads them again.
            return
        model = self._models.get(event.request.endpoint)
        if told.reason or model is None:
            if model is not None:
                self._refuse(model, told.reason, told.why)
            self._release(event.halves)
            return
        labels = model.labels

        def delivered(done: bool) -> None:
            if done:
                self._metrics.explained.labels(*labels).inc()
                self._metrics.rows.labels(*labels).inc(told.rows)
                self.progress.explained(model.spec.key, told.rows, event.request.time_ms)
            else:
                self._refuse(model, NOT_DELIVERED, "the broker refuses what was told of it")
            self._release(event.halves)

        self._outbox.put(attribution_record(event, model.spec, told.body), delivered)

    def _refuse(self, model: ExplainedModel, reason: str, why: str) -> None:
        """Count an event that is not explained."""
        known = reason if reason in REASONS else "other"
        self._metrics.refused.labels(*model.labels, known).inc()
        self.progress.refused(model.spec.key, known, why)

    def _release(self, halves: Iterable[EventHalf]) -> None:
        for half in halves:
            self.offsets.release(half.address, half.offset)

    def _lane_bytes(self) -> float:
        return float(sum(lane.bytes for lane in list(self._lanes.values())))

    def _count_halves(self) -> None:
        self._metrics.late.inc(self._join.late - self._late)
        self._metrics.alone.inc(self._join.alone - self._alone)
        self._late, self._alone = self._join.late, self._join.alone


def _not_of_an_event(done: bool) -> None:
    if not done:
        log.warning("the broker refuses what is told of canaries")


def attribution_record(event: WholeEvent, spec: MonitorSpec, body: bytes) -> KafkaRecord:
    """Return the record of an attribution event: under the id, the time and the endpoint of its request."""
    request = event.request
    return own_record(
        spec, request.event_id, body, topic=request.address[0], time=request.time, time_ms=request.time_ms
    )


def _rows(body: bytes) -> int:
    """Return how many rows a request has; one that cannot be read is counted as one, and refused later."""
    try:
        return count_rows(body, Role.FEATURE)
    except InvalidPayload:
        return 1


def _time_of(record: ReadRecord) -> bytes:
    headers: dict[str, Any] = dict(expanded(record.key, record.headers))
    return headers.get(wire.HEADER_TIME) or b""
