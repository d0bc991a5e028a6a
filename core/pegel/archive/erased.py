"""Whom the archive leaves out: subjects that were erased before their rows were archived, known by keyed hashes. Pure.

Only what happened before an erasure is left out by it: whoever comes back is somebody whose rows are kept again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pegel.archive.row_columns import ANSWERED_AT, EVENT_ID, EVENT_TIME, hashed_column, key_column, subject_columns
from pegel.data.conversions import category_of
from pegel.data.entity_keys import key_text
from pegel.data.keyed_hash import NO_SECRET, PREFIX, KeyedHash

Names = tuple[str, ...]
Hashes = tuple[str, ...]
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,39})(?P<float>(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Erasure:
    """One subject, erased at `at_us`, in microseconds since the epoch: the event `event_id`, or hashes by name.

    `hashes`: of each part of a key those of all texts that its value may have.
    """

    at_us: int
    hashes: Mapping[str, Hashes] = field(default_factory=dict)
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Erased:
    """The subjects of erasures. `events`, `subjects`: until when rows go, exclusive, by id or names and hashes."""

    hashed: KeyedHash = NO_SECRET
    events: Mapping[str, int] = field(default_factory=dict)
    subjects: Mapping[Names, Mapping[Hashes, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, erasures: Iterable[Erasure], hashed: KeyedHash) -> Erased:
        """Return those of erasures; of a subject that was erased twice the later one counts."""
        events: dict[str, int] = {}
        subjects: dict[Names, dict[Hashes, int]] = {}
        for one in erasures:
            if one.event_id:
                events[one.event_id] = max(one.at_us, events.get(one.event_id, one.at_us))
            elif one.hashes:
                known = subjects.setdefault(tuple(one.hashes), {})
                for key in product(*one.hashes.values()):
                    known[key] = max(one.at_us, known.get(key, one.at_us))
        return cls(hashed, events, subjects)

    @property
    def is_nobody(self) -> bool:
        """Say whether nobody was erased."""
        return not (self.events or self.subjects)

    def mask(self, rows: pa.Table) -> NDArray[np.bool_]:
        """Return which of archived rows are to be left out. A row without a time happened before every erasure."""
        gone = self.event_mask(rows)
        if self.is_nobody:
            return gone
        times = _times(rows)
        for names, known in self.subjects.items():
            told = [self._told(rows, name, {key[at] for key in known}) for at, name in enumerate(names)]
            for row in set(told[0]).intersection(*told[1:]):
                ends = (known.get(key, 0) for key in product(*(one[row] for one in told)))
                gone[row] |= any(times[row] < end for end in ends)
        return gone

    def event_mask(self, events: pa.Table) -> NDArray[np.bool_]:
        """Return which of rows, or of events that nobody could read, are of an event that was erased as such."""
        gone = np.zeros(events.num_rows, dtype=np.bool_)
        if not self.events:
            return gone
        times = _times(events)
        for event_id, at in _places(events.column(EVENT_ID), {one: one for one in self.events}).items():
            gone[at] |= times[at] < self.events[event_id]
        return gone

    def label_mask(self, keys: Sequence[str], names: Sequence[str], times_us: Sequence[int]) -> NDArray[np.bool_]:
        """Return which labels that came at some times are of whom was erased later.

        `keys`: what each is about, the id of an event or the key of an entity, whose parts have `names`; none: events.
        """
        columns = {EVENT_ID: pa.array(keys, pa.string()), EVENT_TIME: pa.array(times_us, pa.int64())}
        if names:
            parts = [_parts(key, len(names)) for key in keys]
            for at, name in enumerate(names):
                columns[key_column(name)] = pa.array([part[at] for part in parts], pa.string())
        return self.mask(pa.table(columns))

    def _told(self, rows: pa.Table, name: str, wanted: set[str]) -> dict[int, set[str]]:
        """Return by row which of the wanted hashes stand under a name, as they are or as the value that has them."""
        found: dict[int, set[str]] = {}
        for column in subject_columns(name):
            for own in {column, hashed_column(column)} & {*rows.column_names}:
                values = rows.column(own)
                hashes = {value: self._hash(name, value) for value in pc.unique(values).to_pylist()}
                places = _places(values, {value: one for value, one in hashes.items() if one in wanted})
                for one, at in places.items():
                    for row in at.tolist():
                        found.setdefault(row, set()).add(one)
        return found

    def _hash(self, name: str, value: Any) -> str | None:
        text = value if isinstance(value, str) else category_of(value)[0]
        if text is None or text.startswith(PREFIX):
            return text
        return self.hashed.of(name, text)


NOBODY = Erased()
"""Where no subject was erased."""


def forms(value: str) -> tuple[str, ...]:
    """Return the texts that a value may have in a row: as it is, and as the number that it is, where it is one.

    Whatever digits it has it is the text of no other number, and what begins with a 0 is no number but somebody's id.

    >>> forms("40.0"), forms("1.23456789E7"), forms("12345678901234567"), forms("007"), forms("ORD")
    (('40.0', '40'), ('1.23456789E7', '12345678.9'), ('12345678901234567',), ('007',), ('ORD',))
    """
    written = _NUMBER.fullmatch(value)
    if written is None:
        return (value,)
    # With a point or an exponent every reader of JSON makes it a float; digits alone are as many as there are.
    number = key_text(float(value) if written["float"] else int(value))
    return (value,) if number in {None, value} else (value, str(number))


def _parts(key: str, count: int) -> Sequence[str | None]:
    try:
        told = json.loads(key)
    except ValueError:
        told = None
    return told if isinstance(told, list) and len(told) == count else [None] * count


def _times(rows: pa.Table) -> NDArray[np.int64]:
    there = [rows.column(name) for name in (EVENT_TIME, ANSWERED_AT) if name in rows.column_names]
    times = pc.coalesce(*there).cast(pa.int64()).fill_null(np.iinfo(np.int64).min)
    return np.asarray(times.to_numpy(), dtype=np.int64)


def _places(column: pa.ChunkedArray, wanted: Mapping[Any, str]) -> dict[str, NDArray[np.int64]]:
    """Return by what is wanted in which rows it stands; few values are, whatever the size of the column."""
    found: dict[str, list[int]] = {}
    among = pc.is_in(column, value_set=pa.array(list(wanted), column.type)).to_numpy() if wanted else ()
    for at in np.flatnonzero(among).tolist():
        found.setdefault(wanted[column[at].as_py()], []).append(at)
    return {one: np.array(places, dtype=np.int64) for one, places in found.items()}
