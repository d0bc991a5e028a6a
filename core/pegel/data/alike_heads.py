"""Bodies of protocol v2 with the same head, byte by byte: their binary tensors are read as those of one long body.

A head is what takes the time: what stands in it is said again with each body, and only the bytes behind it differ.
Whatever is not plain is left to the general way, body by body, which gives the same rows of these bodies.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import orjson

from pegel.data.binary_tensors import MARK, datatype_size, head_of, size_of, tensors_of, values_behind
from pegel.data.columns import Role
from pegel.data.payloads import MAX_VALUES, Row, rows_of
from pegel.errors import InvalidPayload

MOST_HEADS = 32
"""Heads that are told apart in one batch. Texts of other lengths make other heads; a model has few, or far too many."""


def rows_of_alike(bodies: Sequence[bytes], role: Role, names: tuple[str, ...]) -> dict[int, list[Row]]:
    """Return the rows of one role by the position of their body; a body that is left out is to be read by itself.

    `bodies` have at most `MAX_VALUES` bytes together, or are one.
    """
    rows: dict[int, list[Row]] = {}
    for head, members in _by_head(bodies).items():
        if len(members) > 1:
            rows |= _together(head, members, role, names)
    return rows


def _by_head(bodies: Sequence[bytes]) -> dict[bytes, dict[int, bytes]]:
    """Return the bodies by position under their head.

    A head is one JSON object and so ends in the same place in every body that begins with it.
    """
    heads: dict[bytes, dict[int, bytes]] = {}
    for position, body in enumerate(bodies):
        head = next((head for head in heads if body.startswith(head)), b"")
        if not head and len(heads) < MOST_HEADS:
            head = _head(body)
        if head:
            heads.setdefault(head, {})[position] = body
    return heads


def _head(body: bytes) -> bytes:
    """Return the head of a body with binary tensors; nothing of any other."""
    try:
        head = head_of(body, MAX_VALUES) if MARK in body else b""
    except InvalidPayload:
        return b""
    return head if MARK in head and head.endswith(b"}") else b""


def _together(head: bytes, members: Mapping[int, bytes], role: Role, names: tuple[str, ...]) -> dict[int, list[Row]]:
    """Return the rows of bodies that begin with `head`, those that are plain."""
    try:
        document = orjson.loads(head)
        tensors = _Tensors(document, len(head))
        fitting = {position: body for position, body in members.items() if tensors.fit(body)}
        if not fitting:
            return {}
        tensors.fill([*fitting.values()])
        rows = rows_of(document, role, names)
    except (orjson.JSONDecodeError, InvalidPayload):
        return {}
    return {position: rows[at * tensors.rows : (at + 1) * tensors.rows] for at, position in enumerate(fitting)}


class _Tensors:
    """The binary tensors of a head. `rows`: how many each of them has."""

    def __init__(self, document: dict[str, Any], begin: int) -> None:
        """Find out what lies where from the byte `begin` on. Raises InvalidPayload where not all of it is plain."""
        if document.keys() & {"instances", "predictions"}:
            raise _not_plain()
        self._tensors = tensors_of(document)
        sizes = [_checked_size(tensor) for tensor in self._tensors]
        lengths = {tensor["shape"][0] for tensor in self._tensors}
        if len(lengths) != 1:
            raise _not_plain()
        self.rows = lengths.pop()
        self._bounds = list(accumulate(sizes, initial=begin))
        self._texts: dict[bytes, list[str]] = {}
        self._of_texts = [
            (begin, end, math.prod(tensor["shape"]))
            for tensor, begin, end in self._places()
            if tensor["datatype"] == "BYTES"
        ]

    def fit(self, body: bytes) -> bool:
        """Say whether a body holds what its head says: so many bytes, and so many texts in its tensors of texts."""
        if len(body) != self._bounds[-1]:
            return False
        try:
            return all(len(self._read(body[begin:end])) == values for begin, end, values in self._of_texts)
        except InvalidPayload:
            return False

    def fill(self, bodies: Sequence[bytes]) -> None:
        """Give each tensor the values of all bodies, and the shape of as many rows. Each of them is to `fit`."""
        first = self._bounds[0]
        joined = np.frombuffer(b"".join(body[first:] for body in bodies), dtype=np.uint8)
        data = joined.reshape(len(bodies), -1)
        for tensor, begin, end in self._places():
            if tensor["datatype"] == "BYTES":
                tensor["data"] = [text for body in bodies for text in self._read(body[begin:end])]
            else:
                own = data[:, begin - first : end - first].tobytes()
                tensor["data"] = values_behind(tensor["datatype"], memoryview(own), MAX_VALUES)
            tensor["shape"] = [len(bodies) * self.rows, *tensor["shape"][1:]]

    def _places(self) -> Iterator[tuple[dict[str, Any], int, int]]:
        """Yield each tensor with where its bytes begin (inclusive) and end (exclusive) in a body."""
        bounds = pairwise(self._bounds)
        return ((tensor, begin, end) for tensor, (begin, end) in zip(self._tensors, bounds, strict=True))

    def _read(self, data: bytes) -> list[str]:
        """Return the texts of a tensor: labels are few, so what was read is kept. Raises InvalidPayload."""
        texts = self._texts.get(data)
        if texts is None:
            texts = self._texts[data] = values_behind("BYTES", memoryview(data), MAX_VALUES)
        return texts


def _checked_size(tensor: dict[str, Any]) -> int:
    """Return how many bytes a tensor has behind the head. Raises InvalidPayload where its shape says otherwise."""
    size, shape = size_of(tensor), tensor.get("shape")
    if size is None or not isinstance(shape, list) or set(map(type, shape)) != {int} or min(shape) < 1:
        raise _not_plain()
    width = datatype_size(tensor.get("datatype"))
    if width is not None and size != width * math.prod(shape):
        raise _not_plain()
    return size


def _not_plain() -> InvalidPayload:
    return InvalidPayload("wrong_shape", "the tensors are not plain; each body is read by itself")
