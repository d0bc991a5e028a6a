"""A row and its prediction as the bodies of a request and its answer, in each format that is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import orjson

Row: TypeAlias = Sequence[float | str]
Bodies: TypeAlias = tuple[bytes, bytes]


def in_v1(row: Row, prediction: float) -> Bodies:
    """Return protocol v1."""
    return orjson.dumps({"instances": [row]}), orjson.dumps({"predictions": [prediction]})


def in_v2_json(row: Row, prediction: float) -> Bodies:
    """Return protocol v2: one tensor of all features, which are numbers."""
    return (
        orjson.dumps({"inputs": [_tensor("rows", len(row)) | {"data": row}]}),
        orjson.dumps({"outputs": [_tensor("p", 1) | {"data": [prediction]}]}),
    )


def in_v2_binary(row: Row, prediction: float) -> Bodies:
    """Return protocol v2 with the same tensors as bytes behind the JSON."""
    return _with_bytes("inputs", "rows", row), _with_bytes("outputs", "p", [prediction])


FORMATS: Mapping[str, Callable[[Row, float], Bodies]] = {
    "v1": in_v1,
    "v2 json": in_v2_json,
    "v2 binary": in_v2_binary,
}


def _tensor(name: str, columns: int) -> dict[str, Any]:
    return {"name": name, "shape": [1, columns], "datatype": "FP64"}


def _with_bytes(key: str, name: str, values: Row) -> bytes:
    data = np.asarray(values, dtype="<f8").tobytes()
    tensor = _tensor(name, len(values)) | {"parameters": {"binary_data_size": len(data)}}
    return orjson.dumps({key: [tensor]}) + data
