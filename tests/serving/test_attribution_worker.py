"""The attribution worker as an operator starts it, on a real broker: what it explains, and what it lets be."""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import paint_model
import processes
import pyarrow as pa
import pytest
import senders
import topics
from asked_server import asked_server
from blueprints import give_tables
from confluent_kafka import Producer
from pyarrow import parquet
from waiting import wait_until

from pegel.data import wire
from pegel.data.attribution_event import Match, Method, decode
from pegel.data.compact_headers import compacted
from pegel.featurestore import LocalFeatureStore
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import RESIDUAL
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.identity_store import IdentityStore
from pegel.store.registry import Registry
from pegel_local.kafka.broker import Broker
from pegel_serving.attribution.attribution_metrics import AttributionMetrics
from pegel_serving.attribution.attribution_outbox import AttributionOutbox
from pegel_serving.attribution.attribution_worker import AttributionWorker, ReadRecord
from pegel_serving.attribution.event_sample import event_hash, is_kept
from pegel_serving.attribution.model_preparation import ModelPreparation
from pegel_serving.attribution.ordered_features import OrderedFeatures
from pegel_serving.cloudevent import rfc3339

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

TOPIC = names.inference_topic("default")
MODULE = "pegel_serving.attribution"
Metric = Callable[..., float]


class ExplainedHome:
    """A home with a registry, a feature store and models, and a producer of logged events."""

    def __init__(self, folder: Path, broker: Broker) -> None:
        """Make the home; the baseline of every model is the table of the paint model."""
        self.folder, self.broker = folder, broker
        self.settings = {"PEGEL_HOME": str(folder / "home"), "PEGEL_KAFKA": broker.address}
        engine = connect(f"sqlite:///{folder / 'home' / 'pegel.db'}")
        give_tables(engine)
        self.registry = Registry(engine)
        rows = pa.table({"colour": ["red", "blue"] * 50, "size": np.arange(100.0), "weight": np.arange(100.0)[::-1]})
        parquet.write_table(rows, folder / "rows.parquet")
        store = LocalFeatureStore(folder / "home" / "features")
        store.register_training_data("paint", 1, folder / "rows.parquet", paint_model.SCHEMA)
        self.producer = Producer({"bootstrap.servers": broker.address, "linger.ms": 1})

    def watch(self, name: str, *, per_day: float = 1_000, model: bool = True, **attribution: Any) -> str:
        """Register a model; return its endpoint."""
        folder = self.folder / name
        if model:
            folder.mkdir()
            paint_model.write_paint_model(folder)
        spec = {
            "model": {"name": name, "uri": f"file://{folder}"},
            "baseline": {"source": "local://paint"},
            "attribution": {"via": "artefact", **attribution},
            "watch": {"rows_per_day": per_day},
        }
        self.registry.put(MonitorSpec.parse(spec))
        return names.endpoint(name, 1)

    def log(self, endpoint: str, event_id: str, rows: Any, answer: Any = None, *, body: bytes | None = None) -> None:
        """Put a request on the topic, and its answer if there is one."""
        told = body if body is not None else json.dumps({"instances": rows}).encode()
        bodies = {wire.REQUEST_TYPE: told}
        if answer is not None:
            bodies[wire.RESPONSE_TYPE] = json.dumps({"predictions": answer}).encode()
        for kind, value in bodies.items():
            headers = {
                wire.HEADER_ID: event_id,
                wire.HEADER_TYPE: kind,
                wire.HEADER_ENDPOINT: endpoint,
                wire.HEADER_NAMESPACE: "default",
                wire.HEADER_TIME: rfc3339(time.time_ns()),
                wire.HEADER_CONTENT_TYPE: wire.JSON,
            }
            pairs = compacted(event_id.encode(), [(name, text.encode()) for name, text in headers.items()])
            self.producer.produce(TOPIC, value, event_id.encode(), headers=list(pairs))
        self.producer.flush(20)

    def explained(self) -> dict[str, list[topics.Record]]:
        """Return the attribution events on the topic by id."""
        found: dict[str, list[topics.Record]] = {}
        for record in topics.consume(self.broker.address, TOPIC):
            if record.headers.get(wire.HEADER_TYPE) == wire.ATTRIBUTION_TYPE.encode():
                found.setdefault((record.key or b"").decode(), []).append(record)
        return found


