"""Rows of a window beside their fingerprints: any split keeps the same ones, and never more than fit."""

from __future__ import annotations

import numpy as np
import pytest
from fingerprinted_rows import golden, stepped
from hypothesis import given
from hypothesis import strategies as st

from pegel.errors import LayoutMismatch
from pegel.stats.fingerprints.crowd_sizes import CrowdSizes
from pegel.stats.fingerprints.kept_rows import MOST_ROWS, KeptRows

MANY = 2 * MOST_ROWS + 1_000


def drawn(n: int, seed: int) -> KeptRows:
    """Draw rows of which some come twice, each with its event and client."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 2**63, n, dtype=np.uint64) * np.uint64(2)
    rows[n // 2 : n // 2 + n // 10] = rows[: n // 10]
    events = rng.integers(0, 2**63, n, dtype=np.uint64)
    return KeptRows.of(
        rows,
        rng.integers(0, 50, (n, 4), dtype=np.uint64),
        events=events,
        places=rng.integers(0, 3, n, dtype=np.uint32),
        clients=rng.integers(0, 5, n, dtype=np.uint64),
        ids=np.array([f"event {event}" for event in events.tolist()], dtype=object),
    )


def parts_of(rows: KeptRows, cuts: list[int]) -> list[KeptRows]:
    """Cut rows into parts by their place, so that every part has rows of all hashes."""
    place = np.random.default_rng(0).permutation(rows.n)
    pieces = np.split(place, sorted(cut % (rows.n + 1) for cut in cuts))
    return [rows.taken(np.sort(piece), rows.level) for piece in pieces]


def unbounded(n: int, seed: int) -> list[KeptRows]:
    """Draw more rows than fit, in parts that fit."""
    return [drawn(n // 4, 4 * seed + part) for part in range(4)]


@given(order=st.permutations(range(6)), seed=st.integers(0, 3), cuts=st.lists(st.integers(0, 9_999), max_size=4))
def test_any_split_and_order_keeps_the_same_rows_bit_by_bit(order: list[int], seed: int, cuts: list[int]) -> None:
    """Parts of parts, merged in any order, are the rows of all at once: also where only some of them fit."""
    whole = KeptRows.total(unbounded(MANY, seed))
    first, *others = unbounded(MANY, seed)
    parts = [*parts_of(first, cuts), *others]
    shuffled = [parts[at % len(parts)] for at in [*order, *range(len(parts))]]
    one_by_one = KeptRows.none()
    for part in shuffled:
        one_by_one = one_by_one.merge(part)

    assert 0 < whole.level
    assert whole.to_bytes() == one_by_one.to_bytes()


def test_merging_is_associative_and_no_rows_are_its_identity() -> None:
    """It does not matter which two of three are merged first."""
    a, b, c = unbounded(MANY, 7)[:3]

    assert a.merge(b).merge(c).to_bytes() == a.merge(b.merge(c)).to_bytes()
    assert a.to_bytes() == a.merge(KeptRows.none()).to_bytes()


def test_no_more_rows_are_kept_than_fit_and_no_fewer_than_they_must() -> None:
    """The level is the smallest at which 8,192 rows or fewer remain, and those are the ones of small hashes."""
    whole = KeptRows.total(unbounded(MANY, 1))
    hashes = np.unique(np.concatenate([part.rows for part in unbounded(MANY, 1)]))

    assert MOST_ROWS // 3 < whole.n <= MOST_ROWS
    assert hashes[hashes < 2 ** (64 - whole.level)].tolist() == whole.rows.tolist()
    assert MOST_ROWS < int((hashes < 2 ** (65 - whole.level)).sum())


def test_equal_rows_count_once() -> None:
    """A hundred copies of five rows in a thousand are five rows: retries are no crowd."""
    rows = stepped(np.random.default_rng(6), 1_000)
    rows[:500] = np.repeat(rows[:5], 100, axis=0)

    assert 505 == golden().kept(rows).n


def test_rows_are_read_as_they_were_packed() -> None:
    """What travels between machines loses nothing; ids of events are cut at 64 letters."""
    rows = drawn(100, 3)
    long = KeptRows.of(rows.rows[:1], rows.cells[:1], ids=np.array(["i" * 99], dtype=object))

    assert rows.to_bytes() == KeptRows.from_bytes(rows.to_bytes()).to_bytes()
    assert ["i" * 64] == KeptRows.from_bytes(long.to_bytes()).ids.tolist()
    with pytest.raises(LayoutMismatch):
        KeptRows.from_bytes(rows.to_bytes()[:-3])


def test_bare_rows_keep_their_cells_alone() -> None:
    """Windows of the past are compared by their cells: neither events nor clients are kept of them."""
    whole = KeptRows.total(unbounded(MANY, 2))
    bare = whole.bare()

    assert (whole.level, whole.rows.tolist(), whole.cells.tolist()) == (
        bare.level,
        bare.rows.tolist(),
        bare.cells.tolist(),
    )
    assert ({0}, {0}, {""}) == ({*bare.events.tolist()}, {*bare.clients.tolist()}, {*bare.ids.tolist()})


def test_sizes_of_crowds_are_read_as_they_were_written() -> None:
    """The counts of training rows are those that were counted, and unknown cells have none."""
    counted = CrowdSizes.of(drawn(1_000, 4))
    read = CrowdSizes.from_json(counted.to_json())
    asked = np.arange(60, dtype=np.uint64)

    assert (counted.m, 900) == (read.m, read.m)
    assert counted.in_cells(2, asked).tolist() == read.in_cells(2, asked).tolist()
    assert [0] * 10 == read.in_cells(2, asked)[50:].tolist()
    assert 900 == int(read.in_cells(2, asked).sum())
