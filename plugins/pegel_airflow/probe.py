"""One request of our own to what is to serve, and its request and response seen on the topic.

That is the proof that the model answers a row of its training data, that its payload logger is wired and that the
broker keeps what it sends. The request carries the endpoint's secret, by which its proxy knows it as ours and marks
both events; the monitor counts them as probes and judges them nowhere. An endpoint without a secret (one of another
platform) logs the probe like the request of a client.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pegel.data import example_request, wire
from pegel.errors import EndpointFailed, Unavailable
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
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
UNCHANGED = "Nothing that is in force was changed."
_SAID = ("error", "detail", "message")
"""Under which name servers say in JSON what is wrong: KServe's, FastAPI's, others'."""


def probe(
    settings: Settings,
    spec: MonitorSpec,
    url: str,
    row: example_request.Row,
    *,
    token: str = "",
    seen_within: timedelta = SEEN_WITHIN,
) -> dict[str, Any]:
    """Send one row to the endpoint at `url` and wait until the topic holds both its events.

    Of `row` is sent what the model says it takes, see `example_request.taken`; `token` is the endpoint's secret, if it
    has one. While the model does not answer, or answers with an error of its own, it is asked again within
    `spec.model.ready_within`.

    Returns `{"id", "status", "request", "answered_ms", "seen_ms"}`: the body that was answered, and milliseconds since
    it was sent. Raises EndpointFailed with the model's own sentence if it refuses the row or does not come to answer,
    Unavailable if the events do not appear within `seen_within`.
    """
    with _tail_of(settings, names.inference_topic(spec.namespace)) as consumer:
        identity, started, request = _answered(spec, url, row, token)
        answered = time.monotonic()
        _wait_for_both(consumer, identity, spec, seen_within)
    return {
        "id": identity,
        "status": 200,
        "request": request,
        "answered_ms": round(1000 * (answered - started)),
        "seen_ms": round(1000 * (time.monotonic() - started)),
    }


def _answered(spec: MonitorSpec, url: str, row: example_request.Row, token: str) -> tuple[str, float, dict[str, Any]]:
    """Ask until the model answers 200; return what that request was called, when it was sent (monotonic), its body."""
    where, within = example_request.address(spec, url), spec.model.ready_within.total_seconds()
    deadline = time.monotonic() + within
    inputs = frozenset[str]()
    while True:
        inputs = inputs or _inputs(spec, url)
        request = example_request.body(spec.model.protocol, example_request.taken(row, inputs))
        identity, started = str(uuid.uuid4()), time.monotonic()
        headers = {wire.http_name(wire.HEADER_ID): identity} | ({wire.PROBE_HEADER: token} if token else {})
        given = _ask(where, request, headers)
        if given is None:
            return identity, started, request
        if time.monotonic() + PAUSE_S > deadline:
            raise EndpointFailed(
                f"expected {where} to answer a row of its training data within {within:g} s; given at last: {given}. "
                f"{UNCHANGED}"
            )
        time.sleep(PAUSE_S)


def _inputs(spec: MonitorSpec, url: str) -> frozenset[str]:
    """Return the inputs that the model says it takes; none while it does not say."""
    import httpx

    try:
        answer = httpx.get(
            example_request.metadata_address(spec, url), timeout=ANSWER_WITHIN.total_seconds(), trust_env=False
        )
        return example_request.inputs_of(answer.json())
    except (httpx.HTTPError, ValueError):
        return frozenset()


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
    given = f"{answer.status_code}: {_sentence(answer)}"
    if answer.status_code >= SERVER_ERROR:
        return given
    raise EndpointFailed(f"expected {where} to answer a row of its training data; given {given}. {UNCHANGED}")


def _sentence(answer: httpx.Response) -> str:
    """Return what an answer says is wrong: its own sentence where a server's JSON has one, else its text; one line."""
    try:
        body: Any = answer.json()
    except ValueError:
        body = None
    said = next((body[key] for key in _SAID if body.get(key)), None) if isinstance(body, dict) else None
    text = said if isinstance(said, str) else answer.text
    return shown(text, LONGEST_SENTENCE).rstrip(".") or "an empty body"


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
            f"logger: the model answers. {UNCHANGED}"
        )
