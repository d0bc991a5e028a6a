"""How many of the answered rows have a label, and how long labels took: shown beside every figure made of labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from pegel.stats.answer_latencies import Latencies

RANKS = (0.5, 0.9, 0.99)
"""Of the delays that are shown."""


@dataclass(slots=True)
class LabelCoverage:
    """Counts of rows and of their labels; those of two spans add up.

    `rows`: answered rows. `labelled`: those with a label. `late`: labels that came after the horizon, and count for
    nothing else. `copies`, `corrections`, `outdated`: labels beyond the first of a row, see `pegel.labels.folding`.
    `delays`: from the event to its first label, in milliseconds; a label that came before its event is `backwards`.
    """

    rows: int = 0
    labelled: int = 0
    late: int = 0
    copies: int = 0
    corrections: int = 0
    outdated: int = 0
    delays: Latencies = field(default_factory=Latencies)

    @property
    def share(self) -> float | None:
        """Return the part of the rows that has a label; None without rows."""
        return self.labelled / self.rows if self.rows else None

    def merge(self, other: Self) -> None:
        """Add the counts of `other`."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.delays.merge(other.delays)

    def get(self) -> dict[str, Any]:
        """Return what people are shown: counts, the share, and delays in milliseconds by rank, None without any."""
        found = self.delays.get(RANKS)
        return {name: getattr(self, name) for name in _COUNTS} | {"share": self.share, "delays_ms": found["quantiles"]}

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {name: getattr(self, name) for name in _COUNTS} | {"delays": self.delays.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**{name: int(data[name]) for name in _COUNTS}, delays=Latencies.from_json(data["delays"]))


_COUNTS = ("rows", "labelled", "late", "copies", "corrections", "outdated")
