"""Many bodies parsed in one go, and the rows of bodies in the plainest form taken without work per body.

Anything else is left to the general way, body by body, which gives the same rows of these bodies.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from itertools import chain
from typing import Any

import orjson

from pegel.data.columns import Role
from pegel.data.payloads import Row

MAX_JOINT_BYTES = 1_000_000
"""Bytes of the bodies that are parsed together at most."""
_KEYS = {Role.FEATURE: "instances", Role.PREDICTION: "predictions"}


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

    Between two bodies stands a number that no sender knows, so that bodies which are no JSON alone, and together are,
    do not pass: the number would lie within what they make.
    """
    if sum(map(len, bodies)) > MAX_JOINT_BYTES:
        return None
    mark = secrets.randbelow(2**53)
    try:
        parsed: list[Any] = orjson.loads(b"[%b]" % (b",%d," % mark).join(bodies))
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
