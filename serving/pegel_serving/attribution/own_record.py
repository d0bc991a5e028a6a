"""Records that the worker itself puts on the topic of a model."""

from __future__ import annotations

from typing import Final

from pegel.data import wire
from pegel.spec.monitor_spec import MonitorSpec
from pegel_serving.logger.kafka_record import KafkaRecord

SOURCE: Final = "pegel-attribution"


def own_record(
    spec: MonitorSpec, event_id: bytes, body: bytes, *, topic: str, time: bytes, time_ms: int
) -> KafkaRecord:
    """Return the record of an attribution event; `time` as in its header, empty where nobody told it."""
    headers: dict[str, bytes] = {
        wire.HEADER_ID: event_id,
        wire.HEADER_TYPE: wire.ATTRIBUTION_TYPE.encode(),
        wire.HEADER_SOURCE: SOURCE.encode(),
        wire.HEADER_SPEC_VERSION: wire.SPEC_VERSION.encode(),
        wire.HEADER_ENDPOINT: spec.endpoint.encode(),
        wire.HEADER_NAMESPACE: spec.namespace.encode(),
        wire.HEADER_COMPONENT: wire.PREDICTOR.encode(),
        wire.HEADER_CONTENT_TYPE: wire.JSON.encode(),
        **({wire.HEADER_TIME: time} if time else {}),
    }
    return KafkaRecord(topic, event_id, body, tuple(headers.items()), time_ms)
