"""From the bytes of a body to rows of plain values: gzip, JSON, and the v1 and v2 shapes of the inference protocols.

Binary tensors of v2 are read by `pegel.data.binary_tensors`.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from pegel.data.binary_tensors import MARK, head_of, values_of, with_binary_tensors
from pegel.data.columns import Role
from pegel.data.wide_outputs import index_in, part_of, parts_of_rows
from pegel.errors import InvalidPayload
from pegel.spec.nearest import field_meant
from pegel.spec.outside_text import NAME_LIMIT

MAX_BODY_BYTES = 16 * 1024 * 1024
"""Largest body that is decoded, inflated or not. A larger one is counted as `too_large`."""
MAX_VALUES = 1_000_000
"""Most values and containers of one body, counted before it is parsed: a million empty objects already take 64 MB, and
16 MB of JSON could hold eight million. A larger one is counted as `too_large`."""
LONG_INTEGER = 25
"""Digits from which an integer is read as a float at once: Python's own reading takes the square of their number."""
MAX_TENSOR_DEPTH = 16
"""Deepest nesting of a tensor's data; tensors in use have four dimensions or so. Deeper is `wrong_shape`."""

INVALID_KINDS = (
    "missing_header",  # a required attribute is absent
    "unknown_type",  # neither request nor response nor drop notice
    "unknown_model",  # no monitor answers to the endpoint's name
    "empty_body",
    "too_large",
    "bad_gzip",
    "not_json",
    "grpc_frame",  # of the protocol that no endpoint of ours speaks
    "wrong_shape",  # JSON, but of neither protocol
    "wrong_fields",  # rows with another number of values, or without any of the fields
    "decoder_failed",  # a body that no test has thought of broke the decoder
    "other_artefact",  # attributions by another folder than the spec names
    "other_rows",  # an answer of more or fewer predictions than its request has rows; counted as a missing one
    "monitor_failed",  # nothing is wrong with the event: its monitor could not count it
)

Row = Sequence[Any]
_GZIP_MAGIC = b"\x1f\x8b"
_FRAME = 5
"""Bytes in front of a message of gRPC."""
_TENSOR_KEYS = ("inputs", "outputs")
_KEYS = {Role.FEATURE: ("instances", "inputs"), Role.PREDICTION: ("predictions", "outputs")}


def load(body: bytes) -> Any:
    """Return the JSON document of a body. Raises InvalidPayload."""
    if not body:
        raise InvalidPayload("empty_body", "the body is empty, expected JSON; the event is kept aside")
    # The content type of a logged response is the request's, so only the bytes themselves tell.
    text = _inflate(body) if body[:2] == _GZIP_MAGIC else body
    if len(text) > MAX_BODY_BYTES:
        raise InvalidPayload("too_large", f"the body has {len(text)} bytes, at most {MAX_BODY_BYTES} are decoded")
    if _is_grpc_frame(text):
        raise InvalidPayload(
            "grpc_frame", "the body is a frame of gRPC, expected the JSON of v1 or v2; the event is kept aside"
        )
    if MARK in text:
        head = head_of(text, MAX_VALUES)
        return with_binary_tensors(_read(head), memoryview(text)[len(head) :], MAX_VALUES)
    if len(text) > MAX_VALUES and (values := values_of(text)) > MAX_VALUES:
        raise InvalidPayload("too_large", f"the body has about {values} values, at most {MAX_VALUES} are decoded")
    return _read(text)


