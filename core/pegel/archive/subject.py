"""Whose rows are meant: an event, or whoever a field or an entity key has a value of. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pegel.archive.erased import forms
from pegel.archive.row_columns import EVENT_ID, hashed_column, subject_columns
from pegel.data.conversions import category_of, number_of
from pegel.data.entity_keys import entity_key
from pegel.data.keyed_hash import KeyedHash
from pegel.errors import InvalidSpec

SHORTEST_TEXT = 4
"""Letters of a value that is looked for in texts as well: shorter ones stand in many that mean something else."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Rows with `values` by the name of a field or key, all of them; without one, the rows of the event `event_id`."""

    values: tuple[tuple[str, str], ...]
    hashed: KeyedHash
    event_id: str = ""

    @classmethod
    def of(cls, texts: Collection[str], hashed: KeyedHash) -> Subject:
        """Read what a person wrote: `passenger=1047`, once or for each part of a key, or the id of an event.

        Raises InvalidSpec for anything else.
        """
        named = tuple((name, value) for name, _, value in (text.partition("=") for text in texts) if value)
        if len(named) == len(texts) and all(name for name, _ in named):
            return cls(named, hashed)
        if len(texts) == 1 and "=" not in (text := next(iter(texts))) and text:
            return cls((), hashed, text)
        given = ", ".join(texts)
        raise InvalidSpec(
            f"--subject: expected NAME=VALUE, once for each part of a key, or the id of an event, given {given!r}. "
            "Nothing was looked for."
        )

    @property
    def told(self) -> str:
        """Return who it is for a log that nobody can read it from: names, and hashes where there is a secret."""
        if self.event_id:
            return f"event {self.event_id}"
        shown = (self.hashed.of(name, value) if self.hashed.is_safe else "(not kept)" for name, value in self.values)
        return ", ".join(f"{name}={value}" for (name, _), value in zip(self.values, shown, strict=True))

    @property
    def hashes(self) -> dict[str, tuple[str, ...]]:
        """Return by name the hashes of what its value may be written as; none where nobody could keep a hash."""
        if not self.hashed.is_safe:
            return {}
        return {name: tuple(self.hashed.of(name, form) for form in forms(value)) for name, value in self.values}

    def mask(self, rows: pa.Table) -> NDArray[np.bool_]:
        """Return which rows are the subject's; none where a part has no column."""
        if self.event_id:
            return _equal(rows.column(EVENT_ID), {self.event_id})
        found = np.ones(rows.num_rows, dtype=np.bool_)
        for name, value in self.values:
            own = np.zeros(rows.num_rows, dtype=np.bool_)
            for column in subject_columns(name):
                # A key that leaves the endpoint as a hash stands in the column of what is no hash.
                for there in {column, hashed_column(column)} & {*rows.column_names}:
                    own |= _equal(rows.column(there), self._written(name, value))
            found &= own
        return found

    def is_in(self, text: bytes) -> bool:
        """Say whether every value that is long enough stands in a text, as it is, as JSON has it, or hashed."""
        needles = [self._forms(name, value) for name, value in self.values if len(value) >= SHORTEST_TEXT]
        needles += [(self.event_id.encode(),)] if self.event_id else []
        return bool(needles) and all(any(form in text for form in forms) for forms in needles)

    def without(self, text: str) -> str:
        """Return a text without the values of it."""
        for name, value in self.values:
            for form in self._forms(name, value) if len(value) >= SHORTEST_TEXT else ():
                text = text.replace(form.decode(errors="surrogateescape"), ERASED)
        return text.replace(self.event_id, ERASED) if self.event_id else text

    def is_entity(self, key: str, names: Sequence[str] = ()) -> bool:
        """Say whether a key of `pegel.data.entity_keys` is the subject's, or the event id; its parts may be hashes.

        `names`: what its parts are; where nobody knows, any part may be a value of the subject.
        """
        if self.event_id:
            return key == self.event_id
        try:
            parts = json.loads(key)
        except ValueError:
            return False
        if not isinstance(parts, list) or not self.values:
            return False
        known = names if len(names) == len(parts) else ()
        return all(self._is_told(parts, known, name, value) for name, value in self.values)

    def _is_told(self, parts: Sequence[Any], names: Sequence[str], name: str, value: str) -> bool:
        own = [part for part, known in zip(parts, names, strict=True) if known == name] if names else parts
        return not self._written(name, value).isdisjoint(own)

    def entities(self, keys: Collection[str]) -> list[str]:
        """Return the keys that an entity with parts of such names may have; none where the subject does not say all.

        There are several where a value is a number that has another text as a part of a key.
        """
        known = dict(self.values)
        return entities_of([known[key] for key in keys]) if keys and known.keys() == {*keys} else []

    def _written(self, name: str, value: str) -> set[str]:
        """Return what stands for a value where it stands alone: each of its texts, as it is or hashed."""
        return {text for form in forms(value) for text in (form, self.hashed.of(name, form))}

    def _forms(self, name: str, value: str) -> tuple[bytes, ...]:
        found: list[str] = []
        # A short form of a long value stands in many texts that mean something else, too.
        for form in (each for each in forms(value) if len(each) >= SHORTEST_TEXT):
            found += [form, json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1]]
        found += [self.hashed.of(name, form) for form in forms(value)] if self.hashed.is_safe else []
        return tuple(dict.fromkeys(form.encode(errors="surrogatepass") for form in found))


ERASED = "(erased)"
"""Stands where a value stood."""


def entities_of(values: Sequence[str]) -> list[str]:
    """Return the keys of `pegel.data.entity_keys` that these texts may make, in this order; none of what makes none."""
    found = []
    for parts in product(*map(forms, values)):
        with suppress(ValueError):  # a key that is too long stands nowhere
            found.append(entity_key(parts))
    return found


def _equal(column: pa.ChunkedArray, texts: Collection[str]) -> NDArray[np.bool_]:
    """Return where a value stands that has one of these texts; of a number, whatever digits write it."""
    wanted: list[Any] = [*texts]
    if not pa.types.is_string(column.type):
        known = {*texts, *(category_of(number_of(text)[0])[0] for text in texts)} - {None}
        wanted = [value for value in pc.unique(column).to_pylist() if category_of(value)[0] in known]
    return np.asarray(pc.is_in(column, value_set=pa.array(wanted, column.type)).to_numpy(), dtype=np.bool_)
