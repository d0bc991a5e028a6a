"""Fields of which every two are watched together, which are not and why: in the words of whichever layer watches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from pegel.spec.outside_text import NAME_LIMIT, shown

PAIR = 2
SHOWN = 3
"""Fields that a note names; the others are counted."""


class ChosenFields(NamedTuple):
    """What the baseline alone says of its judged fields: places and names of those watched, and why others are not."""

    places: tuple[int, ...]
    watched: tuple[str, ...]
    left_out: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class WatchedPairs:
    """The judged fields.

    `watched`: those of which every two are watched together. `left_out`: the others, by the reason why. `pairs`: how
    many of the pairs have enough rows, of the `possible` ones.
    """

    watched: Sequence[str]
    left_out: Mapping[str, Sequence[str]]
    pairs: int
    possible: int

    subject: ClassVar[str]
    """What is watched, with its verb: `correlations are`."""
    kind: ClassVar[str]
    """One of the fields: `numeric feature`."""
    values: ClassVar[str]
    """What a row has of both: `numbers`."""
    least: ClassVar[int]
    """Rows with both that a pair is judged by, at least."""

    @property
    def missing(self) -> str | None:
        """Return why no pair is watched; None if some are."""
        if len(self.watched) < PAIR:
            features = f"only 1 suitable {self.kind}" if self.watched else f"no suitable {self.kind}"
            return f"{self.subject} not watched: {features}{self._others}"
        if not self.pairs:
            rows = f"{self.least} rows with both {self.values} in training and in the window"
            return f"{self.subject} not watched: no two features have {rows}"
        return None

    @property
    def note(self) -> str | None:
        """Return what is watched, if it is not everything."""
        several = f"{self.subject} watched between {len(self.watched)} {self.kind}s{self._others}"
        if self.pairs < self.possible:
            few = self.possible - self.pairs
            rows = f"fewer than {self.least} rows with both {self.values} in training or in the window"
            return f"{several}; {few:,} of {self.possible:,} pairs have {rows}"
        return several if self.left_out else None

    @property
    def _others(self) -> str:
        reasons = [f"{_named(names)} ({reason})" for reason, names in self.left_out.items()]
        return f"; left out: {', '.join(reasons)}" if reasons else ""


def _named(names: Sequence[str]) -> str:
    """Return some names as a list, the others counted."""
    listed = ", ".join(shown(name, NAME_LIMIT) for name in names[:SHOWN])
    return f"{listed} and {len(names) - SHOWN} more" if len(names) > SHOWN else listed
