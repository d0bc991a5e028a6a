"""One row as a client sends it to a model: the request of the probe, and of the example that a person is shown.

A row is sent by name, so that a model that takes more than what is watched (times) gets all of it, in whatever order.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pegel.data.columns import TIME, Kind
from pegel.data.conversions import category_of
from pegel.data.wire import JSON
from pegel.spec.monitor_spec import MonitorSpec

Row = Sequence[Mapping[str, Any]]
"""Each column's `name`, `kind` (of `Kind`, or `TIME`) and `value`: features in the order of the schema, then times.

A time is registered and not watched; its value is ISO 8601.
"""


def address(spec: MonitorSpec, url: str) -> str:
    """Return where the model below the endpoint's base address `url` takes requests."""
    base = url.rstrip("/")
    if spec.model.protocol == "v1":
        return f"{base}/v1/models/{spec.served_name}:predict"
    return f"{base}/v2/models/{spec.served_name}/infer"


def metadata_address(spec: MonitorSpec, url: str) -> str:
    """Return where the model says which inputs it takes, in either protocol: v1 has no such address."""
    return f"{url.rstrip('/')}/v2/models/{spec.served_name}"


def inputs_of(metadata: Any) -> frozenset[str]:
    """Return the names of the inputs that a model's metadata lists; none if it lists none."""
    listed = metadata.get("inputs") if isinstance(metadata, dict) else None
    tensors = [tensor for tensor in listed if isinstance(tensor, dict)] if isinstance(listed, list) else []
    return frozenset(str(tensor.get("name")) for tensor in tensors)


def taken(row: Row, inputs: Collection[str]) -> Row:
    """Return the columns of `row` that a model with these inputs takes.

    All features, and no time, where the inputs are not known or none of them is a column: a single matrix, say.
    """
    known = [field for field in row if field["name"] in inputs]
    return known or [field for field in row if field["kind"] != TIME]


def body(protocol: str, row: Row) -> dict[str, Any]:
    """Return a request of one row, by name, in a protocol: an object (v1), or one tensor per column (v2)."""
    if protocol == "v1":
        return {"instances": [{field["name"]: field["value"] for field in row}]}
    return {"inputs": [tensor(field["name"], field["kind"] == Kind.NUMERIC.value, [field["value"]]) for field in row]}


def bodies(spec: MonitorSpec, row: Row, inputs: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return the requests of one row that a model may take, the best first; `inputs` are what its metadata lists.

    Of a server that is not ours nobody knows whether it takes columns by name: what is no time is sent as a list, too
    (v1), or, where all of it is numeric, as one tensor of shape [1, columns] (v2).
    """
    by_name = body(spec.model.protocol, row)
    features = [field for field in row if field["kind"] != TIME]
    if spec.model.url is None:
        return [by_name]
    if spec.model.protocol == "v1":
        return [by_name, {"instances": [[field["value"] for field in features]]}]
    if any(field["kind"] != Kind.NUMERIC.value for field in features):
        return [by_name]
    # Some servers take a tensor by its own name alone; others do not look at it.
    name = next(iter(inputs)) if len(inputs) == 1 else "input-0"
    matrix = {"shape": [1, len(features)], "datatype": "FP64", "data": [field["value"] for field in features]}
    return [by_name, {"inputs": [{"name": name} | matrix]}]


def command(spec: MonitorSpec, url: str, request: Mapping[str, Any]) -> str:
    """Return a request, as `body` makes it, as a command of a shell, in two lines."""
    data = shlex.quote(json.dumps(request))
    return f"curl -s {shlex.quote(address(spec, url))} -H 'Content-Type: {JSON}' \\\n  -d {data}"


def tensor(name: str, numeric: bool, values: list[Any]) -> dict[str, Any]:
    """Return a column of rows as a tensor of protocol v2, of shape [rows, 1]."""
    data = values if numeric else [category_of(value)[0] for value in values]
    return {"name": name, "shape": [len(values), 1], "datatype": "FP64" if numeric else "BYTES", "data": data}
