"""Options of the Kafka clients of Airflow's tasks: the broker, and what it asks for."""

from __future__ import annotations

from typing import Any

from pegel.spec.kafka_security import KafkaSecurity, TokenFile
from pegel.spec.settings import Settings


def options(settings: Settings) -> dict[str, Any]:
    """Return options of kafka-python. Raises SetupError for what cannot be, or is not there."""
    from kafka.net.sasl.oauth import AbstractTokenProvider

    AbstractTokenProvider.register(TokenFile)
    return {"bootstrap_servers": settings.kafka.split(","), **KafkaSecurity.of(settings).kafka_python()}
