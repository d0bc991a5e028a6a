"""What becomes of a request's rows once its entities were looked up: by policy, and never in silence. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pegel.data.look_up_faults import LookUpFault
from pegel.online.online_store import FeatureVector, Value
from pegel.spec.online_section import Online

GRAVEST = {why: rank for rank, why in enumerate(LookUpFault)}


class LookUpRefused(Exception):
    """A request that is refused by policy. `why` is counted; the text is what the client is told."""

    def __init__(self, why: LookUpFault, message: str) -> None:
        """Remember why."""
        super().__init__(message)
        self.why = why


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The looked-up features of each row, in the order of the rows, and why some are not from the store.

    `why` is the gravest reason among the rows; None: every value is from the store, and fresh.
    """

    rows: tuple[Mapping[str, Value], ...]
    why: LookUpFault | None
    replaced: int
    """Rows in which a value is a default or a null by policy."""


def look_up_rows(vectors: Sequence[FeatureVector | None] | None, rows: int, online: Online, now: datetime) -> LookedUp:
    """Return the features of the rows of one request.

    `vectors`: one for each row, None for an unknown entity; None instead of all: the store did not answer. Raises
    LookUpRefused where a feature with the policy `refuse` is not there.
    """
    per_row = [None] * rows if vectors is None else vectors
    outcomes = [_row(vector, online, now, is_away=vectors is None) for vector in per_row]
    reasons = [why for _, why in outcomes if why is not None]
    gravest = min(reasons, key=GRAVEST.__getitem__, default=None)
    return LookedUp(tuple(values for values, _ in outcomes), gravest, len(reasons))


def _row(
    vector: FeatureVector | None, online: Online, now: datetime, *, is_away: bool
) -> tuple[Mapping[str, Value], LookUpFault | None]:
    if is_away:
        return _replaced({}, online, LookUpFault.UNAVAILABLE), LookUpFault.UNAVAILABLE
    if vector is None:
        return _replaced({}, online, LookUpFault.UNKNOWN), LookUpFault.UNKNOWN
    if vector.is_stale(now, online.age_limit):
        return _replaced({}, online, LookUpFault.STALE), LookUpFault.STALE
    if vector.values.keys() >= online.features.keys():
        return {name: vector.values[name] for name in online.features}, None
    return _replaced(vector.values, online, LookUpFault.UNKNOWN), LookUpFault.UNKNOWN


def _replaced(known: Mapping[str, Value], online: Online, why: LookUpFault) -> dict[str, Value]:
    """Return what is known, and by policy what is not. Raises LookUpRefused."""
    refused = [name for name, policy in online.features.items() if policy == "refuse" and name not in known]
    if refused:
        raise LookUpRefused(why, f"{_WORDS[why]}, and {refused[0]} is needed")
    return {name: known[name] if name in known else online.defaults.get(name) for name in online.features}


_WORDS = {
    LookUpFault.UNAVAILABLE: "the store of features does not answer",
    LookUpFault.UNKNOWN: "the store of features does not know this entity",
    LookUpFault.STALE: "the features of this entity are too old",
}
