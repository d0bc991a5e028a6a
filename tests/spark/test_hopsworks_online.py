"""Feature views of Hopsworks as an online store: every promise of one, kept by the real client over verified TLS."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from certificates import Certificates
from hopsworks_world import connection_of, of_a_test

from pegel.data.entity_keys import entity_key
from pegel.errors import InvalidSpec, Unavailable
from pegel.featurestore.hopsworks.client import HopsworksClient
from pegel.featurestore.hopsworks.connection import HopsworksConnection
from pegel.online.hopsworks_store import HopsworksOnlineStore
from pegel.online.online_store import FeatureVector, Loaded
from pegel.online.stores import online_store
from pegel.spec.settings import Settings
from pegel.testing import ONLINE_CHECKS
from pegel.testing.hopsworks import Contents, Fault, HopsworksServer
from pegel.testing.online_checks import NOON, WITHIN, OnlineCheck, check_promise

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
TYPES = {bool: "boolean", int: "bigint", float: "double", str: "string", type(None): "string"}


@pytest.fixture(scope="module", autouse=True)
def loaded_client(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hopsworks' client, imported: that takes seconds, and is none of a look-up's own time."""
    with of_a_test(tmp_path_factory.mktemp("loaded")) as world, HopsworksClient.logged_in(world.connection) as client:
        client.feature_view(world.view, 1)


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    """What vouches for the server."""
    return Certificates.made_in(tmp_path / "certificates")


@pytest.fixture
def server(tmp_path: Path, certificates: Certificates) -> Iterator[HopsworksServer]:
    """A Hopsworks with an online store, both behind one address."""
    contents = Contents(tmp_path / "storage", ca_chain=certificates.ca.read_text())
    made = HopsworksServer(certificates.server, contents)
    with made.running():
        yield made


@pytest.fixture
def connection(server: HopsworksServer, tmp_path: Path, certificates: Certificates) -> HopsworksConnection:
    """How it is reached."""
    return connection_of(server, tmp_path, certificates)


class FilledStore(HopsworksOnlineStore):
    """A store whose view is filled as Hopsworks would fill it: its columns are those of what was loaded last."""

    def __init__(self, server: HopsworksServer, connection: HopsworksConnection, view: str) -> None:
        super().__init__(connection, view, 1, server.address)
        self.contents, self.view = server.contents, view
        if view not in [each["name"] for each in self.contents.feature_views]:
            self._declare(["k0"], FeatureVector({"number": 0}, NOON))

    def load(self, vectors: Iterable[tuple[str, FeatureVector]]) -> Loaded:
        """Write vectors into the online store, of each entity the latest."""
        given = [(json.loads(key), vector) for key, vector in vectors]
        names = [f"k{number}" for number in range(len(given[0][0]))]
        known = {tuple(row[name] for name in names): row for row in self.contents.online.get((self.view, 1), [])}
        written = 0
        for parts, vector in given:
            at = vector.event_time.isoformat(sep=" ").removesuffix("+00:00")
            if tuple(parts) not in known or known[tuple(parts)]["at"] <= at:
                known[tuple(parts)] = dict(zip(names, parts, strict=True)) | {"at": at} | dict(vector.values)
                written += 1
        self.contents.online[self.view, 1] = list(known.values())
        self._declare(names, given[-1][1])
        return Loaded(written, len(given) - written)

    def forget(self, entity: str) -> bool:
        """Remove an entity from the online store."""
        parts, rows = json.loads(entity), self.contents.online.get((self.view, 1), [])
        left = [row for row in rows if [row.get(f"k{number}") for number in range(len(parts))] != parts]
        self.contents.online[self.view, 1] = left
        return len(left) < len(rows)

    def _declare(self, names: list[str], vector: FeatureVector) -> None:
        columns = [{"name": name, "type": "string", "primary": True} for name in names]
        columns += [{"name": "at", "type": "timestamp"}]
        columns += [{"name": name, "type": TYPES[type(value)]} for name, value in vector.values.items()]
        self.contents.feature_views[:] = [each for each in self.contents.feature_views if each["name"] != self.view]
        group = self.contents.add_feature_group(f"{self.view}_group", columns)
        group |= {"onlineEnabled": True, "eventTime": "at"}
        self.contents.add_feature_view(self.view, group)


