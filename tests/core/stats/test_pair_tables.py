"""Tables of pairs of features: frozen groups, counts that add up, rows without a value."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.errors import LayoutMismatch
from pegel.stats.layout import Layout, build_layout
from pegel.stats.pair_groups import ABSENT, packed
from pegel.stats.pair_tables import PairTables
from pegel.stats.summary import Summary
from pegel.stats.vocabulary import Vocabulary

SCHEMA = Schema((Field("x", Kind.NUMERIC), Field("letter", Kind.CATEGORICAL), Field("flag", Kind.NUMERIC)))


def drawn(n: int, seed: int) -> Columns:
    """Draw rows of which some lack a value, and some letters are rare."""
    rng = np.random.default_rng(seed)
    numbers = np.column_stack([rng.normal(size=n), rng.random(n) < 0.2]).astype(np.float64)
    numbers[rng.random((n, 2)) < 0.1] = np.nan
    letters = rng.choice(np.array([*"aaaabbbcd", None], dtype=object), n)
    missing = np.where(np.isnan(numbers), Missing.NULL, Missing.PRESENT).astype(np.uint8)
    return Columns(n, numbers, missing, (letters,), (None,))


ROWS = drawn(3_000, 0)
LAYOUT = build_layout(SCHEMA, {"x": ROWS.numeric[:, 0], "letter": ROWS.categorical[0], "flag": ROWS.numeric[:, 1]})


def counted(rows: Columns, *, exact: bool = False) -> Summary:
    """Count features."""
    summary = Summary.empty(LAYOUT, exact=exact)
    summary.update(rows, Role.FEATURE)
    return summary


def row_by_row(rows: Columns, layout: Layout) -> np.ndarray[Any, Any]:
    """Count again, one row and one pair at a time, by the values themselves."""
    edges = np.nanquantile(ROWS.numeric[:, 0], [0.25, 0.5, 0.75])
    known = layout.features[1].vocabulary  # type: ignore[union-attr]  # the second field is text
    letters = dict(zip(known.top, known.groups, strict=True))
    found = np.zeros((12, 12), dtype=np.int64)
    for (x, flag), letter in zip(rows.numeric, rows.categorical[0], strict=True):
        groups = [
            None if np.isnan(x) else int((x > edges).sum()),
            None if letter is None else letters[letter],
            # Of one in five, the middle ranks are .4 and .9.
            None if np.isnan(flag) else (3 if flag else 1),
        ]
        for j, first in enumerate(groups):
            for k, second in enumerate(groups):
                if first is not None and second is not None:
                    found[4 * j + first, 4 * k + second] += 1
    return found


def test_rows_are_counted_in_every_pair_of_which_they_have_both_values() -> None:
    """Tables are those of counting row by row: numbers in quarters of training, categories in their groups."""
    rows = drawn(400, 1)
    given, expected = counted(rows).pair_tables.counts, row_by_row(rows, LAYOUT)

    assert (0, 1, 2) == LAYOUT.paired
    # The edges of cells are order statistics, those of numpy lie between two: a row may be on the other side.
    assert 8 >= np.abs(given[:4] - expected[:4]).sum()
    assert expected[4:, 4:].tolist() == given[4:, 4:].tolist()


@given(cuts=st.lists(st.integers(0, 200), min_size=1, max_size=4), seed=st.integers(0, 3))
def test_any_split_gives_the_same_tables(cuts: list[int], seed: int) -> None:
    """Windows of any parts of the rows add up to the tables of all rows, packed and read again."""
    rows = drawn(200, seed)
    bounds = [0, *sorted(cuts), 200]
    parts = [counted(rows.take(np.arange(a, b))) for a, b in pairwise(bounds)]
    read = [Summary.from_bytes(part.to_bytes(), LAYOUT) for part in parts]
    merged = counted(rows.take(np.arange(0)))
    for part in read:
        merged.merge(part)
    whole = counted(rows).pair_tables.counts.tolist()

    assert whole == Summary.total(read).pair_tables.counts.tolist() == merged.pair_tables.counts.tolist()


def test_tables_of_other_sizes_are_not_added() -> None:
    """Tables of three features are not added to those of two, which stay as they are."""
    two = PairTables(2)
    with pytest.raises(LayoutMismatch, match="expected tables of pairs of 2 fields, given 3: nothing was merged"):
        two.merge(PairTables(3))

    assert not two.counts.any()


def test_groups_are_frozen_and_balanced() -> None:
    """The largest categories have a group of their own, the others fill up, unseen ones have that of a bucket."""
    vocabulary = Vocabulary.build([*"a" * 40, *"b" * 30, *"c" * 10, *"d" * 8, *"e" * 7, *"f" * 5, None])
    group = vocabulary.group_of_place[vocabulary.place_of(np.array(["a", "b", "new", None], dtype=object))]

    assert (0, 1, 2, 3, 3, 2) == vocabulary.groups
    assert [0, 1, ABSENT] == [int(group[at]) for at in (0, 1, 3)]
    assert group[2] < ABSENT
    assert vocabulary == Vocabulary.from_json(vocabulary.to_json())
    assert (0, 1, 2, 3) == packed([1, 1, 1, 1], 0)


def test_a_baseline_keeps_groups_and_tables(learnt: Callable[..., Baseline]) -> None:
    """A baseline that is written and read again has the same groups and the same tables, under the same id."""
    values = {"x": np.arange(2_000.0), "letter": np.array([*"ab"] * 1_000, dtype=object)}
    built = learnt(values)
    read = Baseline.from_json(built.to_json())

    assert (built.id, (0, 1)) == (read.id, read.layout.paired)
    assert 2_000 == int(read.summary.pair_tables.of_pair(0, 1).sum())
    assert built.summary.pair_tables.counts.tolist() == read.summary.pair_tables.counts.tolist()


def test_at_most_sixteen_features_are_paired() -> None:
    """Of many features those that vary come first, categories before numbers; constant ones and identifiers never."""
    n = 1_200
    rng = np.random.default_rng(0)
    numbers = {f"n{i}": rng.normal(size=n) for i in range(14)}
    texts = {f"c{i}": rng.choice(np.array([*"abc"], dtype=object), n) for i in range(5)}
    rare = {"rare": (rng.random(n) < 0.01).astype(np.float64), "same": np.ones(n)}
    ids = {"id": np.array([str(i) for i in range(n)], dtype=object)}
    values = numbers | texts | rare | ids
    kinds = {name: Kind.CATEGORICAL if column.dtype == object else Kind.NUMERIC for name, column in values.items()}
    layout = build_layout(Schema(tuple(Field(name, kind) for name, kind in kinds.items())), values)

    assert [*list(numbers)[:11], *texts] == [layout.features[i].field.name for i in layout.paired]


def test_a_segment_has_no_tables() -> None:
    """Where counts alone are kept, there are no tables of pairs, and merging with such forgets them."""
    whole = counted(ROWS)
    whole.merge(Summary.empty(LAYOUT, counts_only=True))

    assert 0 == whole.pair_tables.size
