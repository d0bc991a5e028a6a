"""The frozen cells in which a model's columns are counted. Summaries meet only if their layouts are the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import LayoutMismatch
from pegel.stats import edges as edge_rules
from pegel.stats.cells import count_sorted, finite_part
from pegel.stats.normal_scores import light_tailed, normal_scores
from pegel.stats.pair_groups import of_categories, quarters
from pegel.stats.vocabulary import Vocabulary

LAYOUT_VERSION = 5
CORRELATED_FEATURES = 64
"""At most this many features are watched for changed correlations."""
CORRELATED_CELLS = 2
"""A field of one value has no correlations."""
CORRELATED_ROLE = Role.FEATURE
"""Only fields of this role are watched for correlations: their values stand in the same rows."""
CORRELATED_ROWS = 1_000
"""Finite values that a field needs in the training data to be watched for correlations."""
PAIRED_FEATURES = 16
"""Of at most this many features every two are counted together: 120 tables."""
DENSE = 0.5
"""Share of all training rows from which on a field with another value than its most frequent cell's is dense."""


@dataclass(frozen=True, eq=False)
class NumericLayout:
    """Cells of one numeric field.

    `edges`: float64, strictly increasing, shape (E,); there are E + 1 right-closed cells, see `pegel.stats.edges`.
    `groups`: int64, shape (E + 1,), the shape group of each cell. `scores`: int64, shape (E + 1,), normal scores times
    1024 for the correlation monitor. `correlated`: whether the field takes part in it. `dense`: whether at least half
    of all training rows have another value than those of its most frequent cell. `light_tails`: whether shifts are
    tested by normal scores, see `pegel.stats.normal_scores.light_tailed`.
    """

    field: Field
    edges: NDArray[np.float64]
    discrete: bool
    groups: NDArray[np.int64]
    scores: NDArray[np.int64]
    correlated: bool
    dense: bool
    light_tails: bool

    @property
    def size(self) -> int:
        """Return the number of cells."""
        return int(self.edges.size) + 1

    @property
    def center(self) -> float:
        """Return a baseline value from the middle, about which exact sums are taken."""
        return float(self.edges[min(self.edges.size // 2 | 1, self.edges.size - 1)]) if self.edges.size else 0.0

    @property
    def reach(self) -> float:
        """Return the largest distance of a baseline value from `center`; infinite if it is beyond the floats."""
        if not self.edges.size:
            return 0.0
        with np.errstate(over="ignore"):
            return float(np.abs(self.edges - self.center).max())

    @cached_property
    def cuts(self) -> NDArray[np.float64]:
        """Return where values are cut to be counted, see `pegel.stats.edges.cuts`."""
        return edge_rules.cuts(self.edges)

    @cached_property
    def pair_groups(self) -> NDArray[np.uint8]:
        """Return the group of each cell in tables of pairs, see `pegel.stats.pair_groups`."""
        return quarters(self.scores)

    @property
    def fit_for_pairs(self) -> bool:
        """Say whether it can be counted together with other features: enough values, of more than one kind."""
        return self.correlated

    @cached_property
    def points(self) -> NDArray[np.bool_]:
        """Say for each cell whether it can hold one value only."""
        return edge_rules.is_point(self.edges)

    def grouped(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return counts per shape group, shape (..., E + 1) -> (..., groups)."""
        return np.add.reduceat(cells, self._group_starts, axis=-1)

    @cached_property
    def _group_starts(self) -> NDArray[np.intp]:
        return np.flatnonzero(np.diff(self.groups, prepend=-1))

    def report(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return counts on the partition on which distances are reported.

        Discrete: all cells. Continuous: the shape groups, with underflow and overflow kept apart.
        """
        if self.discrete:
            return cells
        inner = np.bincount(self.groups[1:-1], weights=cells[1:-1])
        return np.concatenate([cells[:1], inner.astype(np.int64), cells[-1:]])

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON; edges as hexadecimal floats, so that no digit is lost."""
        return {
            "edges": [edge.hex() for edge in self.edges.tolist()],
            "discrete": self.discrete,
            "groups": self.groups.tolist(),
            "scores": self.scores.tolist(),
            "correlated": self.correlated,
            "dense": self.dense,
            "light_tails": self.light_tails,
        }


@dataclass(frozen=True, eq=False)
class CategoricalLayout:
    """Cells of one categorical field: the frequent categories in order, then the buckets of all others."""

    field: Field
    vocabulary: Vocabulary

    @property
    def categories(self) -> tuple[str, ...]:
        """Return the categories that have a cell of their own, in cell order."""
        return self.vocabulary.top

    @property
    def texts(self) -> frozenset[str]:
        """Return the values of the baseline, as far as they are kept as text."""
        return self.vocabulary.texts

    @property
    def open_vocabulary(self) -> bool:
        """Say whether the field has too many values for "unseen" to mean anything."""
        return self.vocabulary.is_open

    @property
    def has_no_frequent_values(self) -> bool:
        """Say whether new values are the rule and none is known to be frequent, as in a column of identifiers."""
        return self.vocabulary.is_open and not self.categories

    @cached_property
    def pair_groups(self) -> NDArray[np.uint8]:
        """Return the group of each cell in tables of pairs, see `pegel.stats.pair_groups`."""
        return of_categories(self.vocabulary.groups, self.vocabulary.buckets)

    @property
    def fit_for_pairs(self) -> bool:
        """Say whether it can be counted together with other features: enough values, of more than one kind."""
        known = self.vocabulary
        enough = known.rows >= CORRELATED_ROWS and known.distinct >= CORRELATED_CELLS
        return enough and self.field.role is CORRELATED_ROLE and not self.has_no_frequent_values

    @property
    def dense(self) -> bool:
        """Say whether at least half of the training rows with a value have another than the most frequent one."""
        return self.vocabulary.rows - self.vocabulary.most >= DENSE * self.vocabulary.rows

    def report(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return counts on the partition on which distances are reported: all categories without a cell are one."""
        named = len(self.categories)
        return np.append(cells[:named], cells[named:].sum())

    @property
    def size(self) -> int:
        """Return the number of cells."""
        return self.vocabulary.size

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return self.vocabulary.to_json()


FieldLayout = NumericLayout | CategoricalLayout


@dataclass(frozen=True, eq=False)
class Layout:
    """The cells of every field of a schema, in schema order. Immutable; identified by `layout_hash`.

    `kept`: names of further statistics that are kept of each numeric field, see `pegel.stats.statistic_registry`.
    `paired`: positions of the features of which every two are counted together, rising.
    """

    schema: Schema
    features: tuple[FieldLayout, ...]
    kept: tuple[str, ...] = ()
    paired: tuple[int, ...] = ()

    @cached_property
    def layout_hash(self) -> str:
        """Return the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self._canonical).hexdigest()

    @cached_property
    def salt(self) -> bytes:
        """Return 8 bytes that follow from the cells alone, and not from `layout_hash`, which is told to anybody."""
        return hashlib.blake2b(self._canonical, digest_size=8, person=b"pegel-salt").digest()

    @property
    def salt_id(self) -> str:
        """Return by what a salt is known again, 16 hexadecimal digits from which it does not follow."""
        return hashlib.blake2b(self.salt, digest_size=8, person=b"pegel-salt-id").hexdigest()

    @property
    def _canonical(self) -> bytes:
        return json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Return the position of each field by name."""
        return {field.name: i for i, field in enumerate(self.schema.fields)}

    @cached_property
    def offsets(self) -> NDArray[np.int64]:
        """Return where each field's cells begin in one flat array, and the total, shape (fields + 1,)."""
        return np.cumsum([0] + [feature.size for feature in self.features])

    @cached_property
    def places(self) -> tuple[slice, ...]:
        """Return which cells of one flat array are those of each field."""
        bounds = self.offsets.tolist()
        return tuple(slice(start, end) for start, end in pairwise(bounds))

    def counted(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many values fall in cells, per field, from counts of all cells in one flat array."""
        return np.add.reduceat(cells, self.offsets[:-1]) if self.features else np.zeros(0, dtype=np.int64)

    @cached_property
    def correlated(self) -> tuple[tuple[int, NumericLayout], ...]:
        """Return the fields whose correlations are watched, each with its place among the numeric features."""
        return tuple((j, f) for j, (_, f) in enumerate(self.numeric(CORRELATED_ROLE)) if f.correlated)

    def numeric(self, role: Role) -> tuple[tuple[int, NumericLayout], ...]:
        """Return position and cells of the numeric fields of one role, in schema order."""
        pairs = enumerate(self.features)
        return tuple((i, f) for i, f in pairs if isinstance(f, NumericLayout) and f.field.role is role)

    def categorical(self, role: Role) -> tuple[tuple[int, CategoricalLayout], ...]:
        """Return position and cells of the categorical fields of one role, in schema order."""
        pairs = enumerate(self.features)
        return tuple((i, f) for i, f in pairs if isinstance(f, CategoricalLayout) and f.field.role is role)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "layout_version": LAYOUT_VERSION,
            "closed": "right",
            "schema": self.schema.to_json(),
            "features": [feature.to_json() for feature in self.features],
            "kept": list(self.kept),
            "paired": list(self.paired),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Layout:
        """Build a layout from what `to_json` wrote. Raises LayoutMismatch for another layout version."""
        if data.get("layout_version") != LAYOUT_VERSION:
            raise LayoutMismatch(
                f"expected layout version {LAYOUT_VERSION}, given {data.get('layout_version')!r}: "
                "build the baseline again with this version of Pegel; nothing was read."
            )
        schema = Schema.from_json(data["schema"])
        pairs = zip(schema.fields, data["features"], strict=True)
        features = tuple(_feature_from_json(field, item) for field, item in pairs)
        return cls(schema, features, tuple(data["kept"]), tuple(data["paired"]))


def _feature_from_json(field: Field, item: Mapping[str, Any]) -> FieldLayout:
    if field.kind is Kind.CATEGORICAL:
        return CategoricalLayout(field, Vocabulary.from_json(item))
    return NumericLayout(
        field,
        edges=np.array([float.fromhex(edge) for edge in item["edges"]], dtype=np.float64),
        discrete=bool(item["discrete"]),
        groups=np.array(item["groups"], dtype=np.int64),
        scores=np.array(item["scores"], dtype=np.int64),
        correlated=bool(item["correlated"]),
        dense=bool(item["dense"]),
        light_tails=bool(item["light_tails"]),
    )


def build_layout(schema: Schema, values: Mapping[str, NDArray[Any]], kept: Sequence[str] = ()) -> Layout:
    """Freeze the cells for full columns of training data.

    Args:
        schema: The fields, in the order of the payload.
        values: One column per field name: float64 (NaN or infinite = not counted) for numeric fields, object arrays of
            str or None for categorical ones. All rows, because categories need exact counts.
        kept: Names of further statistics to keep of each numeric field.
    """
    return assemble(schema, [_frozen(field, values[field.name]) for field in schema.fields], kept)


def assemble(schema: Schema, features: Sequence[FieldLayout], kept: Sequence[str] = ()) -> Layout:
    """Put the cells of single fields together, in schema order.

    At most 64 of those that are fit for it are watched for correlations: the dense ones first, each kind in schema
    order. Of at most 16 every two are counted together: of the dense ones, then of the others, categories first,
    because pairs of numbers are watched for correlations, too.
    """
    fit = [i for i, feature in enumerate(features) if isinstance(feature, NumericLayout) and feature.correlated]
    ordered = sorted(fit, key=lambda i: (not features[i].dense, i))
    beyond = set(ordered[CORRELATED_FEATURES:])
    chosen = tuple(_uncorrelated(feature) if i in beyond else feature for i, feature in enumerate(features))
    return Layout(schema, chosen, tuple(sorted(set(kept))), _paired(chosen))


def _paired(features: Sequence[FieldLayout]) -> tuple[int, ...]:
    fit = (i for i, feature in enumerate(features) if feature.fit_for_pairs)
    ordered = sorted(fit, key=lambda i: (not features[i].dense, isinstance(features[i], NumericLayout), i))
    return tuple(sorted(ordered[:PAIRED_FEATURES]))


def _uncorrelated(feature: FieldLayout) -> FieldLayout:
    return replace(feature, correlated=False) if isinstance(feature, NumericLayout) else feature


def _frozen(field: Field, column: NDArray[Any]) -> FieldLayout:
    if field.kind is Kind.CATEGORICAL:
        return CategoricalLayout(field, Vocabulary.build(column))
    ordered = finite_part(np.sort(np.asarray(column, dtype=np.float64)))
    edges, discrete = edge_rules.build(ordered)
    counts = count_sorted(ordered, edge_rules.cuts(edges))
    return freeze_numeric(field, edges, counts, discrete=discrete, rows=column.size)


def freeze_numeric(
    field: Field, edges: NDArray[np.float64], counts: NDArray[np.int64], *, discrete: bool, rows: int
) -> NumericLayout:
    """Freeze the cells of one field: its edges, the finite values per cell, and `rows` with and without a number."""
    finite = int(counts.sum())
    fit = finite >= CORRELATED_ROWS and np.count_nonzero(counts) >= CORRELATED_CELLS
    return NumericLayout(
        field,
        edges=edges,
        discrete=discrete,
        groups=edge_rules.shape_groups(counts),
        scores=normal_scores(counts),
        correlated=bool(fit and field.role is CORRELATED_ROLE),
        dense=finite - int(counts.max(initial=0)) >= DENSE * rows,
        light_tails=light_tailed(edges, counts),
    )