@pytest.mark.parametrize("check", ONLINE_CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_promises_of_an_online_store(
    check: OnlineCheck, server: HopsworksServer, connection: HopsworksConnection
) -> None:
    """The same checks pass as on the local store, on Redis and on the fake."""
    check_promise(check, lambda view: FilledStore(server, connection, view))


@pytest.fixture
def flights(server: HopsworksServer, connection: HopsworksConnection) -> FilledStore:
    """A view with one entity."""
    store = FilledStore(server, connection, "flights")
    store.load([(entity_key(["WN1"]), FeatureVector({"distance": 2.5}, NOON))])
    return store


def asked(store: HopsworksOnlineStore, *keys: str, within: timedelta = WITHIN) -> list[FeatureVector | None]:
    """Look entities up in an event loop of its own."""

    async def look() -> list[FeatureVector | None]:
        try:
            return await store.get(keys, within=within)
        finally:
            await store.close()

    return asyncio.run(look())


def test_a_reference_names_project_view_and_version(
    server: HopsworksServer, connection: HopsworksConnection, flights: FilledStore
) -> None:
    """What a spec names is opened by the settings, and entities are asked for where the online store is."""
    there = connection
    settings = Settings(
        hopsworks=there.address,
        hopsworks_key_file=there.key_file,
        hopsworks_ca=there.ca,
        hopsworks_online=server.address,
    )
    store: Any = online_store("hopsworks://demo/flights/1", settings)

    assert "flights" == flights.view
    assert [FeatureVector({"distance": 2.5}, NOON), None] == asked(store, entity_key(["WN1"]), entity_key(["WN2"]))
    assert "POST /0.1.0/batch_feature_store" == server.asked[-1]
    with pytest.raises(InvalidSpec, match="expected hopsworks://PROJECT/FEATURE_VIEW/VERSION"):
        online_store("hopsworks://demo/flights", settings)


def test_a_key_of_another_shape_is_unknown(flights: FilledStore) -> None:
    """An entity of other parts than the view's serving keys is none of it."""
    assert [None] == asked(flights, entity_key(["WN1", "ORD"]))


def test_keys_have_the_type_that_the_view_has(server: HopsworksServer, flights: FilledStore) -> None:
    """A serving key that is a number is asked for as one; a text that is none is an unknown entity."""
    contents = server.contents
    view = contents.feature_views[0]
    view["features"][0]["type"] = view["query"]["leftFeatureGroup"]["features"][0]["type"] = "bigint"
    contents.online["flights", 1] = [{"k0": 14, "at": 1_772_366_400_000, "distance": 1.0}]

    (number, text) = asked(flights, entity_key(["14"]), entity_key(["WN1"]))

    assert (1.0, "2026-03-01T12:00:00+00:00", None) == (
        number and number.values["distance"],
        number and number.event_time.isoformat(),
        text,
    )


def test_a_view_without_an_event_time_is_refused(server: HopsworksServer, flights: FilledStore) -> None:
    """Nobody could say how old its features are, so nothing is looked up, and the sentence says what helps."""
    server.contents.feature_views[0]["query"]["leftFeatureGroup"]["eventTime"] = None

    with pytest.raises(Unavailable, match="as a feature or an inference helper column: by it their age is known"):
        asked(flights, entity_key(["WN1"]))


@pytest.mark.parametrize("fault", [Fault.BUSY, Fault.BROKEN], ids=["busy", "broken"])
def test_a_store_that_fails_is_unavailable(server: HopsworksServer, flights: FilledStore, fault: Fault) -> None:
    """Whether it fails while logging in or later, a look-up is told so, and one after it is answered again."""

    async def look() -> list[Any]:
        key, outcomes = entity_key(["WN1"]), list[Any]()
        for now in (None, fault, None):
            server.fault = now
            outcomes += await asyncio.gather(flights.get([key], within=WITHIN), return_exceptions=True)
        await flights.close()
        return outcomes

    before, between, after = asyncio.run(look())

    assert [FeatureVector({"distance": 2.5}, NOON)] == before == after
    assert isinstance(between, Unavailable)
    server.fault = fault
    with pytest.raises(Unavailable, match="does not answer"):
        asked(flights, entity_key(["WN1"]))


def test_a_log_in_that_fails_oddly_is_not_tried_with_each_request(
    server: HopsworksServer, flights: FilledStore
) -> None:
    """An answer that the client stumbles over costs one log-in, not one a request."""
    server.contents.feature_views[0]["query"] = {"odd": True}

    async def look() -> int:
        outcomes = list[Any]()
        for _ in range(4):
            outcomes += await asyncio.gather(flights.get([entity_key(["WN1"])], within=WITHIN), return_exceptions=True)
        await flights.close()
        return sum(isinstance(each, Exception) for each in outcomes)

    assert 4 == asyncio.run(look())
    assert 1 == sum("getProjectInfo" in line for line in server.asked)


def test_a_silent_store_is_given_up_in_time(server: HopsworksServer, flights: FilledStore) -> None:
    """A look-up ends when its time is over, and says how long that was."""

    async def look() -> None:
        await flights.get([entity_key(["WN1"])], within=WITHIN)
        server.fault = Fault.SILENT
        await flights.get([entity_key(["WN1"])], within=timedelta(milliseconds=200))

    with pytest.raises(Unavailable, match=r"did not answer within 200 ms|does not answer in time"):
        asyncio.run(look())
