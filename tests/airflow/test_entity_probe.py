"""Where features are looked up, onboarding asks by an entity, too: a store that does not answer is told then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from speaking_servers import Speaking, saying, speaking_servers

from pegel.data.example_request import tensor
from pegel.errors import EndpointFailed
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.samples import sample_spec
from pegel_airflow.entity_probe import entity_request, probe_entity

ROW = {"airline": "WN", "distance": 447.0, "taxi_out": 12.0}
ONLINE = {"source": "local://flights", "keys": ["flight", "day"], "features": {"airline": "null", "distance": "refuse"}}
SECRET = "of-the-endpoint"  # noqa: S105  of a test
LOOKS_UP = "expected {} to look up airline, distance in local://flights by flight, day; given "


@pytest.fixture
def speaking() -> Iterator[Speaking]:
    """Begin servers of a few lines."""
    with speaking_servers() as begin:
        yield begin


@pytest.fixture
def spec() -> MonitorSpec:
    """Wish for two looked-up features, by two keys."""
    return sample_spec(online=ONLINE)


def answer(status: int, look_up: str = "", **body: Any) -> bytes:
    """Return an answer of a transformer."""
    content = json.dumps(body).encode()
    told = f"Pegel-Look-Up: {look_up}\r\n" if look_up else ""
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{told}Content-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


def test_the_entity_stands_in_place_of_what_is_looked_up(spec: MonitorSpec) -> None:
    """The request names each part of a key, and states what no store has."""
    (instance,) = entity_request(spec, {"instances": [ROW]})["instances"]

    assert {"flight": "pegel-probe", "day": "pegel-probe", "taxi_out": 12.0} == instance


def test_by_protocol_v2_keys_are_tensors() -> None:
    """Each part of a key is a tensor of text, beside those of what no store has."""
    spec = sample_spec(online=ONLINE, model={"name": "delays", "uri": "m", "protocol": "v2"})
    row = [tensor(name, isinstance(value, float), [value]) for name, value in ROW.items()]
    inputs = entity_request(spec, {"inputs": row})["inputs"]

    assert {"flight": ["pegel-probe"], "day": ["pegel-probe"], "taxi_out": [12.0]} == {
        each["name"]: each["data"] for each in inputs
    }


@pytest.mark.parametrize(
    "said",
    [
        answer(200, "unknown", predictions=[1.5]),
        answer(200, predictions=[1.5]),
        answer(404, "unknown", error="the store of features does not know this entity, and distance is needed"),
    ],
    ids=["replaced", "known", "refused"],
)
def test_an_unknown_entity_is_treated_as_the_spec_asks(said: bytes, speaking: Speaking, spec: MonitorSpec) -> None:
    """An answer by replaced features and a refusal are both no trouble; the request has the endpoint's secret."""
    requests: list[bytes] = []
    port = speaking(saying(said), requests)
    where = f"http://127.0.0.1:{port}/v1/models/delays-v1:predict"
    probe_entity(spec, where, {"instances": [ROW]}, token=SECRET)

    (asked,) = requests
    assert asked.startswith(b"POST /v1/models/delays-v1:predict HTTP/1.1\r\n")
    assert f"Pegel-Probe: {SECRET}".encode() in asked


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (answer(200, "unavailable", predictions=[1.5]), "a store that does not answer: `pegel features load` makes"),
        (answer(503, "unavailable", error="no"), "a store that does not answer: `pegel features load` makes"),
        (answer(400, error="instances[0].airline: expected a text"), "400: instances[0].airline: expected a text. "),
        (answer(404, error="no such model"), "404: no such model. Nothing that is in force was changed."),
    ],
    ids=["replaced", "refused", "model", "no transformer"],
)
def test_what_is_wrong_is_told(said: bytes, words: str, speaking: Speaking, spec: MonitorSpec) -> None:
    """A store that does not answer is found also where its features are replaced; so is a model that takes no null."""
    where = f"http://127.0.0.1:{speaking(saying(said))}/v1/models/delays-v1:predict"
    with pytest.raises(EndpointFailed) as failed:
        probe_entity(spec, where, {"instances": [ROW]}, tried_for=timedelta(seconds=0.2))

    assert str(failed.value).startswith(LOOKS_UP.format(where) + words)
