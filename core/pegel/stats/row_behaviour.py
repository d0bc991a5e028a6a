"""What the rows of a span say about whoever sent them: values finer than any, odd combinations, rows in crowds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import orjson
from numpy.typing import NDArray

from pegel.errors import LayoutMismatch
from pegel.stats.fingerprints.kept_answers import KeptAnswers
from pegel.stats.fingerprints.kept_rows import KeptRows
from pegel.stats.framing import seal, unseal

_HEAD = 16
"""Bytes in front that say how long the two parts are that come first."""


@dataclass(eq=False, slots=True)
class RowBehaviour:
    """Counts of rows of requests; they add up, whatever the split.

    `off_grid`: int64, values beside the steps of training, per numeric feature in schema order. `unusual`: of `placed`
    rows with all correlated numbers, those whose combination lies beyond the cut. `rows`: distinct rows beside their
    fingerprints; none where nobody looks for crowds. `answers`: classes of answers, to whichever rows.
    """

    name: ClassVar[str] = "row_behaviour"
    off_grid: NDArray[np.int64]
    unusual: int
    placed: int
    rows: KeptRows
    answers: KeptAnswers = field(default_factory=KeptAnswers.none)

    @property
    def size_bytes(self) -> int:
        """Return about the memory that it takes."""
        return int(self.off_grid.nbytes) + self.rows.size_bytes + self.answers.size_bytes

    @property
    def answered_rows(self) -> KeptRows:
        """Return the rows with the classes of their answers, as far as these are known."""
        return self.rows.answered(self.answers)

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
            KeptAnswers.total([self.answers, other.answers]),
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
        rows = self.rows.to_bytes()
        lengths = len(head).to_bytes(8, "little") + len(rows).to_bytes(8, "little")
        return seal(self.name, lengths + head + rows + self.answers.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes) -> RowBehaviour:
        """Read what `to_bytes` wrote. Raises LayoutMismatch for other bytes."""
        body = unseal(cls.name, data)
        end = _HEAD + int.from_bytes(body[:8], "little")
        middle = end + int.from_bytes(body[8:_HEAD], "little")
        off_grid, unusual, placed = orjson.loads(body[_HEAD:end])
        rows, answers = KeptRows.from_bytes(body[end:middle]), KeptAnswers.from_bytes(body[middle:])
        return cls(np.array(off_grid, dtype=np.int64), unusual, placed, rows, answers)
