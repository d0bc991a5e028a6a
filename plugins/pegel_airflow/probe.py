"""One request of our own to a new endpoint, and its request and response seen on the topic.

That is the proof that the model answers, that its payload logger is wired and that the broker keeps what it sends. The
probe's event id starts with `names.PROBE_PREFIX`, by which the monitor knows it and counts it in nothing.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pegel.errors import EndpointFailed, Unavailable
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_airflow.topic_admin import REACH_WITHIN_MS

if TYPE_CHECKING:
    from kafka import KafkaConsumer

    from pegel.data.columns import Field, Schema

SEEN_WITHIN_S = 30.0
REQUEST_TIMEOUT_S = 10.0


def probe(settings: Settings, spec: MonitorSpec, url: str, schema: Schema) -> dict[str, Any]:
    """Send one row to the endpoint at `url` and wait until the topic holds both its events.

    Returns `{"id", "status", "answered_ms", "seen_ms"}`, milliseconds since the request was sent. Raises EndpointFailed
    if the model does not answer 200, Unavailable if the events do not appear within `SEEN_WITHIN_S` seconds.
    """
    identity = f"{names.PROBE_PREFIX}{uuid.uuid4()}"
    with _tail_of(settings, names.inference_topic(spec.namespace)) as consumer:
        started = time.monotonic()
        status = _ask(spec, url, schema, identity)
        answered = time.monotonic()
        _wait_for_both(consumer, identity, spec)
    return {
        "id": identity,
        "status": status,
        "answered_ms": round(1000 * (answered - started)),
        "seen_ms": round(1000 * (time.monotonic() - started)),
    }


def body(spec: MonitorSpec, schema: Schema) -> dict[str, Any]:
    """Return a request of one row in the spec's protocol: 0 for each number, an empty text for each category."""
    from pegel.data.columns import Kind, Role

    fields = schema.of_role(Role.FEATURE)
    if spec.model.protocol == "v1":
        return {"instances": [[_neutral(field) for field in fields]]}
    return {
        "inputs": [
            {
                "name": field.name,
                "shape": [1, 1],
                "datatype": "FP64" if field.kind is Kind.NUMERIC else "BYTES",
                "data": [_neutral(field)],
            }
            for field in fields
        ]
    }


def address(spec: MonitorSpec, url: str) -> str:
    """Return where the model below the endpoint's base address `url` takes requests."""
    base = url.rstrip("/")
    if spec.model.protocol == "v1":
        return f"{base}/v1/models/{spec.endpoint}:predict"
    return f"{base}/v2/models/{spec.endpoint}/infer"


def _neutral(field: Field) -> float | str:
    from pegel.data.columns import Kind

    return 0.0 if field.kind is Kind.NUMERIC else ""


def _ask(spec: MonitorSpec, url: str, schema: Schema, identity: str) -> int:
    import httpx

    where = address(spec, url)
    try:
        answer = httpx.post(
            where, json=body(spec, schema), headers={"Ce-Id": identity}, timeout=REQUEST_TIMEOUT_S, trust_env=False
        )
    except httpx.TransportError as error:
        raise Unavailable(
            f"expected an answer from {where}; given: {error!r}. The model is not watched yet."
        ) from error
    if answer.status_code != httpx.codes.OK:
        raise EndpointFailed(
            f"expected 200 from {where} for one neutral row; given {answer.status_code}: {answer.text[:500]}. "
            f"The endpoint stays as it is; the model is not watched."
        )
    return answer.status_code


@contextmanager
def _tail_of(settings: Settings, topic: str) -> Iterator[KafkaConsumer]:
    """Open the topic at its present end, without a consumer group: a probe leaves no trace on the broker."""
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    try:
        consumer = KafkaConsumer(
            bootstrap_servers=settings.kafka.split(","), enable_auto_commit=False, bootstrap_timeout_ms=REACH_WITHIN_MS
        )
    except KafkaError as error:
        raise Unavailable(f"expected a broker at {settings.kafka}; given: {error!r}. No probe was sent.") from error
    try:
        partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(partitions)
        consumer.seek_to_end(*partitions)
        for partition in partitions:
            # Asking for the position makes the client look the end up now, before the probe is sent.
            consumer.position(partition)
        yield consumer
    finally:
        consumer.close()


def _wait_for_both(consumer: KafkaConsumer, identity: str, spec: MonitorSpec) -> None:
    missing = {"request", "response"}
    deadline = time.monotonic() + SEEN_WITHIN_S
    while missing and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=200).values():
            for record in records:
                headers = {key.lower(): value.decode("utf-8", "replace") for key, value in record.headers if value}
                if headers.get("ce_id") == identity:
                    missing.discard(headers.get("ce_type", "").rsplit(".", 1)[-1])
    if missing:
        raise Unavailable(
            f"expected the probe's request and response on {names.inference_topic(spec.namespace)} within "
            f"{SEEN_WITHIN_S:g} s; missing: {', '.join(sorted(missing))}. Look at the inference logger; the model "
            f"answers, but is not watched yet."
        )
