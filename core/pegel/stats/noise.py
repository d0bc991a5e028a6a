"""How the windows of a baseline vary although nothing changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pegel.stats.dispersion import Dispersion
from pegel.stats.seasons import Seasons

COUNTS = ("nulls", "infinite", "below", "above", "unseen")
"""What is counted of a field; see `pegel.detect.quality`."""


@dataclass(frozen=True, slots=True)
class Noise:
    """How windows vary although nothing changes.

    `dispersion`: per field, how much more than windows of independent rows; empty if not assessed. `seasons`: the
    seasons that are judged apart, None for none; `why` says in words what was found. `repeats`: by how much means vary
    more because rows of the table stand there several times; 1 if they do not. `pairs`: by the positions of two
    fields, how much more their dependence varies; absent where it varies as that of independent rows does.
    """

    dispersion: Mapping[str, Dispersion] = field(default_factory=dict)
    seasons: Seasons | None = None
    why: str = "not assessed"
    repeats: float = 1.0
    pairs: Mapping[tuple[int, int], Dispersion] = field(default_factory=dict)

    @property
    def replayed(self) -> bool:
        """Say whether the baseline was cut into windows to see how they vary."""
        return any(one.blocks for one in self.dispersion.values())

    def burst_factor(self, n: int) -> float:
        """Return by how much the variance of a count of odd rows exceeds that of independent ones, at most.

        Rows are odd because of some field: an extreme, a null, a new value. `n`: rows of the window.
        """
        return max((one.factor(count, n) for one in self.dispersion.values() for count in COUNTS), default=1.0)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, without `why`: words are not judged with."""
        return {
            "dispersion": {name: found.to_json() for name, found in self.dispersion.items()},
            "seasons": None if self.seasons is None else self.seasons.to_json(),
            "repeats": self.repeats,
            "pairs": [[*places, found.to_json()] for places, found in sorted(self.pairs.items())],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], why: str) -> Noise:
        """Read what `to_json` wrote, with the words that stood beside it."""
        return cls(
            {name: Dispersion.from_json(item) for name, item in data["dispersion"].items()},
            None if data["seasons"] is None else Seasons.from_json(data["seasons"]),
            why,
            data["repeats"],
            {(first, second): Dispersion.from_json(item) for first, second, item in data["pairs"]},
        )
