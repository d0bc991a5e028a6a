"""Class probabilities of an answer are fields like any other: counted, and judged by what they were in training."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.testing.samples import brief_spec, trained_on
from pegel.testing.stream_fakes import LoggedRecord

SCHEMA = Schema(
    (
        Field("distance", Kind.NUMERIC),
        Field("label", Kind.CATEGORICAL, Role.PREDICTION),
        Field("classes_0", Kind.NUMERIC, Role.PREDICTION),
        Field("classes_1", Kind.NUMERIC, Role.PREDICTION),
    )
)


def training(rows: int) -> pa.Table:
    """Return training data in which both classes are as probable."""
    rng = np.random.default_rng(3)
    first = rng.uniform(0.2, 0.8, rows)
    labels = np.where(first > 0.5, "yes", "no")
    return pa.table({"distance": rng.normal(size=rows), "label": labels, "classes_0": first, "classes_1": 1 - first})


def in_v1(label: str, classes: list[float]) -> bytes:
    """Return an answer as an object of lists."""
    return json.dumps({"predictions": [{"label": label, "classes": classes}]}).encode()


def in_v2(label: str, classes: list[float]) -> bytes:
    """Return an answer as two tensors."""
    outputs = [
        {"name": "classes", "shape": [1, 2], "datatype": "FP64", "data": classes},
        {"name": "label", "shape": [1], "datatype": "BYTES", "data": [label]},
    ]
    return json.dumps({"outputs": outputs}).encode()


def in_v2_binary(label: str, classes: list[float]) -> bytes:
    """Return an answer as two binary tensors."""
    data = np.array(classes, dtype="<f8").tobytes(), len(label).to_bytes(4, "little") + label.encode()
    outputs = [
        {"name": "classes", "shape": [1, 2], "datatype": "FP64", "parameters": {"binary_data_size": len(data[0])}},
        {"name": "label", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(data[1])}},
    ]
    return json.dumps({"outputs": outputs}).encode() + b"".join(data)


@pytest.mark.parametrize("body", [in_v1, in_v2, in_v2_binary], ids=["v1", "v2", "v2 binary"])
def test_a_model_that_is_surer_than_in_training_is_found(group: Any, body: Callable[[str, list[float]], bytes]) -> None:
    """Where only the probabilities changed, they are what drifts: neither the label nor the features do."""
    spec = brief_spec("sure")
    group.models.watch(spec, group.baselines.put(trained_on(training(4_000), SCHEMA, spec)))
    rng, records = np.random.default_rng(4), list[LoggedRecord]()
    for number, first in enumerate(rng.choice([0.05, 0.95], 400)):
        answer = body("yes" if first > 0.5 else "no", [float(first), 1 - float(first)])
        asked = json.dumps({"instances": [[float(rng.normal())]]}).encode()
        pair = LoggedRecord(f"s{number}", REQUEST_TYPE, spec.endpoint, asked, group.begin)
        records += [pair, replace(pair, kind=RESPONSE_TYPE, body=answer)]
    state = group.start()
    group.send(state, records)
    group.clock.advance(timedelta(minutes=2))
    group.tick(state, idle_s=120)
    window = next(row for row in group.results.windows("sure", 1) if row.final)
    verdicts = {one["feature"]: one["verdict"] for one in window.judgement["features"]}

    assert (400, 400, 400, 0) == (window.requests, window.responses, window.joined, window.invalid)
    assert {"distance": "ok", "label": "ok", "classes_0": "drift", "classes_1": "drift"} == verdicts
