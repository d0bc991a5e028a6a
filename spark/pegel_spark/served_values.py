"""What an online store served, held against its table in Spark: each served row with the values of its time.

Both sides are cut down before they meet: of what was served at most a sample, of the table the rows of those entities
that were valid then. Entities meet in buckets, one of which is in memory at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as sf

from pegel.archive.row_columns import EVENT_ID, EVENT_TIME, REPLACED, ROW, UNPARSEABLE, feature_column, key_column
from pegel.data.arrow_columns import categories, columns_of, numbers
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.instants import MICROSECOND, to_us
from pegel.data.spans import Span
from pegel.errors import InvalidSpec
from pegel.judge.skew import Skew, Vectors
from pegel.online.private_keys import PrivateKeys
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import NAME_LIMIT, shown

MOST_COMPARED = 200_000
"""Served rows of a span that are compared; of more a sample, by their ids, which says as much about shares."""
BUCKETS = 16
PARTS = 1_000_000
"""Into which ids are parted for a sample."""
_AT, _BUCKET, _NEXT = "at", "bucket", "next"
_TIMES = frozenset({"timestamp", "timestamp_ntz", "date"})


def skew_of(
    rows: DataFrame,
    table: DataFrame,
    spec: MonitorSpec,
    schema: Schema,
    span: Span,
    *,
    secret: str = "",
    most: int = MOST_COMPARED,
) -> Skew:
    """Return how much of what was served in a span is otherwise in the table.

    Args:
        rows: Archived rows of the span, see `pegel.archive.row_columns`.
        table: What the store is filled from, with the columns that the spec names.
        spec: Of the model; it has a section `skew`.
        schema: The model's fields.
        span: When the rows were served.
        secret: By which the keys are hashed that the spec calls private.
        most: Served rows that are compared, about.

    Raises:
        InvalidSpec: If the table lacks a key, all features or the column of times.
        SetupError: If keys are private and the secret is too short.
    """
    sides = _Sides.of(spec, schema, table)
    served = sides.served(rows, most)
    known = sides.offline(table, span, spec.skew.behind, PrivateKeys(spec.online.keys, spec.online.private, secret))
    both = served.select(*sides.keys).distinct()
    valid = known.join(both, on=list(sides.keys), how="left_semi")
    return sides.compare(served, valid, spec.skew.behind)


@dataclass(frozen=True, slots=True)
class _Sides:
    """What both sides have in common: keys `k0`, `k1`... as texts, and features `v0`, `v1`... by kind."""

    spec: MonitorSpec
    fields: tuple[Field, ...]

    @classmethod
    def of(cls, spec: MonitorSpec, schema: Schema, table: DataFrame) -> _Sides:
        columns, time = dict(table.dtypes), spec.skew.time or ""
        if absent := [name for name in (*spec.online.keys, time) if name not in columns]:
            raise _unfit(spec, f"the columns {', '.join(map(_named, absent))}", f"only {_listed(columns)}")
        if columns[time] not in _TIMES:
            raise _unfit(spec, f"times in the column {_named(time)}", columns[time])
        fields = tuple(
            field
            for field in schema.of_role(Role.FEATURE)
            # What the archive has only hashes of cannot be compared.
            if field.name in spec.online.features and field.name in columns and field.name not in spec.archive.private
        )
        if not fields:
            raise _unfit(spec, f"one of the features {_listed(spec.online.features)}", f"only {_listed(columns)}")
        return cls(spec, fields)

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(f"k{at}" for at in range(len(self.spec.online.keys)))

    @property
    def values(self) -> tuple[str, ...]:
        return tuple(f"v{at}" for at in range(len(self.fields)))

    @property
    def types(self) -> str:
        kinds = ("double" if field.kind is Kind.NUMERIC else "string" for field in self.fields)
        texts = (f"{name} string" for name in self.keys)
        return ", ".join([*texts, *(f"{name} {kind}" for name, kind in zip(self.values, kinds, strict=True))])

    def served(self, rows: DataFrame, most: int) -> DataFrame:
        """Return rows of known entities whose features are the store's own, `most` at most, about."""
        asked = [key_column(name) for name in self.spec.online.keys]
        given = [feature_column(field.name) for field in self.fields]
        for name in {*asked, *given} - {*rows.columns}:
            # No row of that time has any.
            rows = rows.withColumn(name, sf.lit(None).cast("double" if name in given else "string"))
        unread = sf.array_intersect(sf.col(UNPARSEABLE), sf.array(*map(sf.lit, given)))
        whole = rows.where(
            _all_there(asked) & sf.col(REPLACED).isNull() & (sf.coalesce(sf.size(unread), sf.lit(0)) <= 0)
        )
        chosen = whole.select(
            *(column(name).alias(key) for name, key in zip(asked, self.keys, strict=True)),
            *(column(name).alias(value) for name, value in zip(given, self.values, strict=True)),
            sf.unix_micros(EVENT_TIME).alias(_AT),
            sf.xxhash64(EVENT_ID, ROW).alias("drawn"),
        )
        count = chosen.count()
        if count > most:
            chosen = chosen.where(sf.pmod("drawn", sf.lit(PARTS)) < PARTS * most // count)
        return chosen.drop("drawn")

    def offline(self, table: DataFrame, span: Span, behind: timedelta, private: PrivateKeys) -> DataFrame:
        """Return the rows of the table that were valid in a span, or a while before it."""
        keys, time = self.spec.online.keys, self.spec.skew.time or ""
        texts = Schema(tuple(Field(name, Kind.CATEGORICAL) for name in keys))
        names = [*keys, *(field.name for field in self.fields)]
        outside = [*self.keys, *self.values]
        read = Schema((*texts.fields, *(Field(field.name, field.kind) for field in self.fields)))

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                columns = _read(read, batch)
                columns |= _told(columns, keys, private)
                renamed = {new: columns[name] for new, name in zip(outside, names, strict=True)}
                yield pa.RecordBatch.from_pydict(renamed | {_AT: batch.column(_AT)})

        at = sf.unix_micros(column(time).cast("timestamp")).alias(_AT)
        dated = table.select(*map(column, names), at).where(sf.col(_AT) < to_us(span.end))
        told = dated.mapInArrow(run, f"{self.types}, {_AT} bigint").where(_all_there(self.keys))
        # Of rows of one time none is known to be the last; which one counts is at least always the same.
        order = Window.partitionBy(*self.keys).orderBy(_AT, *self.values)
        since = to_us(span.start) - behind // MICROSECOND
        valid = told.withColumn(_NEXT, sf.lead(_AT).over(order))
        return valid.where(sf.col(_NEXT).isNull() | (sf.col(_NEXT) > since)).drop(_NEXT)

    def compare(self, served: DataFrame, table: DataFrame, behind: timedelta) -> Skew:
        """Return what differs, bucket by bucket of entities."""
        names = [field.name for field in self.fields]
        sides, bucket = self, sf.pmod(sf.xxhash64(*self.keys), sf.lit(BUCKETS)).alias(_BUCKET)

        def run(left: pa.Table, right: pa.Table) -> pa.Table:
            found = Skew.of(sides.vectors(left), sides.vectors(right), behind)
            counts = [found.differing[name] for name in names]
            return pa.table({"compared": [found.compared], "unknown": [found.unknown], "differing": [counts]})

        grouped = [side.withColumn(_BUCKET, bucket).groupBy(_BUCKET) for side in (served, table)]
        counted = (
            grouped[0].cogroup(grouped[1]).applyInArrow(run, "compared bigint, unknown bigint, differing array<bigint>")
        )
        parts = [
            Skew(row["compared"], row["unknown"], dict(zip(names, row["differing"], strict=True)))
            for row in counted.toArrow().to_pylist()
        ]
        return reduce(Skew.__add__, parts, Skew(0, 0, dict.fromkeys(names, 0)))

    def vectors(self, side: pa.Table) -> Vectors:
        """Return one side of a bucket as arrays."""
        parts = zip(*(side.column(name).to_pylist() for name in self.keys), strict=True)
        entities = np.array([None, *(orjson.dumps(each).decode() for each in parts)], dtype=object)[1:]
        values: dict[str, Any] = {}
        for name, field in zip(self.values, self.fields, strict=True):
            whole = side.column(name).combine_chunks()
            values[field.name] = (numbers if field.kind is Kind.NUMERIC else categories)(whole)[0]
        return Vectors(entities, side.column(_AT).to_numpy().astype(np.int64), values)


def _read(schema: Schema, batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """Return columns by the rules by which events are read: numbers as doubles, texts, null where it is neither."""
    rows = columns_of(schema.fields, batch)
    doubles, texts = iter(rows.numeric.T), iter(rows.categorical)
    return {
        field.name: pa.array(next(doubles), from_pandas=True)
        if field.kind is Kind.NUMERIC
        else pa.array(next(texts), pa.string())
        for field in schema.fields
    }


def _told(columns: dict[str, pa.Array], keys: Sequence[str], private: PrivateKeys) -> dict[str, pa.Array]:
    """Return the keys as events tell them: hashed where they are private; null where a part is missing."""
    rows = zip(*(columns[name].to_pylist() for name in keys), strict=True)
    told = [[None] * len(keys) if None in row else private.told(orjson.dumps(row).decode()) for row in rows]
    return {name: pa.array([row[at] for row in told], pa.string()) for at, name in enumerate(keys)}


def _all_there(names: Sequence[str]) -> Column:
    return reduce(Column.__and__, (column(name).isNotNull() for name in names))


def column(name: str) -> Column:
    """Return a column of any name."""
    return sf.col(f"`{name.replace('`', '``')}`")


def _named(name: str) -> str:
    return shown(name, NAME_LIMIT)


def _listed(names: Any) -> str:
    return ", ".join(map(_named, names))


def _unfit(spec: MonitorSpec, expected: str, given: str) -> InvalidSpec:
    return InvalidSpec(f"skew.table of {spec.key}: expected {expected}, given {given}. Nothing was compared.")
