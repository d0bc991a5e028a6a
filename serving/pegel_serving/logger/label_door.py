"""What becomes of posted labels: each is a record of its own, in the same spool and under the same promise as events.

A body of labels is read, other than one of events: whoever sends learns which labels are none, and why.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import orjson

from pegel.data import wire
from pegel.errors import InvalidPayload
from pegel.labels.label import Label
from pegel.labels.label_json import RefusedLabel, entries, key_of, read_label, write_label
from pegel.spec import names
from pegel_serving.body_reading import BodyEnd, BodyReader, Receive
from pegel_serving.logger.dead_letters import DEFAULT_NAMESPACE
from pegel_serving.logger.door_settings import DoorSettings
from pegel_serving.logger.kafka_record import KafkaRecord
from pegel_serving.logger.metrics import Metrics
from pegel_serving.logger.pipeline import Fate
from pegel_serving.logger.pump import Pump

PATH: Final = "/labels"
"""Of labels for the namespace `default`; those of another one are posted to `/labels/NAMESPACE`."""
KIND: Final = "label"
"""How labels are called where requests and responses are counted."""
AT_ONCE = 50
"""Labels that are looked at before whoever else waits has a turn: a millisecond."""
MOST_TOLD = 20
"""Labels of which an answer says why they are none; of all it says how many there are."""


@dataclass(slots=True)
class LabelAnswer:
    """What the sender is told: which labels were taken, refused, or found no place; with a status by that."""

    taken: int = 0
    dropped: int = 0
    unconfirmed: int = 0
    refused: list[RefusedLabel] = field(default_factory=list)
    sentence: str = ""
    failure: HTTPStatus | None = None
    """Why there is nothing to tell of labels: the body did not come whole, or is for nobody."""

    @property
    def status(self) -> HTTPStatus:
        """Return 200 where all were taken, 202 where some were refused, 400 where all were, 503 to send again."""
        if self.failure is not None:
            return self.failure
        if self.dropped or self.unconfirmed:
            return HTTPStatus.SERVICE_UNAVAILABLE
        if self.refused:
            return HTTPStatus.ACCEPTED if self.taken else HTTPStatus.BAD_REQUEST
        return HTTPStatus.OK

    def body(self) -> bytes:
        """Return it as JSON."""
        told = [each._asdict() for each in self.refused[:MOST_TOLD]]
        counts = {"taken": self.taken, "refused": len(self.refused), "dropped": self.dropped}
        sentence = {"sentence": self.sentence} if self.sentence else {}
        return orjson.dumps({**counts, "why": told, **sentence})


class LabelDoor:
    """Reads labels and hands them to the pump."""

    def __init__(self, pump: Pump, metrics: Metrics, settings: DoorSettings) -> None:
        """Begin without having seen any label."""
        self._pump, self._metrics, self._settings = pump, metrics, settings
        self._reader = BodyReader(together_bytes=settings.reading_bytes, within_s=settings.body_within_s)

    async def take(self, path: str, receive: Receive) -> LabelAnswer | None:
        """Read the labels of one request; None when nobody waits for the answer any more."""
        body, ended = await self._reader.read(receive, self._settings.max_body_bytes)
        if ended is not BodyEnd.WHOLE:
            self._metrics.refused.labels(ended.value).inc()
            return self._incomplete(ended)
        namespace = path.removeprefix(PATH).removeprefix("/") or DEFAULT_NAMESPACE
        if not names.is_safe(namespace):
            self._metrics.refused.labels("bad_namespace").inc()
            return LabelAnswer(
                failure=HTTPStatus.BAD_REQUEST,
                sentence=f"expected {PATH} or {PATH}/NAMESPACE, a name of lower case letters, digits and inner "
                f"hyphens, at most {names.LONGEST_SAFE_NAME}",
            )
        return await self._all(namespace, body)

    async def _all(self, namespace: str, body: bytes) -> LabelAnswer:
        answer = LabelAnswer()
        found, answer.refused = entries(body)
        numbers: list[int] = []
        for done, (place, data) in enumerate(found, start=1):
            try:
                self._one(namespace, read_label(data), answer, numbers)
            except InvalidPayload as error:
                answer.refused.append(RefusedLabel(place, error.kind, str(error)))
            if done % AT_ONCE == 0:
                await asyncio.sleep(0)
        if not found and not answer.refused:
            answer.refused.append(RefusedLabel(0, "no_label", "expected at least one label; given none"))
        for refused in answer.refused:
            self._metrics.refused.labels(f"label_{refused.kind}").inc()
        answer.refused.sort()
        if answer.dropped:
            answer.sentence = "queue and spool are full; send the labels again, those that were taken count as copies"
        elif self._settings.ack == "broker":
            await self._confirm(numbers, answer)
        return answer

    def _one(self, namespace: str, label: Label, answer: LabelAnswer, numbers: list[int]) -> None:
        endpoint = names.endpoint(label.model, label.version)
        named = self._metrics.endpoint(endpoint)
        self._metrics.received.labels(named, KIND).inc()
        fate, number = self._pump.submit(_record(namespace, endpoint, label))
        if fate is Fate.DROPPED:
            answer.dropped += 1
            return
        self._metrics.accepted.labels(named, KIND).inc()
        answer.taken += 1
        if fate is Fate.IN_FLIGHT:
            numbers.append(number)

    async def _confirm(self, numbers: list[int], answer: LabelAnswer) -> None:
        """Wait for the broker; where it is slow, for the disk alone."""
        loop = asyncio.get_running_loop()
        told: list[asyncio.Future[bool]] = []
        for number in numbers:
            one: asyncio.Future[bool] = loop.create_future()
            self._pump.when_settled(number, self._settings.ack_timeout_s, one.set_result)
            told.append(one)
        settled = await asyncio.gather(*told)
        left = [number for number, is_settled in zip(numbers, settled, strict=True) if not is_settled]
        answer.unconfirmed = sum(not self._pump.pipeline.is_safe(number) for number in left)
        if answer.unconfirmed:
            self._metrics.unconfirmed.inc(answer.unconfirmed)
            answer.sentence = (
                f"neither the broker nor the disk has {answer.unconfirmed} of the labels yet: they are in memory and "
                f"will be sent all the same; sent again, they count as copies"
            )

    def _incomplete(self, ended: BodyEnd) -> LabelAnswer | None:
        match ended:
            case BodyEnd.TOO_LARGE:
                sentence = f"a body may hold {self._settings.max_body_bytes} bytes; send the labels in several"
                return LabelAnswer(failure=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence=sentence)
            case BodyEnd.SLOW:
                sentence = f"a body may take {self._settings.body_within_s:g} s"
                return LabelAnswer(failure=HTTPStatus.REQUEST_TIMEOUT, sentence=sentence)
            case BodyEnd.NO_ROOM:
                sentence = "too many bodies are being read"
                return LabelAnswer(failure=HTTPStatus.SERVICE_UNAVAILABLE, sentence=sentence)
        return None


def is_of_labels(path: str, headers: list[tuple[bytes, bytes]]) -> bool:
    """Say whether a request brings labels; a CloudEvent is one wherever it is posted to."""
    of_labels = path == PATH or path.startswith(f"{PATH}/")
    return of_labels and not any(name == b"ce-type" for name, _ in headers)


def _record(namespace: str, endpoint: str, label: Label) -> KafkaRecord:
    attributes = {
        wire.HEADER_TYPE: wire.LABEL_TYPE,
        wire.HEADER_ENDPOINT: endpoint,
        wire.HEADER_NAMESPACE: namespace,
        wire.HEADER_CONTENT_TYPE: wire.JSON,
    }
    return KafkaRecord(
        topic=names.labels_topic(namespace),
        key=key_of(label),
        value=write_label(label),
        headers=tuple((name, value.encode()) for name, value in attributes.items()),
        timestamp_ms=int(time.time() * 1000),
    )
