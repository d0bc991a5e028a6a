"""The topics of a namespace, made to exist."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pegel.errors import NotFound, Unavailable
from pegel.spec import names
from pegel.spec.limits import OLDEST_RECORD, RECORDS_KEPT
from pegel.spec.settings import Settings
from pegel_airflow import kafka_client

if TYPE_CHECKING:
    from kafka.admin import KafkaAdminClient

PARTITIONS = 3
"""Room for three readers per namespace; a group's driver reads them all, so order across partitions never matters."""

REACH_WITHIN = timedelta(seconds=10)
"""How long to look for a broker before the task gives way to its own retry."""


def create(
    settings: Settings, namespace: str, *, expected: str | None = None, reach_within: timedelta = REACH_WITHIN
) -> list[str]:
    """Create the topics of `namespace` that are missing and return their names.

    Raises Unavailable if no broker answers within `reach_within`, NotFound where it has no topic `expected`.
    """
    from kafka.errors import KafkaError, TopicAlreadyExistsError

    admin = _admin(settings, reach_within)
    try:
        wanted = _missing(admin, settings, namespace, expected)
        if wanted:
            _create(admin, wanted)
    except TopicAlreadyExistsError:
        # Another run was faster; what was wanted exists.
        return []
    except KafkaError as error:
        raise _unavailable(settings, error) from error
    finally:
        admin.close()
    return wanted


def missing(
    settings: Settings, namespace: str, *, expected: str | None = None, reach_within: timedelta = REACH_WITHIN
) -> list[str]:
    """Return the topics of `namespace` that `create` would make. Raises what it raises."""
    from kafka.errors import KafkaError

    admin = _admin(settings, reach_within)
    try:
        return _missing(admin, settings, namespace, expected)
    except KafkaError as error:
        raise _unavailable(settings, error) from error
    finally:
        admin.close()


def _admin(settings: Settings, reach_within: timedelta) -> KafkaAdminClient:
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError

    try:
        return KafkaAdminClient(
            **kafka_client.options(settings),
            client_id="pegel-onboard",
            bootstrap_timeout_ms=int(reach_within.total_seconds() * 1000),
        )
    except KafkaError as error:
        raise _unavailable(settings, error) from error


def _missing(admin: KafkaAdminClient, settings: Settings, namespace: str, expected: str | None) -> list[str]:
    there = admin.list_topics()
    if expected is not None and expected not in there:
        raise NotFound(
            f"model.topic: expected a topic of the broker at {settings.kafka}; given {expected}, which it has not: "
            "what another broker has is copied there first. No topic was created."
        )
    return [topic for topic in names.topics(namespace) if topic not in there]


def _create(admin: KafkaAdminClient, topics: list[str]) -> None:
    from kafka.errors import InvalidConfigurationError

    millisecond = timedelta(milliseconds=1)
    kept = {"cleanup.policy": "delete", "retention.ms": str(RECORDS_KEPT // millisecond)}
    oldest = {"message.timestamp.before.max.ms": str(OLDEST_RECORD // millisecond)}
    try:
        _create_with(admin, topics, kept | oldest)
    except InvalidConfigurationError:
        # A broker before Kafka 3.6 does not know it: then whoever may write to it may send any time.
        _create_with(admin, topics, kept)


def _create_with(admin: KafkaAdminClient, topics: list[str], configs: dict[str, str]) -> None:
    options = {"num_partitions": PARTITIONS, "configs": configs}
    admin.create_topics(dict.fromkeys(topics, options), wait_for_metadata=True)


def _unavailable(settings: Settings, error: Exception) -> Unavailable:
    return Unavailable(f"expected a broker at {settings.kafka}; given: {error!r}. No topic was created.")
