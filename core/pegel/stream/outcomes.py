"""Where records went, and requests without an answer: one set of counters, from the task to the ledger."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Outcomes:
    """Records, each in exactly one counter of the `PLACES`; `dropped` never became records.

    Tasks count what they can read as `judged`; the window manager, which knows what is final, may find it `late`.
    """

    judged: int = 0
    late: int = 0
    invalid: int = 0
    duplicate: int = 0
    dropped: int = 0
    """Events that the logger had to give up, by its own notices."""
    set_aside: int = 0
    """Records that killed whoever read them."""
    probe: int = 0
    """Our own requests and their answers."""
    elsewhere: int = 0
    """Records of endpoints that another group watches."""
    notice: int = 0
    """Drop notices themselves."""
    asked: int = 0
    """Requests of which it is known whether they were answered, of endpoints that log answers; counted above, too."""
    unanswered: int = 0
    """Those of them without an answer."""

    def by_name(self) -> dict[str, int]:
        """Return the counters by name, in their order."""
        return {name: getattr(self, name) for name in COUNTERS}

    @property
    def received(self) -> int:
        """Return the events that reached the logger."""
        return self.judged + self.late + self.invalid + self.duplicate + self.set_aside + self.dropped

    def add(self, other: Outcomes) -> None:
        """Add the counters of another."""
        for name in COUNTERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def all_late(self) -> Outcomes:
        """Return the same with everything that could be read as late."""
        return Outcomes(**self.by_name() | {"judged": 0, "late": self.judged + self.late})


COUNTERS = tuple(field.name for field in fields(Outcomes))
"""The names of all counters."""
PLACES = tuple(name for name in COUNTERS if name not in {"asked", "unanswered"})
"""The names of those that say where a record went."""
