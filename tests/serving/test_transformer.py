"""The transformer as a process, between a client and a real model server behind its proxy."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import processes
import pytest
import sinks

from pegel.data.entity_keys import entity_key
from pegel.online.local_store import LocalOnlineStore
from pegel.online.online_store import FeatureVector
from pegel_serving.transformer.__main__ import main

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

Starter = Callable[..., processes.Service]
ONLINE = {
    "source": "local://tins",
    "keys": ["tin"],
    "features": {"colour": "default", "weight": "refuse"},
    "defaults": {"colour": "blue"},
}
PATH = "/v1/models/paint-v1:predict"


@pytest.fixture
def transformer(services: Starter, server: processes.Service, sink: sinks.Sink, tmp_path: Path) -> processes.Service:
    """A transformer over a store of two tins, of which one lacks its colour, before a proxy and the model server."""
    now = datetime.now(UTC)
    LocalOnlineStore(tmp_path / "online.db", "tins").load(
        [
            (entity_key(["t1"]), FeatureVector({"colour": "red", "weight": 2.0}, now)),
            (entity_key(["t2"]), FeatureVector({"weight": 2.0}, now)),
        ]
    )
    before = ("--upstream", server.url, "--logger", sink.url, "--name", "paint-v1", "--namespace", "shop")
    headers = ("--metadata-headers", "Pegel-Look-Up,Pegel-Entities")
    proxy = services("pegel_serving.proxy", *before, *headers, log=tmp_path / "proxy.log")
    options = ("--online", json.dumps(ONLINE), "--model_name", "paint-v1", "--home", str(tmp_path))
    host = ("--predictor_host", proxy.url.removeprefix("http://"), "--http_port", "0")
    return services("pegel_serving.transformer", *options, *host, log=tmp_path / "transformer.log")


def ask(url: str, *instances: object, **headers: str) -> httpx.Response:
    """Send one request."""
    return httpx.post(f"{url}{PATH}", json={"instances": instances}, headers=headers, trust_env=False, timeout=20.0)


def test_a_request_that_names_entities_alone(transformer: processes.Service, sink: sinks.Sink) -> None:
    """The model is asked about rows, by either protocol, its client is answered, the event tells the entities."""
    answer = ask(transformer.url, {"tin": "t1", "size": 1.0}, {"tin": "t2", "size": 1.0}, **{"ce-id": "mine"})
    (told, request), _ = sorted(sink.wait_for(2), key=lambda got: got[0]["Ce-Type"])
    tensors = [
        {"name": "tin", "shape": [2], "datatype": "BYTES", "data": ["t1", "t2"]},
        {"name": "size", "shape": [2, 1], "datatype": "FP64", "data": [1.0, 1.0]},
    ]
    by_v2 = httpx.post(
        f"{transformer.url}/v2/models/paint-v1/infer", json={"id": "a", "inputs": tensors}, trust_env=False
    )
    refused_by_v2 = httpx.post(
        f"{transformer.url}/v2/models/paint-v1/infer",
        json={"inputs": [{"name": "tin", "shape": [1], "datatype": "BYTES", "data": ["t3"]}]},
        trust_env=False,
    )
    refused = ask(transformer.url, {"tin": "t3", "size": 1.0})
    wrong = ask(transformer.url, {"tin": "t1", "size": "large"})
    ready = httpx.get(f"{transformer.url}/v1/models/paint-v1", trust_env=False)

    assert [18.0, 8.0] == pytest.approx(answer.json()["predictions"])
    assert [18.0, 8.0] == pytest.approx(by_v2.json()["outputs"][0]["data"])
    assert ("a", "unknown", 404) == (by_v2.json()["id"], by_v2.headers["Pegel-Look-Up"], refused_by_v2.status_code)
    assert [
        {"size": 1.0, "colour": "red", "weight": 2.0},
        {"size": 1.0, "colour": "blue", "weight": 2.0},
    ] == json.loads(request)["instances"]
    assert (answer.headers["Pegel-Event-Id"], "mine") == (told["Ce-Id"], told["Ce-Clientid"])
    assert ["unknown"] * 2 == [each.headers["Pegel-Look-Up"] for each in (answer, refused)]
    assert {"Pegel-Entities": ['[["t1"],["t2"]]'], "Pegel-Look-Up": ["unknown"]} == json.loads(told["Ce-Metadata"])
    assert (404, "the store of features does not know this entity, and weight is needed") == (
        refused.status_code,
        refused.json()["error"],
    )
    assert (400, True) == (wrong.status_code, "instances[0].size: expected a number" in wrong.json()["error"])
    assert {"name": "paint-v1", "ready": True} == ready.json()
    assert (2.0, 2.0) == (
        processes.metric(transformer.url, "pegel_refused_look_ups_total", why="unknown"),
        processes.metric(transformer.url, "pegel_looked_up_rows_total", source="unknown"),
    )


def test_a_store_that_went_away(transformer: processes.Service, sink: sinks.Sink, tmp_path: Path) -> None:
    """Without its store a request is refused by policy with 503 and when to come again; no event says otherwise."""
    for left in tmp_path.glob("online.db*"):
        left.unlink()
    answer = ask(transformer.url, {"tin": "t1", "size": 1.0})

    assert (503, "1", "unavailable") == (
        answer.status_code,
        answer.headers["Retry-After"],
        answer.headers["Pegel-Look-Up"],
    )
    assert "the store of features does not answer, and weight is needed" == answer.json()["error"]
    assert [] == sink.got


def test_an_orderly_end(transformer: processes.Service, tmp_path: Path) -> None:
    """A transformer that is ended closes its store and its connections: nothing is left beside the one file."""
    answer = ask(transformer.url, {"tin": "t1", "size": 1.0})
    held = sorted(path.name for path in tmp_path.glob("online.db*"))

    assert (200, 0) == (answer.status_code, transformer.end())
    assert ["online.db", "online.db-shm", "online.db-wal"] == held
    assert ["online.db"] == sorted(path.name for path in tmp_path.glob("online.db*"))
    lines = [json.loads(line) for line in transformer.log.read_text().splitlines()]
    assert [] == [line["event"] for line in lines if line["level"] in {"error", "critical"}]


def test_what_does_not_pass(transformer: processes.Service) -> None:
    """A client neither unloads the model nor asks for another one; what the proxy would not take ends here."""
    unloaded = httpx.post(f"{transformer.url}/v2/repository/models/paint-v1/unload", trust_env=False)
    other = httpx.post(f"{transformer.url}/v1/models/paint-v2:predict", json={"instances": []}, trust_env=False)
    large = b'{"instances": [' + b" " * 1_000_000
    said = httpx.post(f"{transformer.url}{PATH}", content=large, trust_env=False)
    unsaid = httpx.post(f"{transformer.url}{PATH}", content=iter([large[:9], large[9:]]), trust_env=False)

    headers = httpx.get(f"{transformer.url}/metrics", headers={"x-long": "a" * 20_000}, trust_env=False)

    answers = (unloaded, other, said, unsaid, headers)
    assert [404, 404, 413, 413, 431] == [answer.status_code for answer in answers]
    assert {"a request may hold 1000000 bytes; this one holds more"} == {
        answer.json()["error"] for answer in (said, unsaid)
    }
    assert 200 == ask(transformer.url, {"tin": "t1", "size": 1.0}).status_code


@pytest.mark.parametrize(
    ("online", "message"),
    [
        ("{", "--online: Invalid JSON"),
        ("{}", "expected a source, given none"),
        (json.dumps(ONLINE | {"source": "feast://tins"}), "expected a store of features of hopsworks, local, redis"),
        (json.dumps(ONLINE | {"private": ["tin"]}), "PEGEL_ENTITY_SECRET: expected at least 16 bytes"),
    ],
)
def test_what_cannot_work(online: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A transformer that could look nothing up does not start, and says why in one line."""
    options = ["--online", online, "--model_name", "m", "--predictor_host", "127.0.0.1:9", "--home", str(tmp_path)]

    assert 1 == main(options)
    error = capsys.readouterr().err
    assert (1, True) == (len(error.splitlines()), message in error)
