"""What training says of how rows are sent: the same in any order and partitioning, and what is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fingerprinted_rows import columns_of

from pegel.baseline.row_learning import MOST_ROWS, LearntRows, RowLearning, RowWish
from pegel.baseline.row_reference import RowCounter, RowReference
from pegel.baseline.session_blocks import BlockRows, SessionBlocks
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary

EVERYTHING = RowWish(off_grid=True, combinations=True, probing=True)
ROWS = 12_000


def drawn(rows: int = ROWS, seed: int = 1) -> np.ndarray:
    """Draw six columns in steps of hundredths; the second goes with the first, the third follows time."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(rows, 6)).round(2)
    table[:, 1] = (0.9 * table[:, 0] + 0.4 * table[:, 1]).round(2)
    table[:, 2] = (np.linspace(0, 5, rows) + 0.1 * table[:, 2]).round(2)
    return table


def learning_of(rows: np.ndarray, wish: RowWish = EVERYTHING) -> RowLearning:
    """Count rows, and begin to learn from them."""
    names = [f"x{j}" for j in range(rows.shape[1])]
    layout = build_layout(
        Schema(tuple(Field(name, Kind.NUMERIC) for name in names)), dict(zip(names, rows.T, strict=True))
    )
    summary = Summary.empty(layout)
    summary.update(columns_of(rows), Role.FEATURE)
    return RowLearning(summary, wish)


@pytest.fixture(scope="module")
def learning() -> RowLearning:
    """What is learnt from 12,000 rows."""
    return learning_of(drawn())


def reference_of(learning: RowLearning, parts: list[LearntRows], **changed: object) -> RowReference:
    """Put parts together, after they travelled."""
    travelled = [LearntRows.from_bytes(part.to_bytes()) for part in parts]
    given: dict[str, object] = {"window_rows": 200, "timed": True} | changed
    return learning.reference(learning.total(travelled), **given)  # type: ignore[arg-type]  # as named


def test_order_and_partitioning_change_nothing(learning: RowLearning) -> None:
    """All rows at once, and shuffled parts of different sizes: the same reference, digit by digit."""
    rows, instants = drawn(), np.arange(ROWS)
    order = np.random.default_rng(2).permutation(ROWS)
    pieces = np.split(order, [100, 3_000, 11_000])
    parts = [learning.of_rows(columns_of(rows[piece]), instants[piece]) for piece in pieces]
    whole = reference_of(learning, [learning.of_rows(columns_of(rows), instants)])

    assert whole.to_json() == reference_of(learning, parts).to_json()
    assert whole.to_json() == RowReference.from_json(whole.to_json()).to_json()


def test_everything_that_is_asked_for_is_learnt(learning: RowLearning) -> None:
    """Steps of hundredths, a cut that twelve rows reach, tables without the column that follows time, and a floor."""
    rows = drawn()
    found = reference_of(learning, [learning.of_rows(columns_of(rows), np.arange(ROWS))])

    assert found.grids == {f"x{j}": 2 for j in range(6)}
    assert found.joint is not None
    assert (ROWS, True) == (found.joint.placed, 10 <= found.joint.exceeding + 1 <= 12)
    assert found.crowds is not None
    assert ("x2",) == found.crowds.left_out
    assert found.crowds.floor is not None
    assert 60 == found.crowds.floor.blocks


def test_what_nobody_asks_for_is_not_learnt() -> None:
    """Each part is a switch of its own."""
    rows = drawn(2_000)
    learning = learning_of(rows, RowWish(off_grid=True))
    found = reference_of(learning, [learning.of_rows(columns_of(rows))], timed=False)

    assert found.grids is not None
    assert (None, None) == (found.joint, found.crowds)


def test_without_times_sessions_are_not_assessed_and_it_is_said(learning: RowLearning) -> None:
    """Then no column follows time, either; so many rows are too few where windows are large."""
    rows = drawn()
    part = learning.of_rows(columns_of(rows), np.arange(ROWS))
    untimed = reference_of(learning, [part], timed=False).crowds
    large = reference_of(learning, [part], window_rows=1_000).crowds

    assert untimed is not None
    assert large is not None
    assert ((), None, "rows of training have no times") == (untimed.left_out, untimed.floor, untimed.why)
    assert (None, "it needs 30,000 distinct rows of training, and there are 12,000") == (large.floor, large.why)


def test_the_column_of_times_itself_does_not_count(learning: RowLearning) -> None:
    """It is left out by its name, whatever its order."""
    part = learning.of_rows(columns_of(drawn()), np.zeros(ROWS, dtype=np.int64))
    crowds = reference_of(learning, [part], time_like="x4").crowds

    assert crowds is not None
    assert ("x4",) == crowds.left_out