@pytest.fixture
def place(tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> ExplainedHome:
    """Return a place of its own; processes that are started find it in their environment."""
    made = ExplainedHome(tmp_path, broker)
    for name, value in made.settings.items():
        monkeypatch.setenv(name, value)
    for name in set(os.environ) - set(made.settings):
        if name.startswith("PEGEL_"):
            monkeypatch.delenv(name)
    return made


def started(services: Callable[..., processes.Service], place: ExplainedHome) -> processes.Service:
    """Start the worker of the namespace."""
    return services(MODULE, "--namespace", "default", log=place.folder / "log")


def refused(url: str, reason: str, model: str) -> float:
    """Return how many events of a model are refused for a reason."""
    return processes.metric(url, "pegel_attribution_events_refused_total", reason=reason, model=model)


def fresh(prefix: str) -> str:
    """Return an id that nobody used before."""
    return f"{prefix}-{uuid.uuid4()}"


def test_predictions_are_explained(services: Callable[..., processes.Service], place: ExplainedHome) -> None:
    """A request is explained under its own id and time, its answer compared; what cannot be read is counted."""
    endpoint = place.watch("paint")
    worker = started(services, place)
    right, wrong, broken = fresh("right"), fresh("wrong"), fresh("broken")

    place.log(endpoint, right, [["red", 5, 1], ["blue", 0, 0]], [23, 0])
    place.log(endpoint, wrong, [["red", 5, 1]], [99])
    place.log(endpoint, broken, None, [0], body=b"{")
    place.log("stranger-v1", fresh("stranger"), [["red", 5, 1]], [23])
    assert wait_until(lambda: {right, wrong} <= place.explained().keys(), within_s=50)
    assert wait_until(lambda: refused(worker.url, "bad_body", "paint") == 1, within_s=20)

    (record,) = place.explained()[right]
    told = decode(record.value or b"", 3)
    request = next(
        one
        for one in topics.consume(place.broker.address, TOPIC)
        if one.key == right.encode() and one.headers[wire.HEADER_TYPE] == wire.REQUEST_TYPE.encode()
    )
    assert request.timestamp == record.timestamp
    assert request.headers[wire.HEADER_TIME] == record.headers[wire.HEADER_TIME]
    assert endpoint.encode() == record.headers[wire.HEADER_ENDPOINT]
    assert (Method.LINEAR, 1.0) == (told.method, told.rate)
    assert (Match.SAME, Match.SAME) == told.matches
    assert np.allclose([23, 0], told.base + told.values.sum(axis=1))
    assert np.allclose([5, 2 * (5 - 49.5), 3 * (1 - 49.5)], told.values[0])
    assert (Match.OTHER,) == decode(place.explained()[wrong][0].value or b"", 3).matches
    assert {right, wrong} == place.explained().keys() & {right, wrong, broken}
    assert 3 == processes.metric(worker.url, "pegel_attribution_events_sampled_total", model="paint")
    assert 2 == processes.metric(worker.url, "pegel_attribution_events_explained_total", model="paint")
    assert 3 == processes.metric(worker.url, "pegel_attribution_rows_explained_total", model="paint")
    assert 0 == worker.end()


def test_held_out_rows_are_the_baseline(services: Callable[..., processes.Service], place: ExplainedHome) -> None:
    """The worker makes the baseline of the held-out rows that a spec names, before anything is predicted."""
    sizes = np.arange(1_500.0)
    rows = pa.table({"colour": ["red", "blue"] * 750, "size": sizes, "weight": sizes[::-1]})
    parquet.write_table(rows, place.folder / "held-out.parquet")
    store = LocalFeatureStore(place.folder / "home" / "features")
    store.register_training_data("paint", 1, place.folder / "held-out.parquet", paint_model.SCHEMA, split="holdout")
    place.watch("paint", baseline="local://paint?split=holdout")
    baselines = BaselineStore(connect(f"sqlite:///{place.folder / 'home' / 'pegel.db'}"))
    worker = started(services, place)

    assert wait_until(lambda: baselines.current("paint:attributions", 1) is not None, within_s=50)

    made = baselines.get(str(baselines.current("paint:attributions", 1)))
    assert (1_500, "local://paint?split=holdout") == (made.rows, made.source)
    assert 0 == worker.end()


ASKED_BACKEND = """
import os
from types import SimpleNamespace


class AskedBackend:
    def __init__(self, settings):
        pass

    def observe(self, endpoint):
        return SimpleNamespace(url=os.environ["ASKED_URL"], probe_token="a secret")
"""
"""A serving backend of whoever runs models elsewhere."""


def test_answers_are_held_against_a_surrogate(
    services: Callable[..., processes.Service], place: ExplainedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an endpoint that is asked: its held-out rows and its events have residuals of one surrogate, which is kept."""
    (place.folder / "asked_backend.py").write_text(ASKED_BACKEND)
    monkeypatch.setenv("PYTHONPATH", str(place.folder), prepend=os.pathsep)
    monkeypatch.setenv("PEGEL_SERVING_BACKEND", "asked_backend:AskedBackend")
    draw = np.random.default_rng(1)
    rows = {"colour": draw.choice(["red", "blue"], 4_000), "size": draw.normal(20, 5, 4_000)}
    rows |= {"weight": draw.normal(10, 2, 4_000)}
    prices = 2 * rows["size"] + 3 * rows["weight"] + 10 * (rows["colour"] == "red")
    parquet.write_table(pa.table(rows | {"price": prices}), place.folder / "held-out.parquet")
    store = LocalFeatureStore(place.folder / "home" / "features")
    store.register_training_data("paint", 1, place.folder / "held-out.parquet", paint_model.SCHEMA, split="holdout")
    engine = connect(f"sqlite:///{place.folder / 'home' / 'pegel.db'}")
    baselines, identities = BaselineStore(engine), IdentityStore(engine)

    with asked_server(_price) as server:
        monkeypatch.setenv("ASKED_URL", f"http://127.0.0.1:{server.server_port}")
        asking: dict[str, Any] = {"via": "endpoint", "identity": "surrogate", "calls_per_minute": 1_000_000}
        endpoint = place.watch("paint", **asking, baseline="local://paint?split=holdout")
        worker = started(services, place)
        assert wait_until(lambda: baselines.current("paint:attributions", 1) is not None, within_s=100)
        same, other = fresh("same"), fresh("other")
        asked_about = [["red", 21.0, 9.0], ["blue", 17.0, 11.0]]
        place.log(endpoint, same, asked_about, [79, 67])
        assert wait_until(lambda: same in place.explained(), within_s=50)
        server.predict = lambda row: _price(row) + 30
        place.log(endpoint, other, asked_about, [109, 97])
        assert wait_until(lambda: other in place.explained(), within_s=50)
        assert wait_until(lambda: identities.get("paint", 1, "surrogate") is not None, within_s=20)
        assert 0 == worker.end()

    made, known = (
        baselines.get(str(baselines.current("paint:attributions", 1))),
        identities.get("paint", 1, "surrogate"),
    )
    assert made.attribution is not None
    assert known is not None
    assert known.frozen is not None
    told = [decode(place.explained()[one][0].value or b"", 3) for one in (same, other)]
    assert {known.frozen["name"]} == {made.attribution.surrogate, *(one.surrogate for one in told)}
    assert (2_000, RESIDUAL) == (made.rows, made.layout.schema.fields[-1].name)
    assert ("", "local://paint?split=holdout", 2_000) == (known.why, known.source, known.frozen["checked"])
    assert 0.9 <= known.frozen["explained"] < 1
    first, second = (one.residuals for one in told)
    assert first is not None
    assert second is not None
    assert np.abs(first).max() < 5
    assert [30, 30] == pytest.approx((second - first).tolist())


def test_without_answers_in_the_baseline_there_is_no_surrogate(
    services: Callable[..., processes.Service], place: ExplainedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are explained all the same, without residuals, and it is kept why nobody can tell whose answers they are."""
    (place.folder / "asked_backend.py").write_text(ASKED_BACKEND)
    monkeypatch.setenv("PYTHONPATH", str(place.folder), prepend=os.pathsep)
    monkeypatch.setenv("PEGEL_SERVING_BACKEND", "asked_backend:AskedBackend")
    identities = IdentityStore(connect(f"sqlite:///{place.folder / 'home' / 'pegel.db'}"))

    with asked_server(_price) as server:
        monkeypatch.setenv("ASKED_URL", f"http://127.0.0.1:{server.server_port}")
        endpoint = place.watch("paint", via="endpoint", identity="surrogate", calls_per_minute=1_000_000)
        worker, told = started(services, place), fresh("told")
        place.log(endpoint, told, [["red", 21.0, 9.0]], [79])
        assert wait_until(lambda: told in place.explained(), within_s=50)
        assert wait_until(lambda: identities.get("paint", 1, "surrogate") is not None, within_s=20)
        assert 0 == worker.end()

    known = identities.get("paint", 1, "surrogate")
    assert known is not None
    assert known.frozen is None
    assert "local://paint has none; register it with them (--prediction)" in known.why
    assert decode(place.explained()[told][0].value or b"", 3).residuals is None


def _price(row: Any) -> float:
    """Return what the paint model says, to a row by name or in order."""
    colour, size, weight = row.values() if isinstance(row, dict) else row
    return float(2 * size + 3 * weight + 10 * (colour == "red"))


def test_one_model_holds_up_no_other(services: Callable[..., processes.Service], place: ExplainedHome) -> None:
    """A model whose folder is gone, and one whose file is damaged, are refused; beside them others are explained."""
    gone, fine = place.watch("gone", model=False), place.watch("fine")
    spoiled = place.watch("spoiled")
    (place.folder / "spoiled" / "model.joblib").write_bytes(b"no model")
    worker = started(services, place)
    told = fresh("fine")

    for endpoint in (gone, spoiled):
        place.log(endpoint, fresh("lost"), [["red", 5, 1]], [23])
    place.log(fine, told, [["red", 5, 1]], [23])
    assert wait_until(lambda: told in place.explained(), within_s=50)

    for model in ("gone", "spoiled"):
        assert wait_until(lambda model=model: refused(worker.url, "no_artefact", model) == 1, within_s=50)  # type: ignore[misc]
    assert 0 == worker.end()


def test_a_sample_is_explained_and_nothing_is_lost(
    services: Callable[..., processes.Service], place: ExplainedHome
) -> None:
    """Ids decide what is explained; a worker that is killed begins where it was not done, and tells at least once."""
    endpoint = place.watch("sampled", per_day=7_200_000)
    first = started(services, place)
    ids = [fresh("sample") for _ in range(120)]
    chosen = {one for one in ids if is_kept(event_hash(one.encode()), 0.1)}

    for one in ids[:60]:
        place.log(endpoint, one, [["red", 5, 1]], [23])
    assert wait_until(lambda: chosen & set(ids[:60]) <= place.explained().keys(), within_s=50)
    time_of_death = first.end(signal.SIGKILL)
    for one in ids[60:]:
        place.log(endpoint, one, [["red", 5, 1]], [23])
    second = started(services, place)
    assert wait_until(lambda: chosen <= place.explained().keys(), within_s=50)

    assert -signal.SIGKILL == time_of_death
    assert chosen == place.explained().keys() & set(ids)
    assert 3 < len(chosen) < 30
    assert {0.1} == {decode(place.explained()[one][0].value or b"", 3).rate for one in chosen}
    assert 0 == second.end()


def test_a_changed_spec_loses_no_event(tmp_path: Path) -> None:
    """What waits for a model while its spec changes is explained as the new one says, and committed only then."""
    paint_model.write_paint_model(tmp_path)
    source = {"source": "local://paint"}
    rows = pa.table({"colour": ["red", "blue"], "size": [1.0, 2.0], "weight": [1.0, 2.0]})
    parquet.write_table(rows, tmp_path / "rows.parquet")
    settings = Settings(home=tmp_path / "home")
    store = LocalFeatureStore(settings.features)
    store.register_training_data("paint", 1, tmp_path / "rows.parquet", paint_model.SCHEMA)

    def spec(**attribution: Any) -> MonitorSpec:
        model = {"name": "paint", "uri": f"file://{tmp_path}"}
        section = {"via": "artefact", **attribution}
        return MonitorSpec.parse({"model": model, "baseline": source, "attribution": section})

    def record(offset: int, kind: str, body: bytes) -> ReadRecord:
        headers = {wire.HEADER_ID: "e", wire.HEADER_TYPE: kind, wire.HEADER_ENDPOINT: "paint-v1"}
        pairs = [(name, text.encode()) for name, text in headers.items()]
        return ReadRecord((TOPIC, 0), offset, 1, b"e", body, list(pairs))

    sender = senders.SwitchedSender()
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    preparation = ModelPreparation(settings, lambda _: ("", ""), OrderedFeatures(settings, engine))
    worker = AttributionWorker(preparation, AttributionOutbox(sender), AttributionMetrics(), most_bytes=1 << 22)
    worker.watch([spec()])
    asked = record(4, wire.REQUEST_TYPE, b'{"instances": [["red", 1, 1]]}')
    worker.take([asked, record(5, wire.RESPONSE_TYPE, b'{"predictions": [15]}')])
    assert {(TOPIC, 0): 4} == worker.offsets.safe()
    worker.watch([spec(rows_per_minute=7)])

    def told() -> bool:
        worker.work()
        return bool(sender.topic)

    try:
        assert wait_until(told)
        worker.work()
        assert (Match.SAME,) == decode(sender.topic[0].value, 3).matches
        assert {(TOPIC, 0): 6} == worker.offsets.safe()
    finally:
        worker.end(1.0)
