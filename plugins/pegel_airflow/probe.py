"""One request of our own to what is to serve, and its request and response seen on the topic.

That is the proof that the model answers a row of its training data, that its payload logger is wired and that the
broker keeps what it sends. The request carries the endpoint's secret, by which its proxy knows it as ours and marks
both events; the monitor counts them as probes and judges them nowhere. An endpoint without a secret (one of another
platform) logs the probe like the request of a client.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pegel.data import example_request, wire
from pegel.errors import EndpointFailed, Unavailable
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_airflow.topic_admin import REACH_WITHIN

if TYPE_CHECKING:
    import httpx
    from kafka import KafkaConsumer

SEEN_WITHIN = timedelta(seconds=30)
ANSWER_WITHIN = timedelta(seconds=10)
PAUSE_S = 0.5
"""Between two tries while the model warms up."""
SERVER_ERROR = 500
"""Answers from here on may be those of a model that still warms up."""


def probe(
    settings: Settings,
    spec: MonitorSpec,
    url: str,
    row: Sequence[dict[str, Any]],
    *,
    token: str = "",
    seen_within: timedelta = SEEN_WITHIN,
) -> dict[str, Any]:
    """Send one row to the endpoint at `url` and wait until the topic holds both its events.

    `row` holds each feature's `name`, `kind` and `value`, in order; `token` is the endpoint's secret, if it has one.
    While the model does not answer, or answers with an error of its own, it is asked again within
    `spec.model.ready_within`.

    Returns `{"id", "status", "answered_ms", "seen_ms"}`, milliseconds since the answered request was sent. Raises
    EndpointFailed with the model's own words if it refuses the row or does not come to answer, Unavailable if the
    events do not appear within `seen_within`.
    """
    with _tail_of(settings, names.inference_topic(spec.namespace)) as consumer:
        identity, started = _answered(spec, url, example_request.body(spec, row), token)
        answered = time.monotonic()
        _wait_for_both(consumer, identity, spec, seen_within)
    return {
        "id": identity,
        "status": 200,
        "answered_ms": round(1000 * (answered - started)),
        "seen_ms": round(1000 * (time.monotonic() - started)),
    }


def _answered(spec: MonitorSpec, url: str, request: dict[str, Any], token: str) -> tuple[str, float]:
    """Ask until the model answers 200; return what that request was called and when it was sent (monotonic)."""
    where, within = example_request.address(spec, url), spec.model.ready_within.total_seconds()
    deadline = time.monotonic() + within
    while True:
        identity, started = str(uuid.uuid4()), time.monotonic()
        headers = {wire.http_name(wire.HEADER_ID): identity} | ({wire.PROBE_HEADER: token} if token else {})
        given = _ask(where, request, headers)
        if given is None:
            return identity, started
        if time.monotonic() + PAUSE_S > deadline:
            raise EndpointFailed(
                f"expected {where} to answer a row of its training data within {within:g} s; given at last: {given}. "
                f"Nothing that is in force was changed."
            )
        time.sleep(PAUSE_S)


def _ask(where: str, request: dict[str, Any], headers: dict[str, str]) -> str | None:
    """Return None for an answer, else what came instead and may pass. Raises EndpointFailed for what will not."""
    import httpx

    try:
        answer = httpx.post(
            where, json=request, headers=headers, timeout=ANSWER_WITHIN.total_seconds(), trust_env=False
        )
    except httpx.TransportError as error:
        return repr(error)
    if answer.status_code == httpx.codes.OK:
        return None
    if answer.status_code >= SERVER_ERROR:
        return _words(answer)
    raise EndpointFailed(
        f"expected 200 from {where} for a row of its training data; given {_words(answer)}. "
        f"Nothing that is in force was changed."
    )


def _words(answer: httpx.Response) -> str:
    return f"{answer.status_code}: {answer.text[:500]}"


@contextmanager
def _tail_of(settings: Settings, topic: str) -> Iterator[KafkaConsumer]:
    """Open the topic at its present end, without a consumer group: a probe leaves no trace on the broker."""
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    try:
        consumer = KafkaConsumer(
            bootstrap_servers=settings.kafka.split(","),
            enable_auto_commit=False,
            bootstrap_timeout_ms=int(REACH_WITHIN.total_seconds() * 1000),
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


def _wait_for_both(consumer: KafkaConsumer, identity: str, spec: MonitorSpec, within: timedelta) -> None:
    missing = {wire.REQUEST_TYPE: "request", wire.RESPONSE_TYPE: "response"}
    deadline = time.monotonic() + within.total_seconds()
    while missing and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=200).values():
            for record in records:
                headers = {key.lower(): value.decode("utf-8", "replace") for key, value in record.headers if value}
                # Our proxy logs under an id of its own and keeps the client's beside it; KServe's agent takes that one.
                if identity in (headers.get(wire.HEADER_CLIENT_ID), headers.get(wire.HEADER_ID)):
                    missing.pop(headers.get(wire.HEADER_TYPE, ""), None)
    if missing:
        raise Unavailable(
            f"expected the probe's request and response on {names.inference_topic(spec.namespace)} within "
            f"{within.total_seconds():g} s; missing: {', '.join(sorted(missing.values()))}. Look at the inference "
            f"logger: the model answers. Nothing that is in force was changed."
        )