@pytest.mark.slow
def test_of_many_rows_those_of_small_hashes_are_kept() -> None:
    """A baseline of millions of rows keeps 65,536 of them at most, the same ones in any partitioning."""
    rows = np.random.default_rng(3).normal(size=(2 * MOST_ROWS + 500, 3))
    learning = learning_of(rows, RowWish(probing=True))
    halves = [learning.of_rows(columns_of(half)) for half in np.array_split(rows, 2)]
    whole = learning.of_rows(columns_of(rows))

    assert MOST_ROWS // 3 < whole.hashes.size <= MOST_ROWS
    assert whole.hashes.tolist() == learning.total(halves).hashes.tolist()
    crowds = reference_of(learning, [whole]).crowds
    assert crowds is not None
    assert (None, True) == (crowds.floor, crowds.why.startswith("it needs 30 blocks of 200 rows at different times"))


def with_sessions(rows: int, seed: int) -> np.ndarray:
    """Draw rows in order of time; one in fifty begins a session of three to eight small changes of it."""
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(rows, 6))
    begins = np.flatnonzero(rng.random(rows) < 0.02)
    for begin, length in zip(begins.tolist(), rng.integers(3, 9, begins.size).tolist(), strict=True):
        size = len(table[begin : begin + length])
        table[begin : begin + length] = table[begin] + 0.01 * rng.normal(size=(size, 6))
    return table.round(4)


def test_sessions_of_many_rows_are_assessed_in_whole_blocks() -> None:
    """Of 150,000 rows a part is kept by hash, and 64 blocks of 300 rows whole: sessions are as large as they are."""
    many, few = with_sessions(150_000, 5), with_sessions(60_000, 6)
    instants = np.arange(len(many)) * 1_000
    wish = RowWish(probing=True)
    learning = replace(learning_of(many, wish), blocks=SessionBlocks.of(instants, 300))
    order = np.random.default_rng(7).permutation(len(many))
    pieces = [learning.of_rows(columns_of(many[piece]), instants[piece]) for piece in np.array_split(order, 7)]
    whole = reference_of(learning, [learning.of_rows(columns_of(many), instants)], window_rows=300)
    small = learning_of(few, wish)
    part = small.of_rows(columns_of(few), np.arange(len(few)))
    of_all = reference_of(small, [part], window_rows=300).crowds

    assert whole.to_json() == reference_of(learning, pieces, window_rows=300).to_json()
    assert whole.crowds is not None
    assert of_all is not None
    assert whole.crowds.floor is not None
    assert of_all.floor is not None
    assert (64, 200) == (whole.crowds.floor.blocks, of_all.floor.blocks)
    assert 8 <= whole.crowds.floor.least(1e-5) == pytest.approx(of_all.floor.least(1e-5), abs=4)


def test_blocks_are_whole_apart_and_bounded() -> None:
    """Each has so many rows by time as a window; of rows of one instant, and of equal rows, no more than that."""
    rng = np.random.default_rng(8)
    instants = rng.permutation(np.repeat(np.arange(40_000), 2))
    blocks = SessionBlocks.of(instants, 1_000)
    assert blocks is not None
    sizes = np.bincount(blocks.block_of(instants) + 1)
    stuck = SessionBlocks.of(np.repeat(np.arange(40), 2_000), 1_000)
    assert stuck is not None
    hashes, codes = rng.integers(0, 2**63, 80_000, dtype=np.uint64), np.zeros((1, 80_000), dtype=np.uint16)
    kept = BlockRows.of(stuck, hashes, codes, np.repeat(np.arange(40), 2_000))
    equal = BlockRows.of(stuck, hashes % np.uint64(50), codes, np.repeat(np.arange(40), 2_000))

    assert (64, {1_000}) == (sizes.size - 1, {*sizes[1:].tolist()})
    assert {1_000} == {*np.bincount(kept.blocks)[np.unique(kept.blocks)].tolist()}
    assert (50, {50}) == (equal.apart().hashes.size, {*np.bincount(equal.blocks)[np.unique(equal.blocks)].tolist()})
    assert (None, None) == (SessionBlocks.of(instants, 3_000), SessionBlocks.of(np.arange(600_000), 9_000))


def test_rows_are_counted_by_what_was_learnt(learning: RowLearning) -> None:
    """A finer value, a combination that training hardly has, and every distinct row beside its cells."""
    reference = reference_of(learning, [learning.of_rows(columns_of(drawn()), np.arange(ROWS))])
    counter = RowCounter(learning.trained.layout, reference.for_counting(), learning.trained)
    rows = drawn(500, seed=4)
    rows[0, 3] = 0.12345
    rows[1, :2] = (-3.0, 3.0)
    rows[2] = rows[3]
    counted = counter.count(columns_of(rows))

    assert [0, 0, 0, 1, 0, 0] == counted.off_grid.tolist()
    assert 1 <= counted.unusual <= 6
    assert (500, 499) == (counted.placed, counted.rows.n)
