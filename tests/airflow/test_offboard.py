"""Taking a model out of service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import rooms
import seeds

from pegel.errors import NotFound
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec.settings import Settings
from pegel.stream.result_rows import LedgerRow
from pegel_airflow import offboarding, services

pytestmark = pytest.mark.usefixtures("fresh_rooms")


def in_service(settings: Settings) -> None:
    """Put the tests' model into the registry and into service, with one minute of its ledger."""
    wish = seeds.spec()
    stores = services.stores(settings)
    stores.registry.put(wish)
    rooms.SERVING.apply(wish)
    minute = LedgerRow(
        model="delays",
        version=1,
        minute=datetime.now(UTC).replace(second=0, microsecond=0),
        judged=2,
        late=0,
        invalid=0,
        duplicate=0,
        dropped=0,
    )
    stores.results.write(ledger=[minute])


@pytest.mark.parametrize(("keep_data", "minutes"), [(True, 1), (False, 0)])
def test_offboarding_removes_wish_and_endpoint(settings: Settings, run_dag: Any, keep_data: bool, minutes: int) -> None:
    """One run removes wish and endpoint; what was measured goes only when the form says so."""
    in_service(settings)
    state = run_dag("model_offboard", model="delays", version=1, keep_data=keep_data)
    stores = services.stores(settings)

    left = (stores.registry.list(), rooms.SERVING.observe("delays-v1").state, len(stores.results.ledger("delays", 1)))

    assert (state, left) == ("success", ([], EndpointState.ABSENT, minutes))


def test_a_mistyped_name_is_not_a_success(settings: Settings) -> None:
    """A model that nobody watches is refused, with the names of those that are watched."""
    in_service(settings)

    with pytest.raises(NotFound, match=r"given delay/1, watched are: delays/1\. Nothing changed"):
        offboarding.unregister(settings, "delay", 1)


def test_a_half_done_offboarding_goes_on(settings: Settings) -> None:
    """When the wish is gone already and the endpoint is not, running again removes the endpoint."""
    in_service(settings)
    services.stores(settings).registry.remove("delays", 1)
    offboarding.delete_endpoint(settings, offboarding.unregister(settings, "delays", 1))

    assert rooms.SERVING.names() == []
