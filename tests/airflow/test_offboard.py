"""Taking a model out of service."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
import rooms
import seeds
import sqlalchemy as sa

from pegel.errors import Conflict, NotFound
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec.settings import Settings
from pegel.store import tables
from pegel.stream.result_rows import LedgerRow
from pegel_airflow import offboarding, onboarding, services
from pegel_airflow.baseline_operator import ProfiledModel

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


def damaged(settings: Settings) -> None:
    """Spoil what the registry holds of every model."""
    with services.engine(settings.database).begin() as connection:
        connection.execute(sa.update(tables.monitors).values(spec={"model": "spoiled"}))


def test_a_model_whose_spec_is_damaged_can_be_removed(settings: Settings, run_dag: Any) -> None:
    """The workflow reads no spec to remove one, so a damaged entry is no bar to ending it."""
    in_service(settings)
    damaged(settings)
    state = run_dag("model_offboard", model="delays", version=1)

    assert (state, services.stores(settings).registry.entries(), rooms.SERVING.names()) == ("success", [], [])


def test_a_damaged_model_is_named_among_those_that_are_watched(settings: Settings) -> None:
    """Whoever mistypes the name of a damaged model sees it among those that can be meant."""
    in_service(settings)
    damaged(settings)

    with pytest.raises(NotFound, match=r"given delay/1, watched are: delays/1\. Nothing changed"):
        offboarding.unregister(settings, "delay", 1)


def test_a_model_whose_endpoint_is_gone_is_removed_once(settings: Settings) -> None:
    """Without an endpoint the spec goes all the same; a second time there is nothing, and that is said."""
    in_service(settings)
    rooms.SERVING.delete("delays-v1")
    offboarding.delete_endpoint(settings, offboarding.unregister(settings, "delays", 1))

    with pytest.raises(NotFound, match="watched are: none"):
        offboarding.unregister(settings, "delays", 1)


def test_an_onboarding_that_is_overtaken_by_an_offboarding_puts_nothing_in_force(settings: Settings) -> None:
    """Its candidate went with the endpoint, so its last task fails before spec or baseline come into force."""
    in_service(settings)
    rooms.SERVING.stage(seeds.spec())
    offboarding.delete_endpoint(settings, offboarding.unregister(settings, "delays", 1))
    profiled = asdict(
        ProfiledModel(
            model="delays", version=1, baseline_id="sha256:b", rows=1, features=1, request_row=[], current=None
        )
    )

    with pytest.raises(Conflict):
        onboarding.register(settings, seeds.spec().to_json(), profiled)

    assert ([], []) == (services.stores(settings).registry.entries(), rooms.SERVING.names())
