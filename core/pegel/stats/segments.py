"""Which segment a row lies in, per column that parts the rows: fixed by the layout, so that it is the same for all.

A segment's text is what it is called wherever results are kept: `airline=AA`, `airline=other`, `distance<=500`,
`distance 500..1000`, `distance>1000`. No two segments of a layout have one text: what could be read in two ways stands
in quotes, as in `"a=b"=c` or `airline="other"`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pegel.data.columns import Columns, Kind, Role, Schema
from pegel.errors import InvalidSpec
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import NAME_LIMIT, quoted, shown
from pegel.spec.segment_columns import SegmentColumn
from pegel.stats.layout import CategoricalLayout, FieldLayout, Layout, NumericLayout

OTHER = "other"
"""Stands where a category stands: all that have no segment of their own, those never seen in training included."""
NOWHERE = -1
"""The code of a row without a segment of a column: it has no value there, or none that can be read."""
LONGEST_VALUE = 60
"""Letters of a category in a text; a longer one is cut, and told from others by its hash."""
SHOWN = 8
"""Columns that are named where another one was meant."""
_SIGNS = frozenset('=<>"')
Codes = NDArray[np.int64]
"""Which of a column's segments each row lies in, shape (n,); `NOWHERE` for none."""


@dataclass(frozen=True, eq=False)
class ColumnSegments:
    """The segments of one column.

    `names`: their texts, in the order of their codes. Of categories the last one is that of all others.
    """

    wanted: SegmentColumn
    feature: FieldLayout

    @property
    def column(self) -> str:
        """Return the column's name."""
        return self.wanted.column

    @cached_property
    def values(self) -> tuple[str, ...]:
        """Return the categories with a segment of their own: the most frequent whose rank is no matter of chance."""
        return self.feature.categories[: self.wanted.top] if isinstance(self.feature, CategoricalLayout) else ()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the texts of the segments; none where no category is frequent for certain."""
        name = _column_text(self.column)
        if isinstance(self.feature, CategoricalLayout):
            own = tuple(f"{name}={_value_text(value)}" for value in self.values)
            return (*own, f"{name}={OTHER}") if own else ()
        cuts = [_number_text(cut) for cut in self.wanted.cuts]
        between = (f"{name} {low}..{high}" for low, high in pairwise(cuts))
        return (f"{name}<={cuts[0]}", *between, f"{name}>{cuts[-1]}")

    def codes(self, values: NDArray[np.float64] | NDArray[np.object_]) -> Codes:
        """Return in which segment each value of the column lies.

        Args:
            values: Of a column of numbers float64, NaN where there is none; of categories str, and None where there is
                none. Infinite numbers lie in the outer segments.
        """
        if not self.names:
            return np.full(len(values), NOWHERE, dtype=np.int64)
        if isinstance(self.feature, NumericLayout):
            numbers = np.asarray(values, dtype=np.float64)
            places = np.searchsorted(np.array(self.wanted.cuts), numbers, side="left")
            return np.where(np.isnan(numbers), NOWHERE, places).astype(np.int64)
        find, own = self.feature.vocabulary.places.__getitem__, len(self.values)
        return np.fromiter(
            (NOWHERE if value is None else min(find(value), own) for value in values), np.int64, len(values)
        )

    def texts(self, values: NDArray[np.float64] | NDArray[np.object_]) -> NDArray[np.object_]:
        """Return the text of the segment of each value of the column, None where it lies in none."""
        return np.array([*self.names, None], dtype=np.object_)[self.codes(values)]


@dataclass(frozen=True, eq=False)
class Segments:
    """All columns that part the rows of one layout. A row lies in at most one segment of each."""

    columns: tuple[ColumnSegments, ...] = ()

    @classmethod
    def of(cls, layout: Layout, wanted: Iterable[SegmentColumn]) -> Segments:
        """Return the segments that are asked for. Raises InvalidSpec, a line a column, where there are no such."""
        wanted = tuple(wanted)
        empty = {one.field.name for one in layout.features if isinstance(one, NumericLayout) and not one.edges.size}
        refuse_other_segments(wanted, layout.schema, empty)
        return cls(tuple(ColumnSegments(one, layout.features[layout.index[one.column]]) for one in wanted))

    @property
    def wanted(self) -> tuple[SegmentColumn, ...]:
        """Return what was asked for."""
        return tuple(one.wanted for one in self.columns)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the texts of all segments, column by column."""
        return tuple(name for one in self.columns for name in one.names)

    @cached_property
    def column_of(self) -> dict[str, str]:
        """Return the column of each segment, by the segment's text."""
        return {name: one.column for one in self.columns for name in one.names}

    def rows(self, layout: Layout, features: Columns) -> list[Codes]:
        """Return in which segment of each column each row of features lies: one array per column, in their order."""
        return [one.codes(_column(layout, one.column, features)) for one in self.columns]


