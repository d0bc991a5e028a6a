"""Training data of many rows: their cells, to the last bit those of whole columns, in a few passes by Spark.

Each pass counts on the executors, and only counts come to the driver: the bits by which the edges of all columns are
found, the values that are left, how many rows lie in each cell, how often each category stands there. So memory does
not grow with the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as sf

from pegel.data.arrow_columns import categories, finite, numbers
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.detect.repeated_rows import RepeatedRows, unseen_in_repeats
from pegel.stats import edges as edge_rules
from pegel.stats.cells import count_sorted
from pegel.stats.layout import CategoricalLayout, FieldLayout, Layout, assemble, freeze_numeric
from pegel.stats.selection import WIDTH, Buckets, Selection, together
from pegel.stats.vocabulary import OPEN, TOP, Vocabulary

ROOM = 20_000
"""Values of one column that the driver holds at once, about, to find its edges among."""
BITS = 8
"""Bits that a pass counts of each value behind the first: of all columns together few counts come to the driver."""
Counted: TypeAlias = tuple[NDArray[Any], NDArray[np.int64]]
"""What was counted, ascending, and how often it is there."""
Count: TypeAlias = Callable[[int, pa.Array], Counted]
"""Counts a block of a column; of which field, by its place in the schema."""


class LargeTable:
    """The rows of a table, looked at as often as need be."""

    def __init__(self, frame: DataFrame, schema: Schema, rows: int) -> None:
        """Look at nothing yet."""
        self._frame, self._schema, self._rows = frame, schema, rows

    def layout(self, kept: Sequence[str]) -> Layout:
        """Freeze the cells of these rows, as `pegel.stats.layout.build_layout` does of whole columns."""
        numeric = self._numeric_layouts()
        found: list[FieldLayout] = [
            numeric[place] if field.kind is Kind.NUMERIC else CategoricalLayout(field, self._vocabularies[field.name])
            for place, field in enumerate(self._schema.fields)
        ]
        return assemble(self._schema, found, kept)

    def repeats(self, layout: Layout) -> tuple[float, dict[str, int]]:
        """Return how much repeated rows matter, and by field of categories the rows unseen but for their copies."""
        numeric = [feature.field.name for _, feature in layout.numeric(Role.FEATURE)]
        categorical = [feature.field.name for _, feature in layout.categorical(Role.FEATURE)]
        rows = self._rows

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            part = RepeatedRows(rows)
            for batch in batches:
                part.add(
                    batch.num_rows,
                    (numbers(batch.column(name))[0] for name in numeric),
                    (categories(batch.column(name))[0] for name in categorical),
                )
            kept = pa.array([part.kept.astype(np.int64)], pa.list_(pa.int64()))
            yield pa.RecordBatch.from_pydict({"kept": kept, "fractions": [part.fractions]})

        parts = (
            self._chosen([*numeric, *categorical]).mapInArrow(run, "kept array<bigint>, fractions boolean").toArrow()
        )
        repeated = RepeatedRows(rows)
        for kept, fractions in zip(parts.column("kept"), parts.column("fractions").to_pylist(), strict=True):
            repeated.take(kept.values.to_numpy().astype(np.uint64), fractions=fractions)
        factor = repeated.factor()
        if factor == 1:
            return factor, {}
        named = [one.field.name for _, one in layout.categorical(Role.FEATURE) if not one.open_vocabulary]
        return factor, {name: self._unseen(name, factor) for name in named}

    def _numeric_layouts(self) -> dict[int, FieldLayout]:
        """Return the cells of the numeric fields, by their place in the schema."""
        fields = {place: field for place, field in enumerate(self._schema.fields) if field.kind is Kind.NUMERIC}
        searches = {place: Selection(ROOM, BITS) for place in fields}
        while any(search.is_open for search in searches.values()):
            of = {place: (search.buckets, search.bits) for place, search in searches.items() if search.is_open}
            counted = self._counted(list(of), partial(_digits, of))
            for place in of:
                searches[place].narrow(*counted[place])
        left = {place: search.buckets for place, search in searches.items() if search.buckets.bits < WIDTH}
        keys = self._counted(list(left), lambda place, block: _signed(left[place].keys(finite(block))))
        found = {place: search.edges(*_unsigned(keys.get(place, _NOTHING))) for place, search in searches.items()}
        cuts = {place: edge_rules.cuts(edges) for place, (edges, _) in found.items()}
        cells = self._counted(list(cuts), lambda place, block: _cells(np.sort(finite(block)), cuts[place]))
        layouts: dict[int, FieldLayout] = {}
        for place, (edges, discrete) in found.items():
            counts = np.zeros(edges.size + 1, dtype=np.int64)
            places, many = cells[place]
            counts[places] = many
            layouts[place] = freeze_numeric(fields[place], edges, counts, discrete=discrete, rows=self._rows)
        return layouts

    def _counted(self, places: Sequence[int], count: Count) -> Mapping[int, Counted]:
        """Count blocks of some fields on the executors; return what all rows give, by the field's place."""
        names = {place: self._schema.fields[place].name for place in places}
        if not names:
            return {}

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            whole: dict[int, Counted] = {}
            for batch in batches:
                for place, name in names.items():
                    part = count(place, batch.column(name))
                    whole[place] = together([whole[place], part]) if place in whole else part
            for place, (what, many) in whole.items():
                of = np.full(what.size, place, dtype=np.int32)
                yield pa.RecordBatch.from_pydict({"field": of, "what": what.astype(np.int64), "many": many})

        rows = self._chosen(list(names.values())).mapInArrow(run, "field int, what bigint, many bigint")
        found = (
            rows.groupBy("field", "what")
            .agg(sf.sum("many").alias("many"))
            .toArrow()
            .sort_by([("field", "ascending"), ("what", "ascending")])
        )
        fields, what, many = (found.column(name).to_numpy() for name in ("field", "what", "many"))
        bounds = {place: np.searchsorted(fields, [place, place + 1]) for place in places}
        return {place: (what[start:end], many[start:end]) for place, (start, end) in bounds.items()}

    @cached_property
    def _vocabularies(self) -> dict[str, Vocabulary]:
        """Return the categories of each categorical field."""
        return {field.name: self._vocabulary(field) for field in self._schema.fields if field.kind is Kind.CATEGORICAL}

    def _vocabulary(self, field: Field) -> Vocabulary:
        times = self._times(field.name).cache()
        try:
            once = sf.sum(sf.when(sf.col("many") == 1, 1).otherwise(0))
            facts = times.agg(sf.count("value"), once, sf.sum("many")).toArrow().to_pylist()[0]
            distinct, singletons, rows = (int(each or 0) for each in facts.values())
            if distinct <= OPEN:
                return Vocabulary.of_counts(_counts(times))
            # Of one that is open the most frequent ones are enough; texts are ordered by their bytes, as they are here.
            most = times.orderBy(sf.desc("many"), "value").limit(TOP + 1)
            return Vocabulary.of_counts(_counts(most), distinct, singletons, rows)
        finally:
            times.unpersist()

    def _unseen(self, name: str, factor: float) -> int:
        return unseen_in_repeats(_counts(self._times(name)).values(), factor)

    def _times(self, name: str) -> DataFrame:
        """Return how often each category of a field stands there."""

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                texts = pa.array(categories(batch.column(name))[0], pa.string()).drop_null()
                pairs = texts.value_counts()
                yield pa.RecordBatch.from_pydict({"value": pairs.field("values"), "many": pairs.field("counts")})

        counted = self._chosen([name]).mapInArrow(run, "value string, many bigint")
        return counted.groupBy("value").agg(sf.sum("many").alias("many"))

    def _chosen(self, names: Sequence[str]) -> DataFrame:
        return self._frame.select(*(sf.col(f"`{name.replace('`', '``')}`") for name in names))


_NOTHING: Counted = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
_SIGN = np.uint64(1 << 63)


def _signed(counted: Counted) -> Counted:
    """Return 64 bits without a sign as those with one, in the same order: Spark has no others."""
    keys, many = counted
    return (keys ^ _SIGN).view(np.int64), many


def _unsigned(counted: Counted) -> Counted:
    keys, many = counted
    return keys.astype(np.int64).view(np.uint64) ^ _SIGN, many


def _digits(searched: Mapping[int, tuple[Buckets, int]], place: int, block: pa.Array) -> Counted:
    buckets, bits = searched[place]
    return buckets.count(finite(block), bits)


def _cells(ordered: NDArray[np.float64], cuts: NDArray[np.float64]) -> Counted:
    counts = count_sorted(ordered, cuts)
    places = np.flatnonzero(counts)
    return places, counts[places]


def _counts(times: DataFrame) -> dict[str, int]:
    found = times.toArrow()
    return dict(zip(found.column("value").to_pylist(), found.column("many").to_pylist(), strict=True))
