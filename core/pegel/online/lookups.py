"""What becomes of a request's rows once its entities were looked up: by policy, and never in silence. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

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
    """The looked-up features of each row, in the order of the rows, and why some are not from the store."""

    rows: tuple[Mapping[str, Value], ...]
    faults: Mapping[LookUpFault, int]
    """Rows in which a value is a default or a null by policy, by the reason of each; empty: all are from the store."""

    @property
    def why(self) -> LookUpFault | None:
        """Return the gravest reason among the rows; None: every value is from the store, and fresh."""
        return min(self.faults, key=GRAVEST.__getitem__, default=None)


def look_up_rows(vectors: Sequence[FeatureVector | None] | None, rows: int, online: Online, now: datetime) -> LookedUp:
    """Return the features of the rows of one request.

    `vectors`: one for each row, None for an unknown entity; None instead of all: the store did not answer. Raises
    LookUpRefused where a feature with the policy `refuse` is not there; of several such rows the gravest says why.
    """
    if vectors is None:
        found: list[_Found] = [(None, LookUpFault.UNAVAILABLE)] * rows
    else:
        found = [_found(vector, online, now) for vector in vectors]
    faults = Counter(fault for _, fault in found if fault is not None)
    if faults:
        _refuse(found, online)
    return LookedUp(tuple(_filled(known or {}, online) for known, _ in found), faults)


_Found: TypeAlias = tuple[Mapping[str, Value] | None, LookUpFault | None]
"""What the store has of one row, None where that is no fresh vector, and why it is not all."""


def _found(vector: FeatureVector | None, online: Online, now: datetime) -> _Found:
    if vector is None:
        return None, LookUpFault.UNKNOWN
    if vector.is_stale(now, online.age_limit):
        return None, LookUpFault.STALE
    is_whole = vector.values.keys() >= online.features.keys()
    return vector.values, None if is_whole else LookUpFault.UNKNOWN


def _refuse(found: Sequence[_Found], online: Online) -> None:
    """Raise LookUpRefused where a row lacks what is needed: in the words of the gravest one, wherever it stands."""
    needed = [name for name, policy in online.features.items() if policy == "refuse"]
    lacking = []
    for known, fault in found:
        at = next((at for at, name in enumerate(needed) if name not in (known or {})), None)
        if fault is not None and at is not None:
            lacking.append((GRAVEST[fault], known is not None, at, fault))
    if lacking:
        _, is_known, at, fault = min(lacking)
        words = f"the store of features has no {needed[at]} of this entity" if is_known else _WORDS[fault]
        raise LookUpRefused(fault, f"{words}, and {'it' if is_known else needed[at]} is needed")


def _filled(known: Mapping[str, Value], online: Online) -> dict[str, Value]:
    """Return what is known, and by policy what is not."""
    return {name: known[name] if name in known else online.defaults.get(name) for name in online.features}


_WORDS = {
    LookUpFault.UNAVAILABLE: "the store of features does not answer",
    LookUpFault.UNKNOWN: "the store of features does not know this entity",
    LookUpFault.STALE: "the features of this entity are too old, or dated ahead",
}
