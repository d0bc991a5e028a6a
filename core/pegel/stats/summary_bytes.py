"""Summaries as bytes: a header that names the layout, then the arrays as they lie in memory, compressed.

Little-endian throughout, so that bytes written on one machine read on any other.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pegel.errors import LayoutMismatch
from pegel.stats.comoments import Comoments
from pegel.stats.exact import ExactSums
from pegel.stats.fourth import FourthProducts
from pegel.stats.layout import Layout
from pegel.stats.pair_tables import PairTables
from pegel.stats.row_behaviour import RowBehaviour
from pegel.stats.statistic import ColumnStatistic

_MAGIC = b"PGLS5"
_HEADER = struct.Struct("<5s32sqqqq")


class Packable(Protocol):
    """What there is to pack: the state of a `pegel.stats.summary.Summary`, which is built on this module."""

    layout: Layout
    n_outliers: int
    n_scored: int
    counters: NDArray[np.int64]
    cells: NDArray[np.int64]
    ranges: NDArray[np.float64]
    moments: NDArray[np.float64]
    comoments: Comoments
    pair_tables: PairTables
    exact: dict[int, ExactSums] | None
    fourth: FourthProducts | None
    season_cells: dict[int, NDArray[np.int64]]
    kept: dict[tuple[int, str], ColumnStatistic]
    counts_only: bool
    behaviour: RowBehaviour | None

    def keep_counts_only(self) -> None:
        """Begin to keep nothing but counters and cells."""
        ...

    def keep_exact(self) -> None:
        """Begin to keep exact sums."""
        ...


Packed = TypeVar("Packed", bound=Packable)


def pack(summary: Packable) -> bytes:
    """Return a summary as bytes."""
    identity = (_MAGIC, bytes.fromhex(summary.layout.layout_hash))
    joint, tables = summary.comoments.body(), summary.pair_tables.body()
    header = _HEADER.pack(*identity, summary.n_outliers, summary.n_scored, len(joint), len(tables))
    body = b"".join(np.ascontiguousarray(array, dtype=kind).tobytes() for array, kind in _arrays(summary))
    return header + zlib.compress(body + joint + tables + json.dumps(_rest(summary)).encode(), level=1)


def unpack(data: bytes, into: Packed) -> Packed:
    """Fill an empty summary with what `pack` wrote. Raises LayoutMismatch for other bytes or another layout."""
    if len(data) < _HEADER.size or data[:5] != _MAGIC:
        raise LayoutMismatch(
            f"expected a packed summary of version {_MAGIC.decode()}, given {data[:5]!r}...: a window that another "
            "version of Pegel stored, or a damaged one, cannot be explained or added up; nothing was read."
        )
    _, layout, into.n_outliers, into.n_scored, joint, tables = _HEADER.unpack_from(data)
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
    into.comoments = Comoments.from_body(body[position : position + joint])
    position += joint
    into.pair_tables = PairTables.from_body(body[position : position + tables])
    _take_rest(json.loads(body[position + tables :]), into)
    return into


def _arrays(summary: Packable) -> tuple[tuple[NDArray[np.int64] | NDArray[np.float64], str], ...]:
    return (
        (summary.counters, "<i8"),
        (summary.cells, "<i8"),
        (summary.ranges, "<f8"),
        (summary.moments, "<f8"),
    )


def _rest(summary: Packable) -> dict[str, Any]:
    """Return what is not always there: that there are counts alone, sums, seasons, statistics, behaviour."""
    rest: dict[str, Any] = {}
    if summary.counts_only:
        rest["counts_only"] = True
    if summary.exact is not None and summary.fourth is not None:
        rest["exact"] = {
            i: [sums.count, *(None if s is None else hex(s) for s in sums.sums)] for i, sums in summary.exact.items()
        }
        rest["fourth"] = summary.fourth.sums.tolist()
    if summary.season_cells:
        rest["season_cells"] = {season: cells.tolist() for season, cells in sorted(summary.season_cells.items())}
    if summary.kept:
        packed = ((i, name, statistic.to_bytes()) for (i, name), statistic in summary.kept.items())
        rest["kept"] = [[i, name, base64.b64encode(data).decode()] for i, name, data in packed]
    if summary.behaviour is not None:
        rest["behaviour"] = base64.b64encode(summary.behaviour.to_bytes()).decode()
    return rest


def _take_rest(rest: dict[str, Any], into: Packable) -> None:
    if "counts_only" in rest:
        into.keep_counts_only()
    if "exact" in rest:
        into.keep_exact()
        for i, sums in (into.exact or {}).items():
            count, *texts = rest["exact"][str(i)]
            sums.count = int(count)
            sums.sums = [None if text is None else int(text, 16) for text in texts]
        if into.fourth is not None:
            into.fourth.sums[...] = np.array(rest["fourth"], dtype=np.int64).reshape(into.fourth.sums.shape)
    into.season_cells = {
        int(season): np.array(cells, dtype=np.int64) for season, cells in rest.get("season_cells", {}).items()
    }
    for i, name, data in rest.get("kept", ()):
        into.kept[i, name] = into.kept[i, name].from_bytes(base64.b64decode(data))
    if "behaviour" in rest:
        into.behaviour = RowBehaviour.from_bytes(base64.b64decode(rest["behaviour"]))
