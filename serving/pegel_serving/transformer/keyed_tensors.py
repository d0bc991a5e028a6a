"""Requests of protocol v2 that name entities: a tensor for each part of their keys, and what is looked up as others.

Tensors are of one value for each row, in JSON or as bytes behind it. What is looked up is added in JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from kserve import InferInput, InferRequest
from kserve.errors import InvalidInput

from pegel.data.entity_keys import entity_key
from pegel.online.online_store import Value
from pegel.spec.nearest import field_meant
from pegel.spec.online_section import Online
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel_serving.request_rows import named_tensors, tensor_values
from pegel_serving.transformer.keyed_rows import MOST_ROWS

_BINARY = frozenset({"binary_data", "binary_data_size", "binary_data_output"})
"""Parameters about bytes behind the JSON, of which nothing goes on."""


@dataclass(frozen=True, slots=True)
class KeyedTensors:
    """The tensors of one request. `entities`: the key of each row; of rows that bring all features there are none."""

    entities: list[str | None]
    own: list[InferInput]
    """What the client states beside the keys."""


def keyed_tensors(request: InferRequest, online: Online) -> KeyedTensors:
    """Read the tensors of a request. Raises InvalidInput with tensor and what was expected."""
    tensors = named_tensors(request)
    looked_up = [name for name in online.features if name in tensors]
    _refuse_infinite(request.inputs)
    if not any(name in tensors for name in online.keys) and len(looked_up) == len(online.features):
        return KeyedTensors([], request.inputs)
    if lacking := [name for name in online.keys if name not in tensors]:
        meant = field_meant(sorted({*tensors} - {*online.features}), lacking)
        raise InvalidInput(f"inputs: expected the tensors {', '.join(lacking)}, by which features are looked up{meant}")
    if looked_up:
        names = ", ".join(shown(name, NAME_LIMIT) for name in looked_up)
        raise InvalidInput(f"inputs: {names}: looked up by {', '.join(online.keys)}; leave it out")
    parts = [tensor_values(tensors[name]).ravel().tolist() for name in online.keys]
    rows = len(parts[0])
    if rows > MOST_ROWS:
        raise InvalidInput(f"expected at most {MOST_ROWS:,} rows in one request; given: {rows:,}")
    for name, tensor in tensors.items():
        if list(tensor.shape) not in ([rows], [rows, 1]):
            raise InvalidInput(
                f"inputs: {shown(name, NAME_LIMIT)}: expected one value for each of {rows} rows, as {online.keys[0]} "
                f"has; given the shape {list(tensor.shape)}"
            )
    own = [tensor for tensor in request.inputs if tensor.name not in online.keys]
    return KeyedTensors([_entity(row, online, at) for at, row in enumerate(zip(*parts, strict=True))], own)


def _refuse_infinite(tensors: Sequence[InferInput]) -> None:
    """Refuse bytes that JSON, in which the predictor is asked, cannot say: it would be asked about a null."""
    for tensor in tensors:
        if tensor.data is None and tensor.datatype.startswith("FP"):
            infinite = np.isinf(tensor_values(tensor).astype(np.float64, copy=False)).ravel()
            if infinite.any():
                raise InvalidInput(
                    f"inputs: {shown(tensor.name, NAME_LIMIT)}: expected finite numbers, or NaN where there is none, "
                    f"because the predictor is asked in JSON; given an infinite one at place {int(infinite.argmax())}"
                )


def with_features(
    request: InferRequest, own: Sequence[InferInput], rows: Sequence[Mapping[str, Value]]
) -> InferRequest:
    """Return the request for the predictor: what the client states, and a tensor for each looked-up feature."""
    names = list(rows[0]) if rows else []
    features = [_tensor(name, [row[name] for row in rows]) for name in names]
    return InferRequest(
        request.model_name,
        [*own, *features],
        request_id=request.id,
        parameters=request.parameters,
        request_outputs=request.request_outputs,
    )


def json_of(request: InferRequest) -> dict[str, Any]:
    """Return a request as JSON alone, whichever of its tensors came as bytes. Raises InvalidInput."""
    body: dict[str, Any] = {} if request.id is None else {"id": request.id}
    body |= _parameters(request.parameters)
    body["inputs"] = [
        {
            "name": tensor.name,
            "shape": list(tensor.shape),
            "datatype": tensor.datatype,
            **_parameters(tensor.parameters),
            "data": tensor_values(tensor).ravel().tolist() if tensor.data is None else tensor.data,
        }
        for tensor in request.inputs
    ]
    if request.request_outputs:
        body["outputs"] = [{"name": each.name, **_parameters(each.parameters)} for each in request.request_outputs]
    return body


def _entity(parts: Sequence[Any], online: Online, row: int) -> str:
    try:
        return entity_key(parts)
    except ValueError as error:
        raise InvalidInput(f"inputs, row {row}: {error} ({', '.join(online.keys)})") from error


def _parameters(given: Mapping[str, Any] | None) -> dict[str, Any]:
    kept = {name: value for name, value in (given or {}).items() if name not in _BINARY}
    return {"parameters": kept} if kept else {}


def _tensor(name: str, values: list[Value]) -> InferInput:
    """Return a feature as a tensor of shape [rows].

    Numbers may be null. Truth values may not, because a null among them would be read as false, and so are bare values
    of a tensor of bytes then, as are texts: a server that takes no such thing refuses it.
    """
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        datatype = "BOOL"
    elif kinds == {int}:
        datatype = "INT64"
    elif kinds & {int, float} and kinds <= {int, float, type(None)}:
        datatype = "FP64"
    else:
        datatype = "BYTES"
    return InferInput(name, [len(values)], datatype, data=values)
