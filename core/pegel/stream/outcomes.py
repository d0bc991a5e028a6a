"""Where records went, and requests without an answer: one set of counters, from the task to the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from pegel.data.look_up_faults import LookUpFault


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
    dropped_at_most: int = 0
    """Those of the dropped of which nobody knows whether they are lost; counted above, too."""
    dropped_at_least: int = 0
    """Those of the dropped that may stand for more than themselves: what was lost could not be counted."""
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
    orphans: int = 0
    """Responses whose request never came, or too late; counted above, too."""
    store_unavailable: int = 0
    """Readable records of requests with features that are replaced, because the online store did not answer; counted
    above, too, as in the next two."""
    entity_unknown: int = 0
    """... because it does not know their entities."""
    vector_stale: int = 0
    """... because what it has is too old."""

    def by_name(self) -> dict[str, int]:
        """Return the counters by name, in their order."""
        return {name: getattr(self, name) for name in COUNTERS}

    @property
    def replaced(self) -> dict[str, int]:
        """Return the records of requests with failed look-ups, by `LookUpFault`."""
        counts = {fault.value: getattr(self, name) for fault, name in REPLACED.items()}
        return {fault: count for fault, count in counts.items() if count}

    def add_replaced(self, fault: LookUpFault, records: int) -> None:
        """Count readable records of requests with failed look-ups."""
        name = REPLACED[fault]
        setattr(self, name, getattr(self, name) + records)

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
REPLACED: Mapping[LookUpFault, str] = {
    LookUpFault.UNAVAILABLE: "store_unavailable",
    LookUpFault.UNKNOWN: "entity_unknown",
    LookUpFault.STALE: "vector_stale",
}
"""The counter of each fault of a look-up."""
_BESIDE = frozenset({"dropped_at_most", "dropped_at_least", "asked", "unanswered", "orphans", *REPLACED.values()})
PLACES = tuple(name for name in COUNTERS if name not in _BESIDE)
"""The names of those that say where a record went."""
