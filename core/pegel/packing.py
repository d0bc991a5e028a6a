"""Summaries as bytes: a header that names the layout, then the arrays as they lie in memory, compressed.

Little-endian throughout, so that bytes written on one machine read on any other.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pegel.errors import LayoutMismatch

if TYPE_CHECKING:
    from pegel.summary import Summary

_MAGIC = b"PGLS1"
_HEADER = struct.Struct("<5s32sqq")


def pack(summary: Summary) -> bytes:
    """Return a summary as bytes."""
    header = _HEADER.pack(_MAGIC, bytes.fromhex(summary.layout.layout_hash), summary.n_outliers, summary.n_scored)
    body = b"".join(np.ascontiguousarray(array, dtype=kind).tobytes() for array, kind in _arrays(summary))
    exact = None
    if summary.exact is not None:
        exact = {
            i: [sums.count, *(None if s is None else hex(s) for s in sums.sums)] for i, sums in summary.exact.items()
        }
    return header + zlib.compress(body + json.dumps(exact).encode(), level=1)


def unpack(data: bytes, into: Summary) -> Summary:
    """Fill an empty summary with what `pack` wrote. Raises LayoutMismatch for other bytes or another layout."""
    if len(data) < _HEADER.size or data[:5] != _MAGIC:
        raise LayoutMismatch(f"expected a packed summary, given {data[:5]!r}...: nothing was read.")
    _, layout, into.n_outliers, into.n_scored = _HEADER.unpack_from(data)
    if layout.hex() != into.layout.layout_hash:
        raise LayoutMismatch(
            f"expected a summary in layout {into.layout.layout_hash[:12]}, given one in {layout.hex()[:12]}: "
            "it belongs to another baseline; nothing was read."
        )
    body = zlib.decompress(data[_HEADER.size :])
    position = 0
    for array, kind in _arrays(into):
        flat = np.frombuffer(body, dtype=kind, count=array.size, offset=position)
        array[...] = flat.reshape(array.shape)
        position += flat.nbytes
    _unpack_exact(json.loads(body[position:]), into)
    return into


def _unpack_exact(exact: dict[str, list[int | str | None]] | None, into: Summary) -> None:
    if exact is None:
        return
    into.keep_exact()
    for i, sums in (into.exact or {}).items():
        count, *texts = exact[str(i)]
        sums.count = int(count or 0)
        sums.sums = [None if text is None else int(str(text), 16) for text in texts]


def _arrays(summary: Summary) -> tuple[tuple[NDArray[np.int64] | NDArray[np.float64], str], ...]:
    return (
        (summary.counters, "<i8"),
        (summary.cells, "<i8"),
        (summary.ranges, "<f8"),
        (summary.moments, "<f8"),
    )
