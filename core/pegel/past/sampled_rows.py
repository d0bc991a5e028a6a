"""Some rows of many, chosen by their event's id: the same ones in any order and any batches, and never too many bytes.

A row is kept while the hash of its event is below a bound, which is halved whenever the rows kept are too many. So the
rows of one event go together, and the lowest bit of the hash, of which the bound says nothing, parts them in halves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
MOST_ROWS = 50_000
MOST_BYTES = 64 * 1024 * 1024
MOST_READ = 5_000_000
"""Rows that are read at all; what is beyond them is not looked at."""
_BITS = 64
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(slots=True)
class SampledRows:
    """Rows that were kept so far. `level`: how often the bound was halved; `read`: of how many rows they are."""

    most_rows: int = MOST_ROWS
    most_bytes: int = MOST_BYTES
    level: int = 0
    read: int = 0
    _parts: list[tuple[pa.Table, Keys]] = field(default_factory=list)

    def add(self, rows: pa.Table, keys: Keys) -> None:
        """Take in rows with the hash of each one's event."""
        self.read += rows.num_rows
        self._parts.append(self._kept(rows, keys))
        while self._too_many() and self.level < _BITS - 1:
            self.level += 1
            # What is left of a slice would hold all of its bytes.
            self._parts = [self._kept(*part) for part in self._parts]

    def table(self, schema: pa.Schema) -> tuple[pa.Table, Keys]:
        """Return the rows in the order of their hashes, and these; without any, a table of that schema."""
        if not self._parts:
            return schema.empty_table(), np.zeros(0, dtype=np.uint64)
        keys = np.concatenate([each for _, each in self._parts])
        order = np.argsort(keys, kind="stable")
        rows = pa.concat_tables([each for each, _ in self._parts], promote_options="permissive")
        return rows.take(order), keys[order]

    def _kept(self, rows: pa.Table, keys: Keys) -> tuple[pa.Table, Keys]:
        if not self.level:
            return rows, keys
        kept = np.asarray((keys >> np.uint64(_BITS - self.level)) == 0)
        return (rows, keys) if kept.all() else (rows.filter(pa.array(kept)), keys[kept])

    def _too_many(self) -> bool:
        rows, size = (sum(getattr(table, each) for table, _ in self._parts) for each in ("num_rows", "nbytes"))
        return bool(rows > self.most_rows or size > self.most_bytes)


def event_keys(ids: pa.ChunkedArray) -> Keys:
    """Return a hash of each event's id, evenly spread; all rows without one have the same."""
    coded = ids.combine_chunks().dictionary_encode()
    hashes = [0, *(_hash(one) for one in coded.dictionary.to_pylist())]
    codes = coded.indices.fill_null(-1).to_numpy().astype(np.int64)
    keys: Keys = np.array(hashes, dtype=np.uint64)[codes + 1]
    return keys


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "big")


def numbered_keys(first: int, count: int) -> Keys:
    """Return a hash of each number from `first` on, evenly spread (splitmix64, Steele et al. 2014)."""
    numbers = np.arange(first, first + count, dtype=np.uint64)
    mixed = (numbers + np.uint64(1)) * _MIX[0]
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX[1]
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX[2]
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def is_searched(keys: Iterable[Keys]) -> NDArray[np.bool_]:
    """Say of rows, one side after the other, whether they are in the half that is searched."""
    return np.asarray((np.concatenate(list(keys)) & np.uint64(1)) == 0)
