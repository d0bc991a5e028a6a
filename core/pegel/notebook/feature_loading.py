"""A table of features becomes vectors of an online store, one for each entity: that of its latest row."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pegel.data.conversions import category_of, plain
from pegel.data.entity_keys import entity_key
from pegel.data.instants import from_us, to_us
from pegel.errors import InvalidSpec, PermanentError
from pegel.notebook import arguments, table_reading
from pegel.notebook.naming import listed
from pegel.notebook.time_column import TimeColumn
from pegel.online.online_store import AHEAD, FeatureVector, LoadableStore, Loaded
from pegel.spec.clock import Clock, SystemClock
from pegel.spec.named_twice import named_twice
from pegel.spec.outside_text import shown
from pegel.spec.plain_numbers import how_many


@dataclass(slots=True)
class RowsSetAside:
    """Rows that were not loaded, by reason."""

    keyless: int = 0
    """A part of the key is missing, or the key is too long."""
    timeless: int = 0
    """There is no time, or none of these centuries."""
    ahead: int = 0
    """The time is still to come."""

    def __str__(self) -> str:
        """Return the reasons that occur, with their numbers; empty if there are none."""
        words = {"without a key": self.keyless, "without a time": self.timeless, "dated ahead": self.ahead}
        return ", ".join(f"{how_many(count, 'row')} {why}" for why, count in words.items() if count)


@dataclass(frozen=True)
class FeatureLoad:
    """What `load` did with the rows of a table. `features`: the columns that were loaded."""

    features: tuple[str, ...]
    rows: int
    loaded: Loaded
    aside: RowsSetAside

    def __str__(self) -> str:
        """Return it for people."""
        read = f"{how_many(self.rows, 'row')} of {listed(self.features)}"
        text = f"{read}: {self.loaded.written:,} loaded, {self.loaded.older:,} older than what the store has"
        return f"{text}; set aside: {self.aside}" if str(self.aside) else text


def load(
    table: Any,
    store: LoadableStore,
    *,
    keys: Sequence[str],
    time: str,
    features: Collection[str] | None = None,
    texts: Collection[str] = (),
    clock: Clock | None = None,
) -> FeatureLoad:
    """Fill a view of an online store from a table, block by block, so files may be larger than memory.

    Args:
        table: Any table, as `pegel.profile` takes it.
        store: Where to.
        keys: Columns that say which entity a row is about, in the order of the spec's `online.keys`.
        time: Column with the time at which the features were so; UTC where it has no zone.
        features: Columns that are features: numbers, texts or truth values; None: all others.
        texts: Features whose values are texts, whatever they look like: of a text file, `007` does not become 7. They
            are loaded beside those that `features` names.
        clock: Says what is dated ahead.

    Raises:
        PermanentError: If a column is not there or of another type, the table cannot be read, or all its rows were set
            aside. Nothing is loaded.
        InvalidSpec: If an argument is of another type, or one column is said to be two things.
        Unavailable: If the store does not answer.
    """
    written = arguments.names("texts", texts)
    named, wanted = _columns(keys, time, features, written)
    watched = None if wanted is None else [*named, time, *wanted]
    with table_reading.opened(table, text=[*named, *written], watched=watched) as opened:
        latest_us = to_us((clock or SystemClock()).now() + AHEAD)
        rows = _Rows(opened, named, time, wanted, texts=written, latest_us=latest_us)
        loaded = store.load(rows.vectors())
        done = FeatureLoad(rows.features, rows.count, loaded, rows.aside)
    if rows.count and not loaded.written and not loaded.older:
        raise PermanentError(f"expected at least one row that can be loaded, given {done}. The store is as it was.")
    return done


def _columns(
    keys: Sequence[str], time: str, features: Collection[str] | None, texts: Sequence[str]
) -> tuple[list[str], list[str] | None]:
    named, at = arguments.names("keys", keys), arguments.name("time", time)
    given = None if features is None else arguments.names("features", features)
    wanted = None if given is None else [*given, *(name for name in texts if name not in given)]
    every = [*named, at, *(texts if wanted is None else wanted)]
    if not named or wanted == []:
        raise InvalidSpec("keys, features: expected at least one column, given none. Nothing was loaded.")
    if twice := named_twice(map(str, every)):
        raise InvalidSpec(f"expected each column to be one thing, given {listed(twice)} as two. Nothing was loaded.")
    return list(named), wanted


class _Rows:
    """The rows of a table as vectors, and what was counted while they were read."""

    def __init__(
        self,
        table: table_reading.Table,
        keys: list[str],
        time: str,
        features: list[str] | None,
        *,
        texts: Collection[str],
        latest_us: int,
    ) -> None:
        self._table, self._keys, self._latest_us = table, keys, latest_us
        others = [name for name in table.schema.names if name not in {*keys, time}]
        self.features = tuple(others if features is None else features)
        self.count, self.aside = 0, RowsSetAside()
        _refuse_absent(table, [*keys, time, *dict.fromkeys([*self.features, *texts])])
        if not self.features:
            raise PermanentError("expected at least one feature, given a table of keys and times. Nothing was loaded.")
        self._times = _time_column(table.schema, time)
        self._reads = [(name, _text if name in texts else plain) for name in self.features]
        _refuse_strange(table.schema, self.features)

    def vectors(self) -> Iterator[tuple[str, FeatureVector]]:
        """Yield the rows that can be loaded, by the key of their entity."""
        for batch in self._table.batches([*self._keys, self._times.name, *self.features]):
            self.count += batch.num_rows
            yield from self._of(batch)

    def _of(self, batch: pa.RecordBatch) -> Iterator[tuple[str, FeatureVector]]:
        instants = self._times.stored(batch.column(self._times.name)).cast(pa.int64()).to_pylist()
        parts = zip(*(batch.column(name).to_pylist() for name in self._keys), strict=True)
        rows = zip(*(batch.column(name).to_pylist() for name in self.features), strict=True)
        for at_us, part, row in zip(instants, parts, rows, strict=True):
            key = self._key(part)
            if key is None or not self._is_timed(at_us):
                continue
            values = {name: read(value) for (name, read), value in zip(self._reads, row, strict=True)}
            yield key, FeatureVector(values, from_us(at_us))  # type: ignore[arg-type]  # the columns hold nothing strange

    def _key(self, parts: Sequence[Any]) -> str | None:
        try:
            return entity_key(parts)
        except ValueError:
            self.aside.keyless += 1
            return None

    def _is_timed(self, at_us: int | None) -> bool:
        self.aside.timeless += at_us is None
        is_ahead = at_us is not None and at_us > self._latest_us
        self.aside.ahead += is_ahead
        return at_us is not None and not is_ahead


def _text(value: Any) -> str | None:
    return category_of(value)[0]


def _refuse_absent(table: table_reading.Table, names: Collection[str]) -> None:
    if absent := table.absent(names):
        given = listed(table.names)
        raise PermanentError(f"expected the columns {listed(absent)}, given a table of {given}. Nothing was loaded.")


def _time_column(schema: pa.Schema, name: str) -> TimeColumn:
    try:
        return TimeColumn(name, schema.field(name).type)
    except PermanentError as error:
        given = shown(str(schema.field(name).type))
        raise PermanentError(
            f"expected timestamps, dates, or text such as 2026-11-21T09:00Z in {shown(name)}, given {given}. "
            "Nothing was loaded."
        ) from error


def _refuse_strange(schema: pa.Schema, features: Collection[str]) -> None:
    types = pa.types
    scalar = (types.is_integer, types.is_floating, types.is_decimal, types.is_boolean, types.is_string, types.is_null)
    strange = [name for name in features if not any(is_so(schema.field(name).type) for is_so in scalar)]
    if strange:
        given = listed([f"{name} ({schema.field(name).type})" for name in strange])
        raise PermanentError(
            f"expected features that are numbers, texts or truth values, given {given}. Name the features to load. "
            "Nothing was loaded."
        )
