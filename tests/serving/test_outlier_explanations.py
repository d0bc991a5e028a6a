"""What a model made of outlying rows: asked once, of the request on the topic, and never a reason to wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import paint_model
import pyarrow as pa
import pytest
import topics
from blueprints import give_tables
from confluent_kafka import Producer
from pyarrow import parquet
from sqlalchemy.engine import Engine
from waiting import wait_until

from pegel.data import wire
from pegel.data.attribution_event import Attributions, Match, Method, encode
from pegel.data.columns import Field, Kind
from pegel.data.compact_headers import compacted
from pegel.featurestore import LocalFeatureStore
from pegel.spec import names
from pegel.spec.clock import SystemClock
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.database import connect
from pegel.store.results import Results
from pegel.testing.samples import sample_outlier
from pegel_local.kafka.broker import Broker
from pegel_serving.attribution.model_preparation import ModelPreparation
from pegel_serving.attribution.ordered_features import OrderedFeatures
from pegel_serving.attribution.outlier_explanations import GONE, OTHERS, OutlierExplanations, made_of
from pegel_serving.attribution.record_at import RecordAt

pytestmark = pytest.mark.timeout(240)
AT = SystemClock().now() - timedelta(minutes=5)


@dataclass
class Topic:
    """Requests by their offsets."""

    requests: dict[int, tuple[str, bytes]] = field(default_factory=dict)

    def request(self, topic: str, partition: int, offset: int) -> tuple[str, bytes] | None:
        """Return a request."""
        assert ("inference", 3) == (topic, partition)
        return self.requests.get(offset)


def spec_of(folder: Path, **archive: Any) -> MonitorSpec:
    """Return a spec that asks for explanations of a model below a folder."""
    spec = {
        "model": {"name": "paint", "uri": f"file://{folder / 'paint'}"},
        "baseline": {"source": "local://paint"},
        "attribution": {"via": "artefact"},
    }
    return MonitorSpec.parse(spec | archive)


@dataclass
class Asked:
    """A model of paints with its database, and the topic that its requests are on."""

    engine: Engine
    settings: Settings
    folder: Path
    topic: Topic = field(default_factory=Topic)
    running: list[OutlierExplanations] = field(default_factory=list)

    def tell(self, event_id: str, offset: int, row: int = 0) -> None:
        """Keep an outlying row whose request is at an offset."""
        told = sample_outlier(event_id, model="paint", event_time=AT, row=row, record=["inference", 3, offset])
        Results(self.engine).write(outliers=[told])

    def begin(self, **archive: Any) -> None:
        """Ask the model about what is kept."""
        features = OrderedFeatures(self.settings, self.engine)
        preparation = ModelPreparation(self.settings, lambda _: ("", ""), features)
        self.running.append(OutlierExplanations(preparation, features, self.engine, self.topic, look_every_s=0.1))
        self.running[-1].watch([spec_of(self.folder, **archive)])

    @property
    def made(self) -> dict[tuple[str, int], Any]:
        """Return what is known, by event and row."""
        return {(row.event_id, row.row): row.made for row in Results(self.engine).outliers("paint", 1)}


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    """Return a model whose rows have size 20, weight 10 and are as often red as blue on average."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    made = Asked(engine, Settings(home=tmp_path / "home"), tmp_path)
    rows = pa.table({"colour": ["red", "blue"] * 20, "size": [19.0, 21.0] * 20, "weight": [9.0, 11.0] * 20})
    parquet.write_table(rows.append_column("price", pa.array([0.0] * 40)), tmp_path / "train.parquet")
    LocalFeatureStore(made.settings.features).register_training_data(
        "paint", 1, tmp_path / "train.parquet", paint_model.SCHEMA
    )
    (tmp_path / "paint").mkdir()
    paint_model.write_paint_model(tmp_path / "paint")
    yield made
    for one in made.running:
        one.end()


def body(*rows: tuple[str, float, float]) -> bytes:
    """Return a request."""
    names = ("colour", "size", "weight")
    return orjson.dumps({"instances": [dict(zip(names, row, strict=True)) for row in rows]})


