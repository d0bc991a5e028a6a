"""What is kept of the rows of one model in one pane or span: integer counts that add up, and moments for display.

Fixed size, independent of the order of rows, mergeable. Everything a decision uses is an integer, so a streamed day
equals the batch day exactly; moments agree to the last few digits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.data.columns import Columns, Missing, Role
from pegel.errors import InvalidSpec, LayoutMismatch
from pegel.stats import moments, summary_bytes
from pegel.stats.cells import cell_of, count_sorted
from pegel.stats.comoments import Comoments
from pegel.stats.exact import ExactSums
from pegel.stats.fourth import FourthProducts
from pegel.stats.layout import CORRELATED_ROLE, FieldLayout, Layout, NumericLayout
from pegel.stats.moments import Moments
from pegel.stats.pair_groups import ABSENT
from pegel.stats.pair_tables import PairTables
from pegel.stats.row_behaviour import RowBehaviour
from pegel.stats.statistic import ColumnStatistic, keeps_columns
from pegel.stats.statistic_registry import statistic

COUNTERS = ("n", "n_null", "n_nan", "n_posinf", "n_neginf", "n_unparseable", "n_unseen")
"""Counters per field. Always: n = the next five + the sum of its cells. Unseen categories are in cells, too."""


@dataclass(frozen=True, slots=True)
class FeatureSummary:
    """One field of a summary, read only. `cells`: int64, one count per cell of `layout`."""

    layout: FieldLayout
    n: int
    n_null: int
    n_nan: int
    n_posinf: int
    n_neginf: int
    n_unparseable: int
    n_unseen: int
    cells: NDArray[np.int64]
    min: float | None
    max: float | None
    moments: Moments
    kept: Mapping[str, ColumnStatistic]
    """Further statistics by name; numeric fields only."""
    counted: int
    """How many values fall in cells: finite numbers, or categories."""

    def recounted(self, cells: NDArray[np.int64], **changed: Any) -> FeatureSummary:
        """Return the field with other counts per cell."""
        return replace(self, cells=cells, counted=int(cells.sum()), **changed)


class Summary:
    """The summary of one model. Mutable until handed on; `update` and `merge` are the only ways to change it."""

    def __init__(self, layout: Layout, *, exact: bool = False, counts_only: bool = False) -> None:
        """Start empty; see `empty`."""
        fields = len(layout.features)
        self.layout = layout
        self.counts_only = counts_only
        self.n_outliers = 0
        self.n_scored = 0
        self.counters: NDArray[np.int64] = np.zeros((fields, len(COUNTERS)), dtype=np.int64)
        self.cells: NDArray[np.int64] = np.zeros(int(layout.offsets[-1]), dtype=np.int64)
        self.ranges: NDArray[np.float64] = np.full((fields, 2), np.inf)
        self.ranges[:, 1] = -np.inf
        self.moments: NDArray[np.float64] = np.zeros((fields, moments.SIZE))
        self.comoments = Comoments(len(layout.correlated))
        self.pair_tables = PairTables(len(layout.paired))
        self.kept: dict[tuple[int, str], ColumnStatistic] = {
            (i, name): kind.start(feature.edges)
            for name, kind in ((name, _kind(name)) for name in layout.kept)
            for i, feature in enumerate(layout.features)
            if isinstance(feature, NumericLayout)
        }
        if counts_only:
            self.keep_counts_only()
        self.season_cells: dict[int, NDArray[np.int64]] = {}
        """Counts per cell of the rows whose season is known, by that season."""
        self.behaviour: RowBehaviour | None = None
        """How rows of requests are sent; None where nobody looks at that."""
        self.exact: dict[int, ExactSums] | None = None
        self.fourth: FourthProducts | None = None
        if exact:
            self.keep_exact()

    def keep_exact(self) -> None:
        """Begin to keep exact sums; only for a summary that is still empty."""
        pairs = enumerate(self.layout.features)
        self.exact = {i: ExactSums(f.center, f.reach) for i, f in pairs if isinstance(f, NumericLayout)}
        self.fourth = FourthProducts(len(self.layout.correlated))

    def keep_counts_only(self) -> None:
        """Begin to keep nothing but counters and cells: what else there was is not known any more."""
        self.counts_only = True
        self.ranges[...] = [np.inf, -np.inf]
        self.moments[...] = [0.0, *[np.nan] * (moments.SIZE - 1)]
        self.comoments, self.pair_tables = Comoments(0), PairTables(0)
        self.kept, self.exact, self.fourth, self.behaviour = {}, None, None, None

    @classmethod
    def empty(cls, layout: Layout, *, exact: bool = False, counts_only: bool = False) -> Summary:
        """Return the summary of no rows: the identity of `merge`.

        Args:
            layout: The cells to count in.
            exact: Keep exact sums for the moments, and what the variance of correlations is made of. A baseline needs
                them, because its identity must not depend on the order of rows; they are costly, so windows do without.
            counts_only: Keep counters and cells alone: what is judged of single fields. Moments, ranges, sums of pairs
                and further statistics are not known then, nor of what it is merged with.
        """
        return cls(layout, exact=exact, counts_only=counts_only)

    def settle(self) -> None:
        """Replace the moments by those of the exact sums, and let the sums go. Without exact sums nothing happens."""
        self.moments = self.settled_moments()
        self.exact = self.fourth = None

    def freeze(self) -> None:
        """Refuse every later change of the arrays."""
        for array in self._arrays:
            array.flags.writeable = False

    @property
    def size_bytes(self) -> int:
        """Return the memory that its arrays take, and kept rows; kept statistics and exact sums are not in it."""
        behaviour = 0 if self.behaviour is None else self.behaviour.size_bytes
        return sum(array.nbytes for array in self._arrays) + behaviour

    @property
    def _arrays(self) -> tuple[NDArray[Any], ...]:
        single = (self.counters, self.cells, self.ranges, self.moments)
        return (*single, *self.comoments.arrays, self.pair_tables.counts, *self.season_cells.values())

    def settled_moments(self) -> NDArray[np.float64]:
        """Return the moments, from the exact sums where they are kept."""
        settled = self.moments.copy()
        for i, sums in (self.exact or {}).items():
            settled[i] = sums.state()
        return settled

    def update(self, columns: Columns, role: Role, season: int | None = None) -> None:
        """Count the rows of one role; fields of the other stay as they are. Raises ValueError on bad shapes.

        Args:
            columns: The rows.
            role: Whether they are features or predictions.
            season: The season that all of them are from, see `pegel.stats.seasons`; None for unknown.
        """
        if season is None:
            self._update(columns, role)
            return
        before = self.cells.copy()
        self._update(columns, role)
        self.season_cells[season] = self.season_cells.get(season, 0) + self.cells - before

    def blur(self, names: Collection[str]) -> None:
        """Forget single values of some fields: the extremes beyond the cells, and what further statistics keep.

        Cells and moments stay, which are of many rows.
        """
        for i, feature in enumerate(self.layout.features):
            if feature.field.name not in names or not isinstance(feature, NumericLayout):
                continue
            ends = feature.edges[[0, -1]] if feature.edges.size else [0.0, 0.0]
            if self.ranges[i, 0] <= self.ranges[i, 1]:
                self.ranges[i] = ends
            for name in self.layout.kept:
                self.kept[i, name] = _kind(name).start(feature.edges)

    def _update(self, columns: Columns, role: Role) -> None:
        numeric, categorical = self.layout.numeric(role), self.layout.categorical(role)
        given = (columns.numeric.shape, len(columns.categorical))
        if given != (expected := ((columns.n, len(numeric)), len(categorical))):
            raise ValueError(
                f"expected numbers of shape {expected[0]} and {expected[1]} categorical columns for role {role}, given "
                f"{given[0]} and {given[1]}: nothing was counted."
            )
        groups: dict[int, NDArray[np.uint8]] = {}
        self._update_numeric(columns, numeric, groups)
        for (i, feature), column, bad in zip(categorical, columns.categorical, columns.unparseable, strict=True):
            places = feature.vocabulary.place_of(column)
            groups[i] = feature.vocabulary.group_of_place[places]
            cells, nulls, unseen = feature.vocabulary.count_places(places)
            unparseable = 0 if bad is None else int(np.count_nonzero(bad))
            self._cells_of(i)[:] += cells
            self.counters[i] += (columns.n, nulls - unparseable, 0, 0, 0, unparseable, unseen)
        if role is CORRELATED_ROLE and self.pair_tables.size and columns.n:
            self.pair_tables.update(np.stack([groups[i] for i in self.layout.paired]).T)

    def _update_numeric(
        self,
        columns: Columns,
        numeric: tuple[tuple[int, NumericLayout], ...],
        groups: dict[int, NDArray[np.uint8]],
    ) -> None:
        """Count numbers, and add the groups of those that are counted in pairs, by the position of their field."""
        if not numeric or not columns.n:
            return
        absent = _absent(columns)
        # Sorting a column is the cheapest way to count it: SIMD sorts it, and then only the edges are searched for.
        ordered = np.sort(np.ascontiguousarray(columns.numeric.T), axis=1)
        where = [i for i, _ in numeric]
        ends = _ends(ordered)
        nan, posinf, neginf = ends
        self.counters[where] += np.stack(
            [np.full_like(nan, columns.n), absent[0], nan - absent.sum(axis=0), posinf, neginf, absent[1], 0 * nan],
            axis=1,
        )
        finite = [line[start : line.size - end] for line, start, end in zip(ordered, neginf, nan + posinf, strict=True)]
        for (i, feature), values in zip(numeric, finite, strict=True):
            self._cells_of(i)[:] += count_sorted(values, feature.cuts)
            if self.counts_only:
                continue
            if values.size:
                self.ranges[i] = min(self.ranges[i, 0], values[0]), max(self.ranges[i, 1], values[-1])
            if self.exact is not None:
                self.exact[i].update(values)
            for name in self.layout.kept:
                self.kept[i, name].update(values)
        if self.counts_only:
            return
        if self.exact is None:  # exact sums give the moments, too
            batch = np.stack([moments.of(values) for values in finite]) if ends.any() else moments.of(ordered)
            self.moments[where] = moments.merge(self.moments[where], batch)
        if numeric[0][1].field.role is CORRELATED_ROLE and self.layout.correlated:
            self._update_comoments(columns.numeric, where, groups)

    def _update_comoments(
        self, values: NDArray[np.float64], where: Sequence[int], groups: dict[int, NDArray[np.uint8]]
    ) -> None:
        """Add the scores of the jointly watched fields; a row counts in every pair of which it has both numbers."""
        watched, paired = self.layout.correlated, frozenset(self.layout.paired)
        scores = np.empty((len(watched), len(values)), dtype=np.int64)
        present = np.empty(scores.shape, dtype=np.bool_)
        for column, there, (j, feature) in zip(scores, present, watched, strict=True):
            np.isfinite(values[:, j], out=there)
            # Where nothing is, any cell will do: it is not counted.
            cells = cell_of(np.where(there, values[:, j], 0.0), feature.cuts)
            column[:] = feature.scores[cells]
            if where[j] in paired:
                groups[where[j]] = np.where(there, feature.pair_groups[cells], np.uint8(ABSENT))
        self.comoments.update(scores.T, present.T)
        if self.fourth is not None:
            self.fourth.update(scores.T, present.T)

    def _cells_of(self, i: int) -> NDArray[np.int64]:
        return self.cells[self.layout.places[i]]

    def add_behaviour(self, behaviour: RowBehaviour | None) -> None:
        """Add how rows were sent; None where nobody looked at that."""
        if behaviour is not None and not self.counts_only:
            self.behaviour = behaviour if self.behaviour is None else self.behaviour.merged(behaviour)

    def merge(self, other: Summary) -> None:
        """Add the rows of `other`. Raises LayoutMismatch, and changes nothing, if its cells are others."""
        if other.layout is not self.layout and other.layout.layout_hash != self.layout.layout_hash:
            raise LayoutMismatch(
                f"expected a summary in layout {self.layout.layout_hash[:12]}, given {other.layout.layout_hash[:12]}: "
                "counts in different cells cannot be added; nothing was merged."
            )
        self.n_outliers += other.n_outliers
        self.n_scored += other.n_scored
        self.counters += other.counters
        self.cells += other.cells
        if self.counts_only or other.counts_only:
            self.keep_counts_only()
        else:
            self._merge_beyond_counts(other)
        for season, cells in other.season_cells.items():
            self.season_cells[season] = self.season_cells.get(season, 0) + cells

    def _merge_beyond_counts(self, other: Summary) -> None:
        self.ranges[:, 0] = np.minimum(self.ranges[:, 0], other.ranges[:, 0])
        self.ranges[:, 1] = np.maximum(self.ranges[:, 1], other.ranges[:, 1])
        self._merge_moments(other)
        self.comoments.merge(other.comoments)
        self.pair_tables.merge(other.pair_tables)
        for key, one in self.kept.items():
            one.merge(other.kept[key])
        self.add_behaviour(other.behaviour)

    @classmethod
    def total(cls, summaries: Sequence[Summary]) -> Summary:
        """Return the rows of all summaries together, at least one; they are left as they are.

        Ten times faster than merging one after the other where there are many, as panes of a long window are: arrays
        are added at once, moments two by two. Raises LayoutMismatch if their cells are not the same.
        """
        whole = cls.empty(summaries[0].layout)
        if any(one.kept or one.counts_only or one.layout is not whole.layout for one in summaries):
            for summary in summaries:
                whole.merge(summary)
            return whole
        whole.n_outliers = sum(summary.n_outliers for summary in summaries)
        whole.n_scored = sum(summary.n_scored for summary in summaries)
        for summary in summaries:
            whole.counters += summary.counters
            whole.cells += summary.cells
            whole.comoments.merge(summary.comoments)
            whole.pair_tables.merge(summary.pair_tables)
            whole.add_behaviour(summary.behaviour)
            for season, cells in summary.season_cells.items():
                whole.season_cells[season] = whole.season_cells.get(season, 0) + cells
        ranges = np.stack([summary.ranges for summary in summaries])
        whole.ranges = np.stack([ranges[..., 0].min(axis=0), ranges[..., 1].max(axis=0)], axis=1)
        whole.moments = moments.total(np.stack([summary.settled_moments() for summary in summaries]))
        return whole

    def _merge_moments(self, other: Summary) -> None:
        """Exact sums live on only if both sides have them; otherwise they leave their moments."""
        if self.exact is None or other.exact is None or self.fourth is None or other.fourth is None:
            self.moments = moments.merge(self.settled_moments(), other.settled_moments())
            self.exact = self.fourth = None
            return
        for i, sums in self.exact.items():
            sums.merge(other.exact[i])
        self.fourth.merge(other.fourth)

    @property
    def features(self) -> Mapping[str, FeatureSummary]:
        """Return one read-only view per field, by name, in schema order."""
        states = self.settled_moments()
        ends = zip(*(column.tolist() for column in self.ranges.T), strict=True)
        counts = zip(self.counters.tolist(), self.layout.counted(self.cells).tolist(), strict=True)
        parts = zip(self.layout.features, ends, counts, states.tolist(), strict=True)
        return {feature.field.name: self._feature(i, feature, *values) for i, (feature, *values) in enumerate(parts)}

    def _feature(
        self,
        i: int,
        feature: FieldLayout,
        ends: tuple[float, float],
        counts: tuple[list[int], int],
        state: list[float],
    ) -> FeatureSummary:
        cells = self._cells_of(i).view()
        cells.flags.writeable = False
        low, high = ends
        counters, counted = counts
        return FeatureSummary(
            layout=feature,
            cells=cells,
            min=low if low <= high else None,
            max=high if low <= high else None,
            moments=Moments(int(state[0]), *state[1:]),
            kept={name: self.kept[i, name] for name in self.layout.kept if (i, name) in self.kept},
            counted=counted,
            **dict(zip(COUNTERS, counters, strict=True)),
        )

    def rows(self, role: Role) -> int:
        """Return how many rows of a role were counted; 0 when the schema has no field of that role."""
        pairs = zip(self.layout.features, self.counters[:, 0].tolist(), strict=True)
        return max((int(count) for feature, count in pairs if feature.field.role is role), default=0)

    @property
    def most_rows(self) -> int:
        """Return the rows of the role that has most of them."""
        return int(self.counters[:, 0].max(initial=0))

    def to_bytes(self) -> bytes:
        """Return a compact packed form, the inverse of `from_bytes`."""
        return summary_bytes.pack(self)

    @classmethod
    def from_bytes(cls, data: bytes, layout: Layout) -> Summary:
        """Unpack a summary of this layout. Raises LayoutMismatch if it was packed with another one."""
        return summary_bytes.unpack(data, cls(layout))


@lru_cache
def _kind(name: str) -> type[ColumnStatistic]:
    """Return the statistic of a name; looked up once, because installed packages have to be searched for it."""
    kind = statistic(name)
    if not keeps_columns(kind):
        raise InvalidSpec(f"watch.statistics: {name} is not kept of single columns; nothing was counted.")
    return kind


def _absent(columns: Columns) -> NDArray[np.int64]:
    """Return the numbers of nulls and of unparseable values per numeric column, shape (2, columns)."""
    if columns.missing is None:
        return np.zeros((2, columns.numeric.shape[1]), dtype=np.int64)
    if not np.isnan(columns.numeric[columns.missing != Missing.PRESENT]).all():
        raise ValueError("expected NaN wherever a value is marked missing, given a number: nothing was counted.")
    codes = (Missing.NULL, Missing.UNPARSEABLE)
    return np.stack([np.count_nonzero(columns.missing == code, axis=0) for code in codes]).astype(np.int64)


def _ends(ordered: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how many NaN, +inf and -inf stand at the ends of sorted columns, shape (3, columns)."""
    if np.isfinite(ordered[:, [0, -1]]).all():
        return np.zeros((3, len(ordered)), dtype=np.int64)
    kinds = (np.isnan(ordered), ordered == np.inf, ordered == -np.inf)
    return np.stack([np.count_nonzero(kind, axis=1) for kind in kinds])
