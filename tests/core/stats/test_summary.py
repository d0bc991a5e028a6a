"""Summaries: what is counted, and the laws of merging."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.errors import LayoutMismatch
from pegel.stats.layout import Layout, build_layout
from pegel.stats.summary import Summary

SCHEMA = Schema((Field("x", Kind.NUMERIC), Field("c", Kind.CATEGORICAL)))
LAYOUT = build_layout(
    SCHEMA,
    {"x": np.random.default_rng(0).normal(size=500), "c": np.array(list("aaabbc"), dtype=object)},
)
NUMBER = st.one_of(st.floats(-5, 5), st.sampled_from([np.nan, np.inf, -np.inf, 1e9]))
ROW = st.tuples(NUMBER, st.sampled_from([0, 0, 0, 1, 2]), st.sampled_from(["a", "b", "c", "new", None]), st.booleans())
ROWS = st.lists(ROW, max_size=40)


def columns(rows: list[tuple[float, int, str | None, bool]]) -> Columns:
    """Make columns of rows: number, missing code, category, and whether an absent category was nonsense."""
    codes = np.array([code for _, code, _, _ in rows], dtype=np.uint8)[:, None]
    numbers = np.array([value if code == 0 else np.nan for value, code, _, _ in rows])[:, None]
    texts = np.array([None, *(text for _, _, text, _ in rows)], dtype=object)[1:]
    bad = np.array([text is None and flag for _, _, text, flag in rows], dtype=np.bool_)
    return Columns(len(rows), numbers.reshape(-1, 1), codes.reshape(-1, 1), (texts,), (bad,))


def summary_of(rows: list[Any], *, exact: bool = False) -> Summary:
    """Summarise rows."""
    summary = Summary.empty(LAYOUT, exact=exact)
    summary.update(columns(rows), Role.FEATURE)
    return summary


def merged(*parts: Summary) -> Summary:
    """Merge into an empty summary."""
    whole = Summary.empty(LAYOUT, exact=True)
    for part in parts:
        whole.merge(part)
    return whole


def integers(summary: Summary) -> tuple[Any, ...]:
    """Return everything a decision uses."""
    return (
        summary.counters.tolist(),
        summary.cells.tolist(),
        summary.ranges.tolist(),
        summary.n_outliers,
        summary.n_scored,
    )


@given(ROWS)
def test_every_row_is_counted_once(rows: list[Any]) -> None:
    """The rows of a field are its nulls, NaN, infinities, unparseable values and the values in cells."""
    for feature in summary_of(rows).features.values():
        kinds = (feature.n_null, feature.n_nan, feature.n_posinf, feature.n_neginf, feature.n_unparseable)

        assert len(rows) == feature.n == sum(kinds) + feature.counted
        assert min(kinds) >= 0


@given(ROWS, ROWS, ROWS)
def test_merge_is_associative_and_commutative(a: list[Any], b: list[Any], c: list[Any]) -> None:
    """Integers are bit-equal in any grouping and order, and equal to those of all rows at once."""
    x, y, z = summary_of(a), summary_of(b), summary_of(c)
    whole = integers(summary_of(a + b + c))

    assert whole == integers(merged(merged(x, y), z)) == integers(merged(z, merged(y, x)))


def sums_of_terms(rows: list[Any]) -> list[float]:
    """Return rows and their mean, each in absolute value, then the sums of |value - mean|**k for k of 2 to 4.

    A third moment is a difference of large sums, and next to nothing where they are alike: how many of its digits are
    right is a matter of what was added up, not of what was left over.
    """
    values = np.array([value for value, code, _, _ in rows if code == 0 and np.isfinite(value)])
    mean = values.mean() if values.size else 0.0
    return [
        values.size,
        float(np.abs(values).max(initial=0.0)),
        *(float((abs(values - mean) ** k).sum()) for k in (2, 3, 4)),
    ]


ROW_OF_ZERO, LARGE_ROW = (0.0, 0, "a", False), (1e9, 0, "a", False)


@given(st.lists(ROWS, min_size=1, max_size=9))
@example([[ROW_OF_ZERO, LARGE_ROW], [(np.nan, 0, "a", False), ROW_OF_ZERO], [LARGE_ROW]])
@example([[ROW_OF_ZERO] * 3, [LARGE_ROW] * 2, [ROW_OF_ZERO, *[LARGE_ROW] * 2]])
def test_many_at_once_are_as_one_after_the_other(some: list[list[Any]]) -> None:
    """The total of many summaries is that of merging them: integers bit by bit, moments to twelve digits."""
    summaries = [summary_of(rows) for rows in some]
    before = [integers(summary) for summary in summaries]
    whole, one_by_one = Summary.total(summaries), merged(*summaries)

    assert integers(one_by_one) == integers(whole)
    assert one_by_one.moments[:, 0].tolist() == whole.moments[:, 0].tolist()
    terms = sums_of_terms([row for rows in some for row in rows])
    for largest, at_once, added in zip(terms, whole.moments[0], one_by_one.moments[0], strict=True):
        assert added == pytest.approx(at_once, rel=0, abs=1e-12 * largest)
    assert np.zeros(5).tolist() == whole.moments[1].tolist() == one_by_one.moments[1].tolist()
    assert before == [integers(summary) for summary in summaries]


@given(ROWS)
def test_empty_is_the_identity(rows: list[Any]) -> None:
    """Merging with the summary of no rows changes nothing, moments included."""
    summary, other = summary_of(rows), Summary.empty(LAYOUT)
    other.merge(summary)

    assert integers(summary) == integers(other)
    assert summary.moments.tolist() == other.moments.tolist()


@given(ROWS, ROWS, st.booleans())
def test_bytes_round_trip(a: list[Any], b: list[Any], exact: bool) -> None:
    """What is unpacked is what was packed, bit by bit, and can be merged further."""
    summary = summary_of(a, exact=exact)
    summary.n_outliers, summary.n_scored = 3, 40
    copy = Summary.from_bytes(summary.to_bytes(), LAYOUT)

    assert summary.to_bytes() == copy.to_bytes() == pickle.loads(pickle.dumps(summary)).to_bytes()  # noqa: S301  # own bytes

    copy.merge(summary_of(b, exact=exact))
    summary.merge(summary_of(b, exact=exact))

    assert summary.to_bytes() == copy.to_bytes()


PAIRS = build_layout(
    Schema((Field("x", Kind.NUMERIC), Field("y", Kind.NUMERIC), Field("c", Kind.CATEGORICAL))),
    {
        "x": np.random.default_rng(0).normal(size=2_000),
        "y": np.random.default_rng(1).normal(size=2_000),
        "c": np.array(["a", "b"] * 1_000, dtype=object),
    },
)
PART = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 60), st.sampled_from([None, 0, 5, 23]))


def part_of(seed: int, n: int, season: int | None) -> Summary:
    """Summarise rows of one season, some of them incomplete."""
    rng = np.random.default_rng(seed)
    numbers = np.where(rng.random((n, 2)) < 0.9, rng.normal(size=(n, 2)), np.nan)
    found = Summary.empty(PAIRS, exact=True)
    texts = np.array(["a", "b", "new"], dtype=object)[rng.integers(0, 3, n)]
    found.update(Columns(n, numbers, None, (texts,), (None,)), Role.FEATURE, season)
    return found


@given(st.lists(PART, max_size=6), st.randoms(use_true_random=False))
def test_pairs_and_parts_of_the_day_know_no_order(drawn: list[Any], random: Any) -> None:
    """Co-moments, fourth products and counts by season are bit-equal in any order and after packing."""
    parts = [part_of(*one) for one in drawn]
    whole, again = Summary.empty(PAIRS, exact=True), Summary.empty(PAIRS, exact=True)
    for part in parts:
        whole.merge(part)
    random.shuffle(parts)
    for part in parts:
        again.merge(Summary.from_bytes(part.to_bytes(), PAIRS))
    assert whole.fourth is not None
    assert again.fourth is not None
    whole.moments = again.moments  # the only part that may differ in its last digits

    assert whole.to_bytes() == again.to_bytes()
    assert whole.comoments.to_bytes() == again.comoments.to_bytes()
    assert np.array_equal(whole.fourth.sums, again.fourth.sums)
    assert {season for _, _, season in drawn if season is not None} == set(whole.season_cells)
    assert sum(n for _, n, season in drawn if season is not None) == sum(
        int(cells[PAIRS.offsets[2] :].sum()) for cells in whole.season_cells.values()
    )


def test_a_row_counts_in_every_pair_that_it_has() -> None:
    """A row without one of its numbers, or with an infinite one, is in no product of that field, and in all others."""
    numbers = np.array([[0.1, 0.2], [np.nan, 0.2], [0.1, np.inf], [0.3, -0.2]])
    found = Summary.empty(PAIRS, exact=True)
    found.update(Columns(4, numbers, None, (np.array(["a"] * 4, dtype=object),), (None,)), Role.FEATURE)
    assert found.fourth is not None

    assert [[3, 2], [2, 3]] == found.comoments.pairs().rows.tolist() == found.fourth.sums[0].tolist()


def test_windows_do_without_fourth_products() -> None:
    """Merged with a summary that has none, exact sums and fourth products are let go, the rest is added."""
    found, plain = part_of(0, 50, None), Summary.empty(PAIRS)
    before = found.comoments.n
    found.merge(plain)

    assert (None, None, before) == (found.exact, found.fourth, found.comoments.n)


@given(ROWS, st.integers(0, 40))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_exact_moments_know_no_order(rows: list[Any], cut: int) -> None:
    """With exact sums even the moments are bit-equal in any order and any split."""
    whole = summary_of(rows, exact=True)
    parts = merged(summary_of(rows[cut:][::-1], exact=True), summary_of(rows[:cut], exact=True))
    whole.settle()
    parts.settle()

    assert whole.moments.tobytes() == parts.moments.tobytes()


def test_infinities_and_nan_stay_outside_of_cells() -> None:
    """Infinities, NaN, nulls and nonsense are counted by kind, and the range is that of the finite values."""
    rows = [(np.inf, 0, "a", False), (-np.inf, 0, None, True), (np.nan, 0, "new", False), (1.0, 1, "a", False)]
    summary = summary_of([*rows, (2.0, 2, "b", False), (0.5, 0, None, False)])
    number, text = summary.features["x"], summary.features["c"]

    assert (6, 1, 1, 1, 1, 1, 1) == (
        number.n,
        number.n_null,
        number.n_nan,
        number.n_posinf,
        number.n_neginf,
        number.n_unparseable,
        number.counted,
    )
    assert (0.5, 0.5, 1) == (number.min, number.max, number.moments.count)
    assert (1, 1, [2, 1, 0], 1) == (text.n_null, text.n_unparseable, text.cells[:3].tolist(), text.n_unseen)


def test_roles_are_counted_apart(layout: Layout, count: Callable[..., Summary], draw: Callable[..., Any]) -> None:
    """Rows of one role leave the fields of the other untouched."""
    summary = Summary.empty(layout)
    whole = count(layout, draw(10, seed=3))

    assert (0, 0) == (summary.rows(Role.FEATURE), summary.rows(Role.PREDICTION))
    assert (10, 10) == (whole.rows(Role.FEATURE), whole.rows(Role.PREDICTION))


def test_other_cells_are_refused(layout: Layout) -> None:
    """Summaries of different layouts are neither merged nor read, and the message names both."""
    summary = Summary.empty(layout)

    with pytest.raises(LayoutMismatch, match=f"expected a summary in layout {layout.layout_hash[:12]}, given"):
        summary.merge(Summary.empty(LAYOUT))
    with pytest.raises(LayoutMismatch, match="it belongs to another baseline"):
        Summary.from_bytes(Summary.empty(LAYOUT).to_bytes(), layout)
    with pytest.raises(LayoutMismatch, match="expected a packed summary of version PGLS5"):
        Summary.from_bytes(b"nonsense", layout)


@pytest.mark.parametrize(("width", "texts"), [(0, 1), (2, 1), (1, 0), (1, 2)])
def test_wrong_number_of_columns(width: int, texts: int) -> None:
    """A batch with other columns is refused before anything is counted."""
    summary = Summary.empty(LAYOUT)
    text = np.array(["a"], dtype=object)
    bad = Columns(1, np.zeros((1, width)), None, (text,) * texts, (None,) * texts)

    with pytest.raises(ValueError, match=r"expected numbers of shape \(1, 1\) and 1 categorical columns"):
        summary.update(bad, Role.FEATURE)

    assert integers(Summary.empty(LAYOUT)) == integers(summary)


def test_numbers_marked_missing_are_refused() -> None:
    """A finite number with a missing code contradicts itself, and would be counted twice."""
    codes = np.full((1, 1), Missing.NULL, dtype=np.uint8)
    bad = Columns(1, np.ones((1, 1)), codes, (np.array(["a"], dtype=object),), (None,))

    with pytest.raises(ValueError, match="expected NaN wherever a value is marked missing"):
        Summary.empty(LAYOUT).update(bad, Role.FEATURE)


def test_exact_sums_leave_their_moments(layout: Layout, count: Callable[..., Summary], draw: Any) -> None:
    """A summary with exact sums merged with one without has the moments of all rows, either way round."""
    rows, more = draw(500, seed=5), draw(300, seed=6)
    both = count(layout, rows)
    both.merge(count(layout, more))
    first, second = count(layout, rows, exact=True), count(layout, rows)
    first.merge(count(layout, more))
    second.merge(count(layout, more, exact=True))

    for found in (first, second):
        assert found.exact is None
        assert both.moments == pytest.approx(found.moments, rel=1e-9)
