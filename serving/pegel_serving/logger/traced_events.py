"""The span of one event in the logger, from being taken in to the broker's acknowledgement."""

from __future__ import annotations

from pegel.data import wire
from pegel.data.event_tracing import EventTracing
from pegel_serving.logger.admit import Envelope
from pegel_serving.logger.kafka_record import KafkaRecord


def trace_event(tracing: EventTracing, envelope: Envelope, event: KafkaRecord) -> None:
    """Begin a span if the sender asks for it, let the record carry it on, and end it with what becomes of the event."""
    span = tracing.follow(
        [envelope.traceparent.decode("latin-1")],
        f"log {envelope.kind}",
        "producer",
        attributes={
            "messaging.system": "kafka",
            "messaging.destination.name": event.topic,
            "pegel.event_id": envelope.event_id.decode("latin-1"),
            "pegel.endpoint": envelope.endpoint,
            "pegel.namespace": envelope.namespace,
        },
    )
    if span is None:
        return
    event.headers = (*event.headers, (wire.TRACEPARENT, span.traceparent.encode()))

    def end(fate: str) -> None:
        span.end(error=fate if fate in {"refused", "dropped"} else "", attributes={"pegel.fate": fate})

    event.told = end
