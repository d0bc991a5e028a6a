"""Skew: what a store served, held against its table as it was then, entity by entity."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pegel.judge.findings import Verdict
from pegel.judge.skew import Skew, Vectors

SECOND = 1_000_000


def vectors(rows: list[tuple[str, int, Any, Any]]) -> Vectors:
    """Make vectors of entity, second, number and text."""
    entities = np.array([None, *(row[0] for row in rows)], dtype=object)[1:]
    times = np.array([row[1] * SECOND for row in rows], dtype=np.int64)
    numbers = np.array([np.nan if row[2] is None else row[2] for row in rows], dtype=np.float64)
    texts = np.array([None, *(row[3] for row in rows)], dtype=object)[1:]
    return Vectors(entities, times, {"amount": numbers, "shop": texts})


def skew(served: list[Any], table: list[Any], behind_s: int = 0) -> tuple[int, int, int, int]:
    """Return vectors compared and unknown, then amounts and shops that differ."""
    found = Skew.of(vectors(served), vectors(table), timedelta(seconds=behind_s))
    return found.compared, found.unknown, found.differing["amount"], found.differing["shop"]


TABLE = [("a", 10, 1.0, "x"), ("a", 20, 2.0, "x"), ("b", 10, 5.0, None)]


@pytest.mark.parametrize(
    ("served", "behind", "expected"),
    [
        # a: ---------|1.0 x-----|2.0 x----------->
        #             10         20
        (("a", 10, 1.0, "x"), 0, (1, 0, 0, 0)),
        (("a", 19, 1.0, "x"), 0, (1, 0, 0, 0)),
        (("a", 20, 1.0, "x"), 0, (1, 0, 1, 0)),
        (("a", 20, 2.0, "y"), 0, (1, 0, 0, 1)),
        (("a", 9, 1.0, "x"), 0, (0, 1, 0, 0)),
        (("c", 20, 1.0, "x"), 0, (0, 1, 0, 0)),
        # Filled five seconds late: what was valid since 15 is the same, what ended at 20 is so until 25.
        (("a", 24, 1.0, "x"), 5, (1, 0, 0, 0)),
        (("a", 25, 1.0, "x"), 5, (1, 0, 1, 0)),
        (("a", 24, 2.0, "x"), 5, (1, 0, 0, 0)),
        (("a", 12, 1.0, "x"), 5, (1, 0, 0, 0)),
        # Missing is a value like any other.
        (("b", 11, 5.0, None), 0, (1, 0, 0, 0)),
        (("b", 11, None, "x"), 0, (1, 0, 1, 1)),
        (("b", 11, 5.000001, None), 0, (1, 0, 0, 0)),
        (("b", 11, 5.0001, None), 0, (1, 0, 1, 0)),
    ],
)
def test_a_value_is_compared_with_the_one_of_its_time(
    served: tuple[Any, ...], behind: int, expected: tuple[int, ...]
) -> None:
    """From its time on, until the next row of its entity, a row of the table is what a store should serve."""
    assert expected == skew([served], TABLE, behind)


def test_of_rows_of_one_time_the_last_counts() -> None:
    """A mistake is corrected by a row of the same time, as in the store."""
    assert (1, 0, 0, 0) == skew([("a", 10, 7.0, "x")], [("a", 10, 1.0, "x"), ("a", 10, 7.0, "x")])


def test_nothing_served_and_no_table_are_no_skew() -> None:
    """Without vectors nothing is compared; without a table nothing is known."""
    assert (0, 0, 0, 0) == skew([], TABLE)
    assert (0, 1, 0, 0) == skew([("a", 10, 1.0, "x")], [])


def test_numbers_are_no_texts() -> None:
    """A column of texts on one side and of numbers on the other differs throughout, and is not refused."""
    served = Vectors(np.array(["a"], dtype=object), np.array([5]), {"code": np.array([14.0])})
    table = Vectors(np.array(["a"], dtype=object), np.array([0]), {"code": np.array(["14"], dtype=object)})

    assert {"code": 1} == Skew.of(served, table).differing


def test_only_features_of_both_are_compared() -> None:
    """What the table does not have is in no count."""
    served, table = vectors([("a", 10, 1.0, "x")]), vectors(TABLE)
    without = Vectors(table.entities, table.times_us, {"shop": table.values["shop"]})

    assert {"shop": 0} == Skew.of(served, without).differing


ROW = st.tuples(st.sampled_from("abc"), st.integers(0, 12), st.sampled_from([None, 1.0, 2.0]), st.sampled_from("xy"))


def by_hand(served: Any, table: list[Any], behind: int) -> tuple[bool, bool, bool]:
    """Return whether one vector is known, and whether its amount and its shop differ, by looking at every second."""
    entity, second, amount, shop = served
    own = [row for _, row in sorted(enumerate(table), key=lambda pair: (pair[1][1], pair[0])) if row[0] == entity]

    def at(when: int) -> Any:
        return next((row for row in reversed(own) if row[1] <= when), None)

    valid = [row for row in map(at, range(second - behind, second + 1)) if row is not None]
    known = at(second) is not None
    return (
        known,
        known and amount not in [row[2] for row in valid],
        known and shop not in [row[3] for row in valid],
    )


@settings(deadline=None)
@given(st.lists(ROW, max_size=12), st.lists(ROW, max_size=12), st.integers(0, 4))
def test_it_is_what_looking_at_every_second_says(served: list[Any], table: list[Any], behind: int) -> None:
    """In whatever order rows stand, the counts are those of one vector after the other, second by second."""
    expected = np.array([by_hand(row, table, behind) for row in served], dtype=np.int64).reshape(-1, 3).sum(axis=0)

    compared, unknown, amounts, shops = skew(served, table, behind)

    assert len(served) == compared + unknown
    assert expected.tolist() == [compared, amounts, shops]


def test_a_share_that_is_certainly_too_large_is_a_finding() -> None:
    """A feature that differs in a tenth of a thousand vectors is found, one that differs in a few is not."""
    found = Skew(1_000, 3, {"amount": 100, "shop": 12, "gate": 0}).verdicts(
        alpha=0.01, budget_share=0.25, tolerated=0.01
    )

    (verdict,) = found
    assert ("amount", "skew", Verdict.DRIFT, "skew") == (
        verdict.feature,
        verdict.detector,
        verdict.verdict,
        verdict.test,
    )
    assert "10 % of 1,000 served values differ from the table (tolerated 1 %)" == verdict.what
    assert pytest.approx(0.09) == verdict.effect
    assert "share" == verdict.effect_unit
    assert pytest.approx(0.25 / 3) == verdict.budget_share
    assert 1_000 == verdict.n


def test_no_skew_is_no_finding() -> None:
    """Where everything is as the table says, or nothing was compared, there is nothing to tell."""
    assert [] == Skew(1_000, 0, {"amount": 0}).verdicts(alpha=0.01, budget_share=0.25, tolerated=0.0)
    assert [] == Skew(0, 9, {"amount": 0}).verdicts(alpha=0.01, budget_share=0.25, tolerated=0.01)
