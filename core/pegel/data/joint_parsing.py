"""Many bodies parsed in one go, and the rows of bodies in the plainest form taken without work per body.

Anything else is left to the general way, body by body, which gives the same rows of these bodies.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from itertools import chain
from typing import Any

import orjson

from pegel.data.binary_tensors import MARK
from pegel.data.columns import Role
from pegel.data.payloads import Row

MAX_JOINT_BYTES = 1_000_000
"""Bytes of the bodies that are parsed together at most."""
_KEYS = {Role.FEATURE: "instances", Role.PREDICTION: "predictions"}
_TENSORS = {Role.FEATURE: "inputs", Role.PREDICTION: "outputs"}


def joint_runs(bodies: Sequence[bytes]) -> list[tuple[int, int]]:
    """Return runs of bodies, from (inclusive) and to (exclusive), of at most `MAX_JOINT_BYTES` or a single body."""
    runs, first, held = [], 0, 0
    for at, body in enumerate(bodies):
        if held + len(body) > MAX_JOINT_BYTES and at > first:
            runs.append((first, at))
            first, held = at, 0
        held += len(body)
    return [*runs, (first, len(bodies))] if bodies else []


def documents(bodies: Sequence[bytes]) -> list[Any] | None:
    """Return the document of each body; None unless every one is strict JSON by itself, and not too large.

    Bodies with binary tensors are left to the general way, too: the bytes of a tensor may be nothing but blanks.
    Between two bodies stands a number that no sender knows, so that bodies which are no JSON alone, and together are,
    do not pass: the number would lie within what they make.
    """
    if sum(map(len, bodies)) > MAX_JOINT_BYTES:
        return None
    mark = secrets.randbelow(2**53)
    joined = b"[%b]" % (b",%d," % mark).join(bodies)
    if MARK in joined:
        return None
    try:
        parsed: list[Any] = orjson.loads(joined)
    except orjson.JSONDecodeError:
        return None
    if len(parsed) != 2 * len(bodies) - 1 or parsed[1::2] != [mark] * (len(bodies) - 1):
        return None
    return parsed[::2]


def plain_rows(parsed: Sequence[Any], role: Role, width: int) -> tuple[list[Row], list[int]] | None:
    """Return all rows and how many each document has; None unless all are v1 with rows of `width` values.

    Rows are lists, or bare values where `width` is 1.
    """
    key = _KEYS[role]
    try:
        items = [document[key] for document in parsed]
        counts = list(map(len, items))
    except (TypeError, KeyError):
        return None
    if set(map(type, items)) != {list} or set(map(type, parsed)) != {dict}:
        return None
    rows = list(chain.from_iterable(items))
    types = set(map(type, rows))
    if types <= {list}:
        return (rows, counts) if set(map(len, rows)) <= {width} else None
    if width == 1 and types.isdisjoint((list, dict)):
        return [(value,) for value in rows], counts
    return None


def tensor_rows(parsed: Sequence[Any], role: Role, names: tuple[str, ...]) -> tuple[list[Row], list[int]] | None:
    """Return all rows and how many each document has; None unless all are v2 with a tensor of bare values per field.

    `names`: of one field or more. Tensors have the shape [rows] or [rows, 1], at least one row, and different names;
    tensors that are no field are passed over.
    """
    rows: list[Row] = []
    counts = []
    types: set[type] = set()
    try:
        for document in parsed:
            tensors = document[_TENSORS[role]]
            data = {tensor["name"]: tensor["data"] for tensor in tensors}
            columns = [data[name] for name in names]
            size = len(columns[0])
            kinds = type(tensors), *set(map(type, data)), *set(map(type, data.values()))
            if _KEYS[role] in document or len(data) != len(tensors) or kinds != (list, str, list):
                return None
            if not _are_flat(tensors, size):
                return None
            own = list(zip(*columns, strict=True))
            types.update(*(map(type, row) for row in own))
            rows += own
            counts.append(size)
    except (TypeError, KeyError, ValueError):
        return None
    return None if list in types else (rows, counts)


def _are_flat(tensors: Sequence[dict[str, Any]], size: int) -> bool:
    """Say whether all tensors have `size` rows, one or more, of one value each."""
    shapes = [tensor["shape"] for tensor in tensors]
    fit = shapes.count([size]) + shapes.count([size, 1]) == len(shapes)
    return bool(size) and fit and {type(shape[0]) for shape in shapes} == {int}
