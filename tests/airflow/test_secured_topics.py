"""What Airflow's tasks ask of a broker that asks who they are, over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from certificates import Certificates
from pydantic import SecretStr
from secured_broker import PASSWORD, USER, SecuredBroker

from pegel.spec import names
from pegel.spec.settings import Settings
from pegel_airflow import probe, topic_admin

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The settings of a broker that asks for a password."""
    certificates = Certificates.made_in(tmp_path_factory.mktemp("certificates"))
    with SecuredBroker(tmp_path_factory.mktemp("secured"), certificates) as running:
        yield Settings(
            kafka=running.secured,
            kafka_security_protocol="SASL_SSL",
            kafka_sasl_mechanism="PLAIN",
            kafka_user=USER,
            kafka_password=SecretStr(PASSWORD),
            kafka_ca=str(certificates.ca),
        )


def test_topics_are_made_and_looked_at(settings: Settings) -> None:
    """Onboarding makes the topics of a namespace, and its probe finds their ends."""
    made = topic_admin.create(settings, "secured")
    with probe._tail_of(settings, names.inference_topic("secured")) as consumer:
        read: dict[Any, Any] = consumer.poll(timeout_ms=100)

    assert (set(names.topics("secured")), {}) == (set(made), read)
