"""How much of its topics an archiving run reads in one round: bounded by records, and by their bytes. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

FIRST_RECORDS = 20_000
"""Of the first round, before anybody knows how large they are."""
FIRST_BYTES = 100_000
"""What a record is taken to hold, before anybody knows."""
PIECE_BYTES = 128 * 1024**2
"""Bodies that one task of Spark sorts: it writes to disk what does not fit, and holds megabytes for each part of that
when it reads them together."""
GROWTH = 8
"""A round has at most so many times the records of the one before: events of another size come unannounced."""


@dataclass(slots=True)
class RoundSize:
    """How many records the next round reads at most, `records`: as many as hold `most_bytes`, and `most_records`.

    >>> size = RoundSize(most_records=500_000, most_bytes=1_000_000_000)
    >>> size.records
    20000
    >>> size.saw(20_000, 200_000_000)
    >>> size.records, size.pieces(100_000)
    (100000, 8)
    """

    most_records: int
    most_bytes: int
    records: int = field(init=False)
    record_bytes: int = field(init=False, default=FIRST_BYTES)
    """Of the round before, on average."""

    def __post_init__(self) -> None:
        """Begin with few."""
        self.records = min(FIRST_RECORDS, self.most_records)

    def saw(self, records: int, size_bytes: int) -> None:
        """Take in how many records a round had read, and the bytes of bodies that were kept of them meanwhile."""
        if records < 1:
            return
        self.record_bytes = math.ceil(size_bytes / records)
        fit = self.most_records if size_bytes < 1 else self.most_bytes * records // size_bytes
        self.records = max(1, min(self.most_records, fit, GROWTH * max(records, self.records)))

    def pieces(self, records: int) -> int:
        """Return into how many pieces a round of so many records is divided, at least one."""
        return max(1, math.ceil(records * self.record_bytes / PIECE_BYTES))
