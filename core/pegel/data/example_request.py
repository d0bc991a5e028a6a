"""One row as a client sends it to a model: the request of the probe, and of the example that a person is shown."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from pegel.data.columns import Kind
from pegel.data.wire import JSON
from pegel.spec.monitor_spec import MonitorSpec

Row = Sequence[Mapping[str, Any]]
"""Each feature's `name`, `kind` and `value`, in the order of the schema."""


def address(spec: MonitorSpec, url: str) -> str:
    """Return where the model below the endpoint's base address `url` takes requests."""
    base = url.rstrip("/")
    if spec.model.protocol == "v1":
        return f"{base}/v1/models/{spec.endpoint}:predict"
    return f"{base}/v2/models/{spec.endpoint}/infer"


def body(spec: MonitorSpec, row: Row) -> dict[str, Any]:
    """Return a request of one row in the spec's protocol."""
    if spec.model.protocol == "v1":
        return {"instances": [[field["value"] for field in row]]}
    return {"inputs": [_tensor(field) for field in row]}


def command(spec: MonitorSpec, url: str, row: Row) -> str:
    """Return the request of one row as a command of a shell, in two lines."""
    data = shlex.quote(json.dumps(body(spec, row)))
    return f"curl -s {shlex.quote(address(spec, url))} -H 'Content-Type: {JSON}' \\\n  -d {data}"


def _tensor(field: Mapping[str, Any]) -> dict[str, Any]:
    numeric = field["kind"] == Kind.NUMERIC.value
    value = field["value"] if numeric or field["value"] is None else str(field["value"])
    return {"name": field["name"], "shape": [1, 1], "datatype": "FP64" if numeric else "BYTES", "data": [value]}
