"""Values with bytes in them as one string of bytes: a JSON head, then the blobs it counts.

::

    | 4 bytes: length of the head, little endian | head: {"blobs": [lengths], "value": ...} | blob | blob | ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

_LENGTH_BYTES = 4


def pack(value: Any, blobs: Sequence[bytes]) -> bytes:
    """Return plain JSON `value` and `blobs` as one string of bytes."""
    head = orjson.dumps({"blobs": [len(blob) for blob in blobs], "value": value}, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join((len(head).to_bytes(_LENGTH_BYTES, "little"), head, *blobs))


def unpack(data: bytes) -> tuple[Any, list[bytes]]:
    """Return what was given to `pack`. Raises ValueError when something is missing at the end."""
    begin = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    head = orjson.loads(data[_LENGTH_BYTES:begin])
    blobs = []
    for length in head["blobs"]:
        blobs.append(data[begin : begin + length])
        begin += length
    if begin != len(data):
        raise ValueError(f"expected {begin} packed bytes, given {len(data)}; nothing was read")
    return head["value"], blobs
