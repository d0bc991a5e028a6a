"""What the stream is told from outside, held in memory: models, baselines, and records as they come from the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from io import BytesIO

import numpy as np
import orjson
from fastavro import schemaless_writer
from sqlalchemy.engine import Engine

from pegel.baseline.baseline import Baseline
from pegel.baseline.replay_reference import ReplayReference
from pegel.data.hopsworks_avro import SCHEMAS
from pegel.data.instants import to_us
from pegel.data.look_up_faults import LookUpFault
from pegel.data.wire import (
    HEADER_COMPONENT,
    HEADER_ENDPOINT,
    HEADER_ID,
    HEADER_LOOK_UP,
    HEADER_NAMESPACE,
    HEADER_PROBE,
    HEADER_TYPE,
    PREDICTOR,
    REQUEST_TYPE,
)
from pegel.errors import NotFound
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel.store.stream_store import StreamStore
from pegel.stream.counting_plan import LoadedBaseline, load_baseline
from pegel.stream.result_rows import Heartbeat
from pegel.stream.wire_records import Address, Records


@dataclass
class FixedModels:
    """The models of a group as they are set."""

    specs: dict[str, MonitorSpec] = field(default_factory=dict)
    baselines: dict[str, str | None] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()
    answers: dict[str, ReplayReference] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)

    def watch(self, spec: MonitorSpec, baseline_id: str | None) -> None:
        """Watch a model by a baseline, or without one."""
        self.specs[spec.key] = spec
        self.baselines[spec.key] = baseline_id


@dataclass
class FixedBaselines:
    """Baseline documents by id; any bytes may stand in place of one."""

    documents: dict[str, bytes] = field(default_factory=dict)

    def put(self, baseline: Baseline) -> str:
        """Keep a baseline; return its id."""
        self.documents[baseline.id] = orjson.dumps(baseline.to_json())
        return baseline.id

    def load(self, baseline_id: str) -> LoadedBaseline:
        """Return a baseline as tasks get it. Raises NotFound, or what is wrong with the document."""
        if baseline_id not in self.documents:
            raise NotFound(f"no baseline {baseline_id} is kept")
        return load_baseline(baseline_id, self.documents[baseline_id])

    def baseline(self, baseline_id: str) -> Baseline:
        """Return a baseline. Raises NotFound, or what is wrong with the document."""
        self.load(baseline_id)
        return _whole(self.documents[baseline_id])

    def unpack(self, baseline_id: str, data: bytes) -> Summary:
        """Return a packed summary under the layout of its baseline."""
        return Summary.from_bytes(data, self.baseline(baseline_id).layout)


@lru_cache(maxsize=64)
def _whole(document: bytes) -> Baseline:
    return Baseline.from_json(orjson.loads(document))


@dataclass(frozen=True)
class LoggedRecord:
    """One record as the logger writes it; `place` is topic, partition and offset."""

    event_id: str
    kind: str
    endpoint: str
    body: bytes
    at: datetime
    place: tuple[str, int, int] = ("pegel.default.inference", 0, 0)
    is_probe: bool = False
    component: str = PREDICTOR
    look_up: LookUpFault | None = None

    def moved(self, topic: str, partition: int, offset: int) -> LoggedRecord:
        """Return the record at another place."""
        return replace(self, place=(topic, partition, offset))

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """Return the headers of the record."""
        names = {HEADER_ID: self.event_id, HEADER_TYPE: self.kind, HEADER_ENDPOINT: self.endpoint}
        names[HEADER_COMPONENT] = self.component
        if self.is_probe:
            names[HEADER_PROBE] = "true"
        if self.look_up is not None:
            names[HEADER_LOOK_UP] = self.look_up.value
        return [(name, value.encode()) for name, value in {**names, HEADER_NAMESPACE: "default"}.items()]


@dataclass(frozen=True)
class AvroRecord(LoggedRecord):
    """A record that says everything in its body."""

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """Return none."""
        return []


def in_avro(record: LoggedRecord, stamp: int | None = None, *, status: int = 200) -> AvroRecord:
    """Return a record as a deployment of Hopsworks logs it; its body must be text.

    `stamp`: the time in the message, any number of 64 bits; None: that of the record, in whole seconds.
    """
    model, _, version = record.endpoint.rpartition("-v")
    values = {
        "servingId": 3,
        "modelName": model,
        "modelVersion": int(version),
        "requestTimestamp": to_us(record.at) // 1_000_000 if stamp is None else stamp,
        "responseHttpCode": status,
        "inferenceId": record.event_id,
        "messageType": "request" if record.kind == REQUEST_TYPE else "response",
        "payload": record.body.decode(),
    }
    return _written(record, 4, values)


def paired_in_avro(
    request: LoggedRecord, response: LoggedRecord, version: int, *, status: int = 200, stamp: int | None = None
) -> AvroRecord:
    """Return a request and its response as older deployments of Hopsworks log them: in one record, at its time.

    `version` of the schema: 1 to 3. `stamp`: the time in it; None: that of the request, in milliseconds. The record is
    dated as the response is.
    """
    model, _, number = request.endpoint.rpartition("-v")
    values = {
        "modelId": 3,
        "modelName": model,
        "modelVersion": int(number),
        "requestTimestamp": to_us(request.at) // 1_000 if stamp is None else stamp,
        "responseHttpCode": status,
        "inferenceRequest": request.body.decode(),
        "inferenceResponse": response.body.decode(),
        "servingType": "SKLEARN",
        "modelServer": "PYTHON",
        "servingTool": "DEFAULT",
    }
    return _written(response, version, values)


def _written(record: LoggedRecord, version: int, values: dict[str, object]) -> AvroRecord:
    buffer = BytesIO()
    schemaless_writer(buffer, SCHEMAS[version], values)
    return AvroRecord("", record.kind, record.endpoint, buffer.getvalue(), record.at, record.place)


def as_read(logged: Sequence[LoggedRecord]) -> list[Records]:
    """Return records as tasks get them, by partition."""
    by_address: dict[Address, list[LoggedRecord]] = {}
    for record in logged:
        by_address.setdefault(record.place[:2], []).append(record)
    return [
        Records(
            address,
            np.array([record.place[2] for record in own], dtype=np.int64),
            np.array([to_us(record.at) for record in own], dtype=np.int64),
            [record.event_id.encode() for record in own],
            [record.body for record in own],
            [record.headers for record in own],
        )
        for address, own in by_address.items()
    ]


def speak(engine: Engine, beat: Heartbeat) -> None:
    """Let a driver claim its group and say what it says of itself. Raises Superseded if a newer one holds the group."""
    store = StreamStore(engine)
    store.heartbeat(store.claim(beat.group, beat.generation, beat.at), beat)
