"""Slices that hold most of a change."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pegel.slices.change_score import Aspect
from pegel.slices.found_slices import FoundSlices
from pegel.slices.slice_search import LEAST_ROWS, MOST_NAMED, find_slices

pytestmark = pytest.mark.environments("pyarrow")

M, N = 6_000, 4_000


def rows(rng: np.random.Generator, n: int) -> dict[str, Any]:
    """Draw rows of two columns that say who it is, and one that may change."""
    return {
        "airline": rng.choice(["WN", "DL", "AA", "UA"], n, p=[0.05, 0.4, 0.3, 0.25]),
        "distance": rng.normal(800, 300, n).round(),
        "day_of_week": rng.integers(1, 8, n),
        "delay": rng.normal(10, 5, n),
    }


def halves(count: int) -> Any:
    """Part rows at random."""
    return np.random.default_rng(9).random(count) < 0.5


def searched(
    before: dict[str, Any] | pa.Table, now: dict[str, Any] | pa.Table, column: str = "delay", **how: Any
) -> FoundSlices:
    """Search in rows told as columns."""
    then, later = (side if isinstance(side, pa.Table) else pa.table(side) for side in (before, now))
    return find_slices(then, later, column, searched=halves(then.num_rows + later.num_rows), **how)


def changed(seed: int = 0, **odd: Any) -> FoundSlices:
    """Search where one airline is later by two standard deviations; `odd`: further columns, before and now at once."""
    rng = np.random.default_rng(seed)
    before, now = rows(rng, M), rows(rng, N)
    now["delay"] = now["delay"] + 10 * (now["airline"] == "WN")
    tables = [pa.table(side) for side in (before, now)]
    for name, column in odd.items():
        parts = [column] * 2 if callable(column) else list(column)
        tables = [
            table.append_column(name, part(table.num_rows) if callable(part) else part)
            for table, part in zip(tables, parts, strict=True)
        ]
    return searched(*tables)


def test_the_slice_that_changed_is_named_alone() -> None:
    """Where one airline of one in twenty rows changed, it is named, with how much of the change is gone without it."""
    found = changed()

    assert [str(one) for one in found.slices] == ["airline = WN"]
    (one,) = found.slices
    assert one.part > 0.7
    assert 0.04 < one.share_now < 0.06


def test_two_conditions_are_told_where_both_are_needed() -> None:
    """Of a change on some days of one airline both conditions are told."""
    rng = np.random.default_rng(3)
    before, now = rows(rng, M), rows(rng, N)
    now["delay"] += 10 * ((now["airline"] == "DL") & (now["day_of_week"] >= 6))

    found = searched(before, now)

    assert str(found.slices[0]) == "airline = DL and day_of_week in {6, 7}"


def test_rows_that_became_more_are_named() -> None:
    """Rows that differ anyway and became more frequent hold the change of the whole."""
    rng = np.random.default_rng(4)
    before, now = rows(rng, M), rows(rng, N)
    for side in (before, now):
        side["delay"] += 20 * (side["airline"] == "WN")
    more = rng.random(N) < 0.2
    now["airline"][more] = "WN"
    now["delay"][more] = rng.normal(30, 5, int(more.sum()))

    found = searched(before, now)

    assert str(found.slices[0]) == "airline = WN"
    assert found.slices[0].share_now > 3 * found.slices[0].share_before


@pytest.mark.parametrize("seed", range(5))
def test_a_change_of_everything_names_no_slice(seed: int) -> None:
    """Where all rows changed alike none of them are named, and it is said why."""
    rng = np.random.default_rng(seed)
    before, now = rows(rng, M), rows(rng, N)
    now["delay"] += 2

    found = searched(before, now)

    assert found.slices == ()
    assert found.what == "larger"
    assert found.why_none == "none holds most of the change"
    assert found.searched > 100


def test_rows_that_do_not_differ_name_no_slice() -> None:
    """Without a change nothing is searched."""
    rng = np.random.default_rng(1)

    found = searched(rows(rng, M), rows(rng, N))

    assert found.slices == ()
    assert found.why_none == "these rows do not differ clearly from those before"


@pytest.mark.parametrize(("aspect", "what"), [(Aspect.MISSING, "more often missing"), (Aspect.ERRORS, "more errors")])
def test_missing_values_and_errors_have_slices(aspect: Aspect, what: str) -> None:
    """What is missing, or wrong, in one airline alone names that."""
    rng = np.random.default_rng(5)
    before, now = rows(rng, M), rows(rng, N)
    for side, more in ((before, 0.0), (now, 0.3)):
        bad = rng.random(side["delay"].size) < 0.03 + more * (side["airline"] == "WN")
        kinds = {Aspect.MISSING: pa.array(side["delay"], mask=bad), Aspect.ERRORS: bad.astype(np.float64)}
        side["delay"] = kinds[aspect]

    found = searched(before, now, aspect=aspect)

    assert found.what == what
    assert [str(one) for one in found.slices] == ["airline = WN"]


def test_a_category_that_became_frequent_has_a_slice() -> None:
    """Of categories the one whose share changed is told, and in which rows."""
    rng = np.random.default_rng(6)
    before, now = ({**rows(rng, n), "gate": rng.choice(["A", "B", "C"], n)} for n in (M, N))
    now["gate"][now["airline"] == "WN"] = "C"

    found = searched(before, now, "gate")

    assert found.what == "more often C"
    assert [str(one) for one in found.slices] == ["airline = WN"]


def test_one_side_may_lack_a_value_of_a_condition() -> None:
    """An airline that was not there before may hold the change: there is nothing to leave out before."""
    rng = np.random.default_rng(7)
    before, now = rows(rng, M), rows(rng, N)
    new = rng.random(N) < 0.1
    now["airline"] = np.where(new, "ZZ", now["airline"])
    now["delay"] += 10 * new

    (one, *_) = searched(before, now).slices

    assert str(one) == "airline = ZZ"
    assert one.share_before == 0


def _ids(n: int) -> pa.Array:
    return pa.array([f"id {place}" for place in range(n)])


def _dates(n: int) -> pa.Array:
    return pa.array([datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=place) for place in range(n)])


def _huge(n: int) -> pa.Array:
    return pa.array(np.where(np.arange(n) % 2, 1e308, -1e308))


def _odd_floats(n: int) -> pa.Array:
    return pa.array(np.resize([np.nan, np.inf, -np.inf, 0.0, 1.5], n))


@pytest.mark.parametrize(
    "odd",
    [
        lambda n: pa.array(np.zeros(n)),
        lambda n: pa.nulls(n, pa.float64()),
        pa.nulls,
        _ids,
        _dates,
        _huge,
        _odd_floats,
        lambda n: pa.array([Decimal("1.10"), None] * (n // 2)),
        lambda n: pa.array([[1, 2]] * n),
        lambda n: pa.array([{"a": 1}] * n),
        lambda n: pa.array([True, False] * (n // 2)),
        lambda n: pa.array([b"\xff\xfe"] * n),
        (lambda n: pa.array(np.arange(n)), lambda n: pa.array(["mixed"] * n)),
        (pa.nulls, lambda n: pa.array(np.arange(n) * 1.0)),
    ],
)
def test_odd_columns_keep_nothing_from_being_found(odd: Any) -> None:
    """A column that says nothing, or that no condition can be made of, changes nothing about the answer."""
    assert str(changed(odd=odd).slices[0]) == "airline = WN"


@pytest.mark.parametrize("target", [pa.nulls, lambda n: pa.array([[1]] * n), lambda n: pa.array([np.nan] * n)])
def test_a_target_without_values_is_no_error(target: Any) -> None:
    """Of a column that holds nothing to compare it is said why no slice is named."""
    rng = np.random.default_rng(1)
    sides = (pa.table({**rows(rng, n), "delay": target(n)}) for n in (M, N))

    found = searched(*sides)

    assert found.slices == ()
    assert found.why_none


def test_few_rows_say_nothing() -> None:
    """With fewer rows than are needed nothing is searched."""
    rng = np.random.default_rng(1)

    found = searched(rows(rng, M), rows(rng, LEAST_ROWS - 1))

    assert found.why_none == f"too few rows, {LEAST_ROWS} are needed on each side"


def test_the_same_rows_have_the_same_answer() -> None:
    """Nothing in a search is left to chance; its answer is plain JSON, and at most three slices."""
    first, again = changed(2), changed(2)

    assert first == again
    assert json.loads(json.dumps(first.to_json()))["slices"][0]["text"] == "airline = WN"
    assert len(first.slices) <= MOST_NAMED


def test_words_say_how_much_and_where() -> None:
    """What was found is told in words, with how much of the change is gone without the rows."""
    head, line = changed().lines()

    assert head.startswith("larger, most of it in a part of the rows (4,000 rows against 6,000; ")
    assert line.startswith("  airline = WN: ")
    assert "of the change is gone without them; " in line
