"""What the rows of a span say about whoever sent them: values finer than any, odd combinations, rows in crowds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import orjson
from numpy.typing import NDArray

from pegel.errors import LayoutMismatch
from pegel.stats.fingerprints.kept_rows import KeptRows
from pegel.stats.framing import seal, unseal


@dataclass(eq=False, slots=True)
class RowBehaviour:
    """Counts of rows of requests; they add up, whatever the split.

    `off_grid`: int64, values beside the steps of training, per numeric feature in schema order. `unusual`: of `placed`
    rows with all correlated numbers, those whose combination lies beyond the cut. `rows`: distinct rows beside their
    fingerprints; none where nobody looks for crowds.
    """

    name: ClassVar[str] = "row_behaviour"
    off_grid: NDArray[np.int64]
    unusual: int
    placed: int
    rows: KeptRows

    @property
    def size_bytes(self) -> int:
        """Return about the memory that it takes."""
        return int(self.off_grid.nbytes) + self.rows.size_bytes

    def merged(self, other: RowBehaviour) -> RowBehaviour:
        """Return the counts of both. Raises LayoutMismatch if they are of different features."""
        if self.off_grid.size != other.off_grid.size:
            raise LayoutMismatch(
                f"expected behaviour of {self.off_grid.size} numeric features, given {other.off_grid.size}: "
                "nothing was merged."
            )
        return RowBehaviour(
            self.off_grid + other.off_grid,
            self.unusual + other.unusual,
            self.placed + other.placed,
            self.rows.merge(other.rows),
        )

    def without_rows(self) -> RowBehaviour:
        """Return the counts alone: of a window without a crowd nobody asks for its rows again."""
        return RowBehaviour(self.off_grid, self.unusual, self.placed, KeptRows.none())

    def without_senders(self) -> RowBehaviour:
        """Return it with rows of which nobody knows any more who sent them: enough to count them again."""
        return RowBehaviour(self.off_grid, self.unusual, self.placed, self.rows.bare())

    def to_bytes(self) -> bytes:
        """Return it packed, the inverse of `from_bytes`."""
        head = orjson.dumps([self.off_grid.tolist(), self.unusual, self.placed])
        return seal(self.name, len(head).to_bytes(8, "little") + head + self.rows.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> RowBehaviour:
        """Read what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        body = unseal(cls.name, data)
        end = 8 + int.from_bytes(body[:8], "little")
        off_grid, unusual, placed = orjson.loads(body[8:end])
        return cls(np.array(off_grid, dtype=np.int64), unusual, placed, KeptRows.from_bytes(body[end:]))
