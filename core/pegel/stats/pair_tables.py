"""Tables of pairs of fields: in how many rows a value of one group of the first stands beside one of the second.

Each field's values are in four groups, frozen in the layout (`pegel.stats.pair_groups`). Tables are integers that add
up, so a day's tables are exactly the sum of its windows'. A row counts in every pair of which it has both values.
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from pegel.errors import LayoutMismatch
from pegel.stats.framing import seal, unseal
from pegel.stats.pair_groups import GROUPS
from pegel.stats.triangles import lower_triangle, triangle_places

EXACT = 1 << 24
"""So many rows are counted at once at most: counts of them are exact in float32."""
Integers = NDArray[np.int64]


class PairTables:
    """Tables of all pairs of `size` fields.

    `counts`: int64, shape (4 size, 4 size), symmetric: rows whose value of field j is in group a, and that of field k
    in group b, at [4 j + a, 4 k + b].

    >>> tables = PairTables(2)
    >>> tables.update(np.array([[0, 1], [0, 1], [3, 2], [3, 4]], dtype=np.uint8))
    >>> tables.of_pair(0, 1).tolist()
    [[0, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
    """

    name: ClassVar[str] = "pair_tables"

    def __init__(self, size: int) -> None:
        """Start from no rows."""
        self.size = size
        self.counts: Integers = np.zeros((GROUPS * size, GROUPS * size), dtype=np.int64)

    def update(self, groups: NDArray[np.uint8]) -> None:
        """Add rows: the group of each value, shape (rows, size), `ABSENT` where there is none."""
        of_field = np.ascontiguousarray(groups.T)
        for start in range(0, of_field.shape[1], EXACT):
            part = of_field[:, start : start + EXACT]
            inside = np.empty((self.size, GROUPS, part.shape[1]), dtype=np.float32)
            for group in range(GROUPS):
                np.equal(part, group, out=inside[:, group])
            flat = inside.reshape(len(self.counts), part.shape[1])
            self.counts += (flat @ flat.T).astype(np.int64)

    def merge(self, other: Self) -> None:
        """Add the rows of `other`. Raises LayoutMismatch, and changes nothing, if it has another size."""
        if self.size != other.size:
            raise LayoutMismatch(
                f"expected tables of pairs of {self.size} fields, given {other.size}: nothing was merged."
            )
        self.counts += other.counts

    def of_pair(self, first: int, second: int) -> Integers:
        """Return the table of one pair, shape (4, 4): groups of `first` by those of `second`."""
        return self.counts[GROUPS * first : GROUPS * (first + 1), GROUPS * second : GROUPS * (second + 1)]

    def of_pairs(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> Integers:
        """Return the tables of some pairs, shape (pairs, 4, 4)."""
        blocks = self.counts.reshape(self.size, GROUPS, self.size, GROUPS)
        return blocks[first, :, second, :]

    def get(self) -> dict[str, Any]:
        """Return the table of each pair as rows of counts, by the places of its fields."""
        pairs = ((j, k) for j in range(self.size) for k in range(j))
        return {f"{k},{j}": self.of_pair(k, j).tolist() for j, k in pairs}

    def body(self) -> bytes:
        """Return size and counts as little-endian int64, each pair once: 17 kB for 16 fields before compression."""
        lower = self.counts[lower_triangle(len(self.counts))]
        return np.concatenate([[self.size], lower]).astype("<i8").tobytes()

    @classmethod
    def from_body(cls, data: bytes) -> Self:
        """Read what `body` wrote."""
        flat = np.frombuffer(data, dtype="<i8").astype(np.int64)
        read = cls(int(flat[0]))
        read.counts[...] = flat[1:][triangle_places(len(read.counts))]
        return read

    def to_bytes(self) -> bytes:
        """Return the packed counts."""
        return seal(self.name, self.body())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Unpack what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        return cls.from_body(unseal(cls.name, data))
