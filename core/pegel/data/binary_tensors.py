"""Bodies of protocol v2 with binary tensors: a JSON head, and the bytes of its tensors one after the other.

::

    | {"inputs": [{"name", "shape", "datatype", "parameters": {"binary_data_size": n}}, ...]} | n bytes | n bytes | ...

How long the head is stands in an HTTP header that no logged event carries, so it is found by reading: it is one JSON
object. Source: "Binary tensor data extension" of the Open Inference Protocol.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from pegel.errors import InvalidPayload

MARK = b'"binary_data_size"'
"""What every body with binary tensors holds in its head; little else does."""
_NUMBERS: Mapping[str, np.dtype[Any]] = {
    "BOOL": np.dtype("u1"),
    "UINT8": np.dtype("<u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("<i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
_LENGTH_BYTES = 4
_IS_ONE_MORE = np.zeros(256, dtype=np.bool_)
"""Of each byte, whether one of them stands for a value or a container: each is followed by a comma or ends one."""
_IS_ONE_MORE[list(b",[{")] = True
_COUNTED_BYTES = 1024 * 1024
"""Bytes of a body that are counted at a time: what that takes is nine times as much."""
_SCAN = json.JSONDecoder(strict=False, parse_int=str)
_BLANKS = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*")
"""What may stand in front of JSON."""


def values_of(text: bytes) -> int:
    """Return a bound of how many values and containers JSON has; commas within texts count as well."""
    return text.count(b",") + text.count(b"[") + text.count(b"{")


def head_of(text: bytes, most_values: int) -> bytes:
    """Return the JSON with which a body begins, whatever bytes follow.

    Raises InvalidPayload, of kind `too_large` where it may have more than `most_values` values and containers.
    """
    reach = _reach(text, most_values)
    begin = _BLANKS.match(text)
    try:
        # Whatever the bytes of a text are, as Latin-1 they are one character each, and none looks like JSON's own.
        _, end = _SCAN.raw_decode(text[:reach].decode("latin-1"), begin.end() if begin else 0)
    except (ValueError, RecursionError) as error:
        if reach < len(text):
            reason = f"the body has more values than the {most_values} that are decoded"
            raise InvalidPayload("too_large", reason) from error
        raise InvalidPayload("not_json", f"the head of the body is not JSON: {str(error)[:200]}") from error
    return text[:end]


def with_binary_tensors(document: Any, data: memoryview, most_values: int) -> Any:
    """Return the document of a body's head with the values of its binary tensors in lists `data`, as JSON has them.

    `data`: what follows the head. Raises InvalidPayload, of kind `too_large` for more than `most_values` values.
    """
    if not isinstance(document, dict):
        raise _wrong("the head of a body with binary tensors is no object")
    values = 0
    for tensor in tensors_of(document):
        size = size_of(tensor)
        if size is None:
            continue
        if size > len(data):
            raise _wrong(f"a tensor has {size} bytes of data, {len(data)} are there")
        tensor["data"] = values_behind(tensor.get("datatype"), data[:size], most_values - values)
        values += len(tensor["data"])
        data = data[size:]
    if bytes(data).strip():
        raise _wrong(f"{len(data)} bytes follow the last tensor")
    return document


def _reach(text: bytes, most: int) -> int:
    """Return how many bytes of a body, from its beginning, hold at most so many values."""
    data = np.frombuffer(text, dtype=np.uint8)
    for at in range(0, len(text) if len(text) > most else 0, _COUNTED_BYTES):
        places = np.flatnonzero(_IS_ONE_MORE[data[at : at + _COUNTED_BYTES]])
        if places.size > most:
            return at + int(places[most])
        most -= places.size
    return len(text)


def tensors_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tensors of a head in the order of their bytes."""
    parts = (document.get(key) for key in ("inputs", "outputs"))
    return [tensor for part in parts if isinstance(part, list) for tensor in part if isinstance(tensor, dict)]


def size_of(tensor: dict[str, Any]) -> int | None:
    """Return how many bytes of data a tensor has behind the head; None: its data stands in it."""
    parameters = tensor.get("parameters")
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        return None
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or "data" in tensor:
        raise _wrong(f"a tensor has the binary_data_size {size!r:.80}, expected a number of bytes and no `data`")
    return size


def datatype_size(datatype: Any) -> int | None:
    """Return how many bytes a value has; None for texts. Raises InvalidPayload for a datatype that is not read."""
    return None if datatype == "BYTES" else _kind(datatype).itemsize


def values_behind(datatype: Any, data: memoryview, most: int) -> list[Any]:
    """Return the values of a tensor from its bytes, as JSON has them. Raises InvalidPayload."""
    if datatype == "BYTES":
        return _texts(bytes(data), most)
    kind = _kind(datatype)
    if len(data) % kind.itemsize:
        raise _wrong(f"a tensor of {datatype} has {len(data)} bytes, expected a multiple of {kind.itemsize}")
    _bound(len(data) // kind.itemsize, most)
    numbers = np.frombuffer(data, dtype=kind)
    values: list[Any] = (numbers != 0 if datatype == "BOOL" else numbers).tolist()
    return values


def _kind(datatype: Any) -> np.dtype[Any]:
    kind = _NUMBERS.get(datatype) if isinstance(datatype, str) else None
    if kind is None:
        raise _wrong(f"a binary tensor has the datatype {datatype!r:.80}; read are BYTES, {', '.join(_NUMBERS)}")
    return kind


def _texts(data: bytes, most: int) -> list[str]:
    """Return the texts of a tensor of BYTES: each has its length in front, four bytes, little-endian."""
    # As a rule all bytes are ASCII, lengths below 128 among them: then they are decoded in one go.
    parts: Any = data.decode("ascii") if data.isascii() else data
    values: list[Any] = []
    at, end = 0, len(data)
    while at < end:
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(data[at:begin], "little")
        if at > end:
            raise _wrong("a tensor of BYTES ends within a text")
        values.append(parts[begin:at])
        if len(values) > most:
            _bound(len(values), most)
    try:
        return values if isinstance(parts, str) else [value.decode() for value in values]
    except UnicodeDecodeError as error:
        raise _wrong("a tensor of BYTES holds what is no text in UTF-8") from error


def _bound(values: int, most: int) -> None:
    if values > most:
        raise InvalidPayload("too_large", f"the binary tensors have more values than are decoded, {most} of this one")


def _wrong(what: str) -> InvalidPayload:
    return InvalidPayload("wrong_shape", f"{what}; the event is kept aside")
