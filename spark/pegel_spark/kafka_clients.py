"""Options of this room's Kafka clients: the broker, and what it asks for, by the environment of whoever connects.

A task's worker asks here as well, wherever it runs: what proves who it is travels in no task. That something of it
cannot be read now, such as a file that is just replaced, is as if the broker were away.
"""

from __future__ import annotations

from typing import Any

from confluent_kafka import Consumer, KafkaException
from kafka.net.sasl.oauth import AbstractTokenProvider

from pegel.errors import SetupError, Unavailable
from pegel.spec.kafka_security import KafkaSecurity, TokenFile
from pegel.spec.settings import Settings

AbstractTokenProvider.register(TokenFile)
REFUSED_WITHIN_S = 3.0
"""How long a broker is asked why it refuses."""


def librdkafka(kafka: str) -> dict[str, Any]:
    """Return options of confluent-kafka. Raises Unavailable."""
    return {"bootstrap.servers": kafka, "log_level": 0, **_security().librdkafka()}


def kafka_python(kafka: str) -> dict[str, Any]:
    """Return options of kafka-python. Raises Unavailable."""
    return {"bootstrap_servers": kafka.split(","), **_security().kafka_python()}


def refusal(kafka: str) -> str:
    """Return why a broker that asks who its clients are takes none; empty where nothing is known of it.

    Of such a broker kafka-python says only that it hung up; librdkafka knows why. Raises Unavailable.
    """
    if _security().protocol == "PLAINTEXT":
        return ""
    said: list[str] = []
    consumer = Consumer(
        librdkafka(kafka) | {"group.id": "pegel-refusal", "error_cb": lambda error: said.append(error.str())}
    )
    try:
        consumer.list_topics(timeout=REFUSED_WITHIN_S)
    except KafkaException as error:
        consumer.poll(0)
        said.append(str(error.args[0].str()))
    finally:
        consumer.close()
    return said[0] if said else ""


def _security() -> KafkaSecurity:
    try:
        return KafkaSecurity.of(Settings.of_environment())
    except SetupError as error:
        raise Unavailable(str(error)) from error