def refuse_other_segments(wanted: Sequence[SegmentColumn], schema: Schema, empty: Collection[str] = ()) -> None:
    """Raise InvalidSpec, a line a column, where what is asked for cannot part the rows of a schema.

    `empty`: columns without a number in any row, as far as that is known: what they would be of nobody can say.
    """
    kinds = {field.name: field.kind for field in schema.of_role(Role.FEATURE)}
    if problems := segment_problems(wanted, kinds, empty):
        raise InvalidSpec("\n".join(f"{line}. No baseline was made." for line in problems))


def segment_problems(
    wanted: Sequence[SegmentColumn], kinds: Mapping[str, Kind], empty: Collection[str] = ()
) -> list[str]:
    """Return what is wrong with the segments asked for, a line a column; `kinds`: those of all features, by name.

    `empty`: as in `refuse_other_segments`.
    """
    problems = (_problem(one, kinds, empty) for one in wanted)
    return [f"watch.segments: {problem}" for problem in problems if problem]


def _problem(one: SegmentColumn, kinds: Mapping[str, Kind], empty: Collection[str]) -> str:
    kind, name = kinds.get(one.column), shown(one.column, NAME_LIMIT)
    if kind is None:
        known = ", ".join(shown(each, NAME_LIMIT) for each in [*kinds][:SHOWN])
        meant = did_you_mean(one.column, kinds) or f"there are {known}"
        return f"given {quoted(one.column)}: the training data has no such feature; {meant}"
    if kind is Kind.NUMERIC and not one.cuts and one.column in empty:
        return (
            f"expected values in {name} by which rows are parted, given none in any row of the training data; leave it "
            "out, or take rows in which it has values"
        )
    if kind is Kind.NUMERIC and not one.cuts:
        return (
            f"{name} is a column of numbers; state where it is cut, as in `{{column: {name}, cuts: [500, 1000]}}`, or "
            "register the training data with it as categorical"
        )
    if kind is Kind.CATEGORICAL and one.cuts:
        return f"{name} is a column of categories, which have no order; leave out its `cuts`"
    return ""


def _column(layout: Layout, name: str, features: Columns) -> NDArray[np.float64] | NDArray[np.object_]:
    place = layout.index[name]
    numeric = [i for i, _ in layout.numeric(Role.FEATURE)]
    if place in numeric:
        return features.numeric[:, numeric.index(place)]
    return features.categorical[[i for i, _ in layout.categorical(Role.FEATURE)].index(place)]


def _column_text(name: str) -> str:
    """Return a column as it stands in texts: in quotes where a sign in it could be taken for what follows it."""
    return json.dumps(name) if _SIGNS & set(name) or not _is_plain(name) else name


def _value_text(value: str) -> str:
    if len(value) > LONGEST_VALUE:
        marked = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        return f"{json.dumps(value[:LONGEST_VALUE])}#{marked}"
    return json.dumps(value) if value == OTHER or value.startswith('"') or not _is_plain(value) else value


def _is_plain(text: str) -> bool:
    return text.isprintable() and bool(text) and text == text.strip()


def _number_text(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)  # noqa: PLR2004  as repr does
