"""One request of our own to what is to serve, and its request and response seen on the topic.

That is the proof that the model answers a row of its training data, that its payload logger is wired and that the
broker keeps what it sends. The request carries the endpoint's secret, by which its proxy knows it as ours and marks
both events; the monitor counts them as probes and judges them nowhere. An endpoint without a secret (one of another
platform) logs the probe like the request of a client.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from pegel.data import example_request, wire
from pegel.data.compact_headers import expanded
from pegel.data.server_answers import NoAnswer, exchange, json_of, may_pass, sentence_in, words_of
from pegel.errors import EndpointFailed, Unavailable
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import shown
from pegel.spec.settings import Settings
from pegel_airflow import kafka_client
from pegel_airflow.entity_probe import probe_entity
from pegel_airflow.probe_events import ProbeEvents
from pegel_airflow.topic_admin import REACH_WITHIN

if TYPE_CHECKING:
    from kafka import KafkaConsumer

SEEN_WITHIN = timedelta(seconds=30)
PAUSE_S = 0.5
"""Between two tries while the model warms up."""
SERVER_ERROR = 500
"""Of a model that warms up, as others that may pass; with the same exception twice the model raises that whenever it is
asked."""
_EXCEPTION = re.compile(r"\w(Error|Exception)\b")
"""As exceptions are called in what servers that are not ours say."""
UNCHANGED = "Nothing that is in force was changed."


@dataclass(frozen=True, slots=True)
class _Answered:
    """A request that was answered: what it was called, when it was sent (monotonic seconds), and its body."""

    identity: str
    sent: float
    request: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Refused:
    """What came instead of an answer; `status` is 0 where nothing did, `said` a server's own sentence in its JSON."""

    words: str
    status: int = 0
    said: str = ""

    @property
    def may_pass(self) -> bool:
        """Say whether it may pass by itself."""
        return not self.status or may_pass(self.status)

    def is_raised(self, spec: MonitorSpec) -> bool:
        """Say whether it is the model's exception: a server of ours answers 500 for nothing else."""
        ours = spec.model.url is None
        return self.status == SERVER_ERROR and bool(self.said if ours else _EXCEPTION.search(self.said))


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
    has one. While the model does not answer, or with a status that may pass by itself, it is asked again within
    `spec.model.ready_within`, but not once it has raised the same twice. Where features are looked up it is then asked
    by an entity, see `entity_probe`.

    Returns `{"id", "status", "request", "answered_ms", "seen_ms"}`: the body that was answered, and milliseconds since
    it was sent. Raises EndpointFailed with the model's own sentence if it refuses the row or does not come to answer,
    Unavailable if the events do not appear within `seen_within`.
    """
    with _tail_of(settings, names.inference_topic(spec.namespace)) as consumer:
        probed = _answered(spec, url, row, token)
        answered = time.monotonic()
        _wait_for_both(consumer, probed, spec, seen_within)
    if spec.online.is_used:
        probe_entity(spec, example_request.address(spec, url), probed.request, token=token)
    return {
        "id": probed.identity,
        "status": 200,
        "request": probed.request,
        "answered_ms": round(1000 * (answered - probed.sent)),
        "seen_ms": round(1000 * (time.monotonic() - probed.sent)),
    }


def _answered(spec: MonitorSpec, url: str, row: example_request.Row, token: str) -> _Answered:
    """Ask until the model answers 200."""
    where, within = example_request.address(spec, url), spec.model.ready_within.total_seconds()
    deadline = time.monotonic() + within
    inputs, refused = frozenset[str](), list[_Refused]()
    while True:
        inputs, before, refused = inputs or _inputs(spec, url), refused, []
        for request in example_request.bodies(spec, example_request.taken(row, inputs), inputs):
            identity, sent = str(uuid.uuid4()), time.monotonic()
            headers = {wire.http_name(wire.HEADER_ID): identity} | ({wire.PROBE_HEADER: token} if token else {})
            given = _ask(where, request, headers)
            if given is None:
                return _Answered(identity, sent, request)
            refused.append(given)
        raised = refused == before and all(given.is_raised(spec) for given in refused)
        if raised or not any(given.may_pass for given in refused):
            raise EndpointFailed(
                f"expected {where} to answer a row of its training data; given {refused[0].words}"
                f"{_meant(row, inputs)}. {UNCHANGED}"
            )
        if time.monotonic() + PAUSE_S > deadline:
            raise EndpointFailed(
                f"expected {where} to answer a row of its training data within {within:g} s; given at last: "
                f"{refused[0].words}{_meant(row, inputs)}. {UNCHANGED}"
            )
        time.sleep(PAUSE_S)


def _inputs(spec: MonitorSpec, url: str) -> frozenset[str]:
    """Return the inputs that the model says it takes; none while it does not say."""
    answer = exchange("GET", example_request.metadata_address(spec, url))
    return frozenset() if isinstance(answer, NoAnswer) else example_request.inputs_of(json_of(answer.body))


def _meant(row: example_request.Row, inputs: frozenset[str]) -> str:
    """Return which inputs of the model are no column of the training data, where they nearly are; "" where none is."""
    columns = [str(column["name"]) for column in row]
    unknown = sorted(inputs.difference(columns))
    meant = did_you_mean(unknown, [name for name in columns if name not in inputs], lead="; ")
    return (
        f". It takes {', '.join(map(shown, unknown))}, of which the training data has no column{meant}" if meant else ""
    )


def _ask(where: str, request: dict[str, Any], headers: dict[str, str]) -> _Refused | None:
    """Return None for an answer, else what came instead."""
    answer = exchange("POST", where, json=request, headers=headers)
    if isinstance(answer, NoAnswer):
        return _Refused(f"no answer: {answer.words}")
    if answer.status == HTTPStatus.OK:
        return None
    words = words_of(answer.body).rstrip(".") or "an empty body"
    leads = f", which leads to {shown(answer.leads_to)} and is not followed" if answer.leads_to else ""
    return _Refused(f"{answer.status}: {words}{leads}", answer.status, sentence_in(answer.body))


@contextmanager
def _tail_of(settings: Settings, topic: str) -> Iterator[KafkaConsumer]:
    """Open the topic at its present end, without a consumer group: a probe leaves no trace on the broker."""
    from kafka import KafkaConsumer, TopicPartition
    from kafka.errors import KafkaError

    try:
        consumer = KafkaConsumer(
            **kafka_client.options(settings),
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


def _wait_for_both(consumer: KafkaConsumer, probed: _Answered, spec: MonitorSpec, within: timedelta) -> None:
    seen = ProbeEvents(probed.identity, probed.request, spec)
    deadline = time.monotonic() + within.total_seconds()
    while seen.missing and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=200).values():
            for record in records:
                headers = expanded(record.key, record.headers)
                texts = {name.lower(): value.decode("utf-8", "replace") for name, value in headers if value}
                seen.add(texts, record.value)
    if seen.missing:
        raise Unavailable(
            f"expected the probe's request and response on {names.inference_topic(spec.namespace)} within "
            f"{within.total_seconds():g} s; missing: {', '.join(seen.missing)}. {_remedy(spec)}: the model "
            f"answers. {UNCHANGED}"
        )


def _remedy(spec: MonitorSpec) -> str:
    if spec.model.logged_by == "proxy":
        return "Look at the inference logger"
    where = f"{wire.http_name(wire.HEADER_ENDPOINT)}: {spec.endpoint}, {wire.http_name(wire.HEADER_NAMESPACE)}: "
    return f"Look at the server's own logger, whose events have to say {where}{spec.namespace}"
