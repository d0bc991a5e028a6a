"""What a search for slices found: which rows hold most of a change, or why none are named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pegel.slices.condition import Condition
from pegel.spec.plain_numbers import how_many

_ALL = 0.995
"""So much of a change is told as all of it."""


@dataclass(frozen=True, slots=True)
class RowSlice:
    """Rows of which one or two conditions hold.

    `part`: how much of the change is gone without them; `share_before`, `share_now`: which part of the rows they are.
    `z`, `p_value`: of its contribution in the half of the rows that was not searched, for one slice alone.
    """

    conditions: tuple[Condition, ...]
    part: float
    share_before: float
    share_now: float
    z: float
    p_value: float

    def __str__(self) -> str:
        """Return its conditions in words."""
        return " and ".join(map(str, self.conditions))

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "text": str(self),
            "conditions": [one.to_json() for one in self.conditions],
            "part": self.part,
            "share_before": self.share_before,
            "share_now": self.share_now,
            "z": self.z,
            "p_value": self.p_value,
        }


@dataclass(frozen=True, slots=True)
class FoundSlices:
    """The slices that hold most of a change, the clearest first. Of several, each by itself: they may share rows."""

    slices: tuple[RowSlice, ...]
    what: str
    """What the change is: `larger`, `more often missing`."""
    rows_before: int
    rows_now: int
    searched: int
    """Slices that were looked at."""
    confirmed_of: int
    """Those that were looked at in the other half, by which the level was divided."""
    level: float
    why_none: str = ""
    """Why no slice is named; empty where one is."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        told = ("what", "rows_before", "rows_now", "searched", "confirmed_of", "level", "why_none")
        return {"slices": [one.to_json() for one in self.slices]} | {name: getattr(self, name) for name in told}

    def lines(self) -> list[str]:
        """Return what was found in words, a line each."""
        looked = f"{how_many(self.rows_now, 'row')} against {self.rows_before:,}"
        searched = f"{how_many(self.searched, 'slice')} searched"
        if not self.slices:
            return [f"no slice of the rows is named: {self.why_none} ({looked}, {searched})"]
        head = (
            f"{self.what}, most of it in a part of the rows ({looked}; {searched} in one half of them, asked again of "
            f"the other: where all rows changed alike, at most {self.level:.0%} of answers name one):"
        )
        return [head, *(f"  {one}: {_sizes(one)}" for one in self.slices)]


def _sizes(one: RowSlice) -> str:
    gone = "all" if one.part >= _ALL else f"{one.part:.0%}"
    was = "none" if not one.share_before else f"{one.share_before:.1%}"
    return f"{gone} of the change is gone without them; {one.share_now:.1%} of the rows, {was} before"