@pytest.mark.slow
def test_a_row_has_what_the_model_made_of_it(asked: Asked) -> None:
    """Of a request the row that was told, with exact parts and its output; of what is gone, why there is none."""
    asked.topic.requests = {
        7: ("e1", body(("red", 20, 10), ("blue", 520, 9))),
        8: ("somebody else", body(("red", 20, 10))),
    }
    for event_id, offset, row in (("e1", 7, 1), ("e2", 8, 0), ("e3", 9, 0)):
        asked.tell(event_id, offset, row)
    asked.begin()
    assert wait_until(lambda: None not in asked.made.values(), within_s=150)
    known, (_, other), (_, gone) = asked.made["e1", 1], *list(asked.made.items())[1:]

    assert ("linear", "prediction", pytest.approx(2 * 520 + 3 * 9)) == (known["method"], known["unit"], known["raw"])
    assert {"size": 1_000.0, "colour": -5.0, "weight": -3.0} == pytest.approx(known["parts"])
    assert ({"why": OTHERS}, {"why": GONE}) == (other, gone)


@pytest.mark.slow
def test_parts_of_private_features_are_not_told(asked: Asked) -> None:
    """Of a linear model a part gives the value away."""
    asked.topic.requests = {7: ("e1", body(("red", 520, 10)))}
    asked.tell("e1", 7)
    asked.begin(archive={"keep": "30d", "private": {"size": "drop"}})
    assert wait_until(lambda: None not in asked.made.values(), within_s=150)

    assert ["colour", "weight"] == sorted(asked.made["e1", 0]["parts"])


def test_parts_that_are_drawn_have_their_standard_errors() -> None:
    """Of a model that is permuted the parts that are told have errors beside them, those of private features none."""
    fields = tuple(Field(name, Kind.NUMERIC) for name in ("a", "b", "c"))
    told = Attributions(
        values=np.array([[2.0, -1.0, 0.5]]),
        base=np.zeros(1),
        raw=np.array([1.5]),
        matches=(Match.UNKNOWN,),
        method=Method.PERMUTATION,
        artefact=None,
        rate=1.0,
        errors=np.array([[0.25, 0.125, 0.0625]]),
    )
    spec = spec_of(Path("/models"), archive={"keep": "30d", "private": {"b": "drop"}})
    made = made_of(encode(told), fields, spec)

    assert ({"a": 2.0, "c": 0.5}, {"a": 0.25, "c": 0.0625}) == (made["parts"], made["errors"])
    assert {} == made_of(encode(replace(told, errors=None)), fields, spec)["errors"]


def test_what_was_made_of_a_row_stays_when_it_is_told_again(asked: Asked) -> None:
    """A driver that counts a batch anew writes its outliers again, and knows nothing of what the model said."""
    asked.topic.requests = {}
    asked.tell("e1", 7)
    asked.begin()
    assert wait_until(lambda: None not in asked.made.values())
    asked.tell("e1", 7)

    assert {("e1", 0): {"why": GONE}} == asked.made


def test_a_request_is_read_from_its_place_on_the_topic(broker: Broker) -> None:
    """Its id and body are those of the record there; beyond the end, and of a topic that is gone, there is nothing."""
    topics.create_topics(broker.address, "outlying")
    topic = names.inference_topic("outlying")
    producer = Producer({"bootstrap.servers": broker.address})
    for event_id in ("e1", "e2"):
        headers = {wire.HEADER_ID: event_id, wire.HEADER_TYPE: wire.REQUEST_TYPE, wire.HEADER_ENDPOINT: "paint-v1"}
        pairs = compacted(event_id.encode(), [(name, text.encode()) for name, text in headers.items()])
        producer.produce(topic, f"body of {event_id}", event_id.encode(), partition=0, headers=list(pairs))
    producer.flush(20)
    records = RecordAt(Settings(kafka=broker.address))
    read = [records.request(topic, 0, offset) for offset in (1, 0, 2)]
    gone = records.request("pegel.nowhere.inference", 0, 0)
    records.close()

    assert [("e2", b"body of e2"), ("e1", b"body of e1"), None] == read
    assert gone is None