def _read(text: bytes) -> Any:
    """Return a document, of strict JSON or what servers send in its place. Raises InvalidPayload."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _load_leniently(text)


def _is_grpc_frame(text: bytes) -> bool:
    """Say whether bytes are one message of gRPC: a flag, four bytes of length, big-endian, and as many bytes."""
    return len(text) >= _FRAME and text[0] <= 1 and int.from_bytes(text[1:_FRAME], "big") == len(text) - _FRAME


def rows_of(document: Any, role: Role, names: tuple[str, ...]) -> list[Row]:
    """Return the rows of one role, each with one value per name. Raises InvalidPayload.

    v1: `{"instances": [[...], ...]}`, or objects by name, or bare values for a single field; `predictions` likewise.
    v2: `{"inputs": [{"name", "shape", "data"}, ...]}`: one tensor per field, of shape [rows] or [rows, 1], or one
    tensor of shape [rows, fields], for a single field also [rows]. Of several values of one output each may be a field,
    see `pegel.data.wide_outputs`. What a row lacks by name is null; a body without any of the names, rows of another
    number of values and ragged data are refused.
    """
    key, items = _items(document, role)
    if key in _TENSOR_KEYS and items and isinstance(items[0], dict) and {"data", "datatype"} & items[0].keys():
        return _from_tensors(items, names)
    return _from_instances(items, names)


def _inflate(body: bytes) -> bytes:
    try:
        stream = zlib.decompressobj(wbits=31)
        text = stream.decompress(body, MAX_BODY_BYTES + 1)
        if len(text) <= MAX_BODY_BYTES and not stream.eof:
            raise InvalidPayload("bad_gzip", "the gzip body ends early; the event is kept aside")
    except zlib.error as error:
        raise InvalidPayload("bad_gzip", f"the gzip body cannot be inflated: {error}") from error
    return text


def _load_leniently(text: bytes) -> Any:
    """Read what strict JSON refuses but Python and NumPy servers send: NaN, Infinity, 1e400, integers of any length."""
    try:
        document = json.loads(text, parse_int=_whole)
        # Lone surrogates pass the parser but are no text: they could be neither stored nor shown.
        json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidPayload("not_json", f"the body is not JSON: {str(error)[:200]}") from error
    return document


def _whole(digits: str) -> float:
    """Return an integer as strict JSON does: with all its digits in 64 bits, otherwise as the nearest float."""
    return int(digits) if len(digits) < LONG_INTEGER else float(digits)


def _items(document: Any, role: Role) -> tuple[str, list[Any]]:
    keys = _KEYS[role]
    if isinstance(document, dict):
        for key in keys:
            if isinstance(items := document.get(key), list):
                return key, items
    raise InvalidPayload("wrong_shape", f"expected an object with a list {' or '.join(keys)}; the event is kept aside")


def _from_instances(items: list[Any], names: tuple[str, ...]) -> list[Row]:
    types = set(map(type, items))
    if types <= {list}:
        rows: list[Row] = items
    elif not names:
        return [()] * len(items)
    elif types == {dict}:
        rows = _by_name(items, names)
    elif len(names) == 1 and not types & {list, dict}:
        rows = [(value,) for value in items]
    else:
        raise InvalidPayload(
            "wrong_shape", f"rows are {_kinds(types)}, expected one list or object of {len(names)} values"
        )
    return _checked(rows, names)


def _by_name(items: list[dict[str, Any]], names: tuple[str, ...]) -> list[Row]:
    """Return one value per name; a field that a row lacks is null. Some row must have some field."""
    parts = parts_of_rows(items, names)
    if not parts and not any(name in item for item in items for name in names):
        sentence = f"no row has a field of {_listed(names)}; the event is kept aside"
        raise InvalidPayload("wrong_fields", sentence, _meant(items[0], names))
    if not parts:
        return [tuple(map(item.get, names)) for item in items]
    return [tuple(part_of(item, *parts[name]) if name in parts else item.get(name) for name in names) for item in items]


def _from_tensors(tensors: list[Any], names: tuple[str, ...]) -> list[Row]:
    for tensor in tensors:
        if not isinstance(tensor, dict) or not isinstance(tensor.get("data"), list):
            raise InvalidPayload("wrong_shape", "a tensor lacks its list `data`; the event is kept aside")
    width = len(names)
    if not width:
        return [()] * _rows_and_values(tensors[0])[0]
    # The only tensor may be all fields side by side, whatever its name. Three values are a row of three fields only
    # where the shape says so: [3] are three rows.
    if len(tensors) == 1:
        rows, values = _rows_and_values(tensors[0])
        if len(values) == rows * width:
            return [values[at : at + width] for at in range(0, len(values), width)]
    return _side_by_side(tensors, names)


def _side_by_side(tensors: list[dict[str, Any]], names: tuple[str, ...]) -> list[Row]:
    """Return the rows of one tensor per field, found by name; a field without a tensor is null in every row."""
    named = {tensor["name"]: tensor for tensor in tensors if isinstance(tensor.get("name"), str)}
    columns = {name: _rows_and_values(named[name]) for name in names if name in named}
    columns |= _parts_of_tensors(named, [name for name in names if name not in columns])
    if not columns:
        wanted = f"expected tensors of {_listed(names)}, or one of [rows, {len(names)}]"
        raise InvalidPayload("wrong_fields", wanted, _meant(named, names))
    lengths = {length for rows, values in columns.values() for length in (rows, len(values))}
    if len(lengths) > 1 or len(named) < len(tensors):
        raise InvalidPayload(
            "wrong_fields", "expected tensors of different names, with one value per row and as many rows"
        )
    nothing: list[Any] = [None] * lengths.pop()
    return list(zip(*(columns[name][1] if name in columns else nothing for name in names), strict=True))


def _parts_of_tensors(named: Mapping[str, dict[str, Any]], lacking: Iterable[str]) -> dict[str, tuple[int, list[Any]]]:
    """Return rows and values of fields that are one of several values of a tensor: `classes_0` of `classes`."""
    flat: dict[str, tuple[int, list[Any]]] = {}
    parts = {}
    for name in lacking:
        output, _, place = name.rpartition("_")
        at = index_in(place)
        if output not in named or at is None:
            continue
        if output not in flat:
            flat[output] = _rows_and_values(named[output])
        rows, values = flat[output]
        width = len(values) // max(rows, 1)
        if at < width:
            parts[name] = rows, values[at::width]
    return parts


def _rows_and_values(tensor: dict[str, Any]) -> tuple[int, list[Any]]:
    """Return how many rows a tensor has, the first number of its shape, and its values in order.

    Without a shape its data tells. Raises InvalidPayload when the data is ragged or has another shape than is said.
    """
    values, shape = _flatten(tensor["data"]), tensor.get("shape")
    if not isinstance(shape, list) or not shape:
        rows = len(tensor["data"])
        fits = rows == 0 or len(values) % rows == 0
    else:
        rows = shape[0]
        are_sizes = len(shape) <= MAX_TENSOR_DEPTH and all(isinstance(size, int) and size >= 0 for size in shape)
        fits = are_sizes and math.prod(shape) == len(values)
    if not fits or (rows and not values):
        raise InvalidPayload("wrong_shape", f"a tensor of {len(values)} values has the shape {str(shape)[:80]}")
    return int(rows), values


def _flatten(data: list[Any]) -> list[Any]:
    """Return the values of a tensor in order. Raises InvalidPayload when it is ragged or too deep."""
    values: list[Any] = []
    _collect(data, values, MAX_TENSOR_DEPTH)
    return values


def _collect(data: list[Any], values: list[Any], deeper: int) -> None:
    types = set(map(type, data))
    if list not in types:
        values.extend(data)
        return
    if types != {list} or deeper == 1:
        what = "mixes lists and values" if types != {list} else f"is nested deeper than {MAX_TENSOR_DEPTH}"
        raise InvalidPayload("wrong_shape", f"the data of a tensor {what}; the event is kept aside")
    for part in data:
        _collect(part, values, deeper - 1)


def _checked(rows: list[Row], names: tuple[str, ...]) -> list[Row]:
    if names and not set(map(len, rows)) <= {len(names)}:
        given = sorted(set(map(len, rows)))[:5]
        raise InvalidPayload(
            "wrong_fields", f"rows have {given} values, expected {len(names)}; the event is kept aside"
        )
    return rows


def _kinds(types: set[type]) -> str:
    return ", ".join(sorted(kind.__name__ for kind in types))


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names):.200}"


def _meant(given: Iterable[Any], names: tuple[str, ...]) -> Callable[[], str]:
    """Return how to find out which field the first name of a body probably means; one comparison, whatever is sent."""
    first = next((name for name in given if isinstance(name, str)), "")
    return partial(field_meant, (first[:NAME_LIMIT],), names)
