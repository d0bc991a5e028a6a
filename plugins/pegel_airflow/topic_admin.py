"""The topics of a namespace, made to exist."""

from __future__ import annotations

from datetime import timedelta

from pegel.errors import Unavailable
from pegel.spec import names
from pegel.spec.settings import Settings

PARTITIONS = 3
"""Room for three readers per namespace; a group's driver reads them all, so order across partitions never matters."""

REACH_WITHIN = timedelta(seconds=10)
"""How long to look for a broker before the task gives way to its own retry."""


def create(settings: Settings, namespace: str, *, reach_within: timedelta = REACH_WITHIN) -> list[str]:
    """Create the topics of `namespace` that are missing and return their names.

    Raises Unavailable if no broker answers within `reach_within`.
    """
    from kafka.admin import KafkaAdminClient
    from kafka.errors import KafkaError, TopicAlreadyExistsError

    try:
        admin = KafkaAdminClient(
            bootstrap_servers=settings.kafka.split(","),
            client_id="pegel-onboard",
            bootstrap_timeout_ms=int(reach_within.total_seconds() * 1000),
        )
    except KafkaError as error:
        raise _unavailable(settings, error) from error
    try:
        missing = [topic for topic in names.topics(namespace) if topic not in admin.list_topics()]
        if missing:
            admin.create_topics({topic: {"num_partitions": PARTITIONS} for topic in missing}, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        # Another run was faster; what was wanted exists.
        return []
    except KafkaError as error:
        raise _unavailable(settings, error) from error
    finally:
        admin.close()
    return missing


def _unavailable(settings: Settings, error: Exception) -> Unavailable:
    return Unavailable(f"expected a broker at {settings.kafka}; given: {error!r}. No topic was created.")
