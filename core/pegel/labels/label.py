"""What a label says: which prediction it is about, what really was, and since when that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from pegel.data.conversions import category_of, number_of
from pegel.spec import names

Outcome: TypeAlias = bool | int | float | str
"""What really was: a class or a number."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """A row of an event, by the id that its request was logged with, counted from 0."""

    event_id: str
    row: int = 0


@dataclass(frozen=True, slots=True)
class EntityAt:
    """What a prediction was about, and when: `entity` has the parts of its key by name, `time_us` is the instant."""

    entity: tuple[tuple[str, str], ...]
    """Pairs of name and text, in order of names."""
    time_us: int


@dataclass(frozen=True, slots=True)
class Label:
    """One label as it was sent. `at_us`: since when it is known; None: since it arrived."""

    model: str
    version: int
    about: EventRow | EntityAt
    outcome: Outcome
    at_us: int | None = None

    @property
    def monitor(self) -> str:
        """Return the key of the model version, `delays/1`."""
        return names.monitor_key(self.model, self.version)

    @property
    def category(self) -> str:
        """Return the outcome as a class: a text, one for equal numbers of any type."""
        return category_of(self.outcome)[0] or ""

    @property
    def number(self) -> float:
        """Return the outcome as a number; NaN where it is none."""
        return number_of(self.outcome)[0]
