"""What is counted of answers and labels: it adds up bit by bit, whatever the split, and is read back as written."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pegel.errors import LayoutMismatch
from pegel.stats.class_counts import MAX_CLASSES, ClassCounts
from pegel.stats.labelled_rows import LabelledRows, class_name
from pegel.stats.performance_counts import PerformanceCounts
from pegel.stats.relative_cells import RELATIVE_ERROR, RelativeCells
from pegel.stats.residual_counts import ResidualCounts

NOT_YET = np.datetime64("NaT", "us")
NOON = np.datetime64("2015-01-05T12:00:00", "us")


RowsOf = Callable[[int, int], LabelledRows]


def _times(rng: np.random.Generator, n: int) -> NDArray[np.datetime64]:
    return NOON + rng.integers(0, 3_600, n).astype("timedelta64[s]")


def classes(n: int, seed: int = 0, names: tuple[str | None, ...] = ("0", "1", "true", "False", None)) -> LabelledRows:
    """Return rows of a classifier with scores, some of them without a label, some without a score."""
    rng = np.random.default_rng(seed)
    predicted, label = (rng.choice(np.array(names, dtype=object), n) for _ in range(2))
    times = _times(rng, n)
    arrived = np.where(rng.random(n) < 0.7, times + np.timedelta64(90, "s"), NOT_YET)
    score = np.where(rng.random(n) < 0.9, rng.random(n), np.nan)
    airline = rng.choice(np.array(["airline=AA", "airline=WN"], dtype=object), n)
    label[np.isnat(arrived)] = None
    return LabelledRows.of_classes(
        predicted, label, event_time=times, arrived_at=arrived, score=score, segments=[airline]
    )


def numbers(n: int, seed: int = 0) -> LabelledRows:
    """Return rows of a regressor, some of them without a label."""
    rng = np.random.default_rng(seed)
    label, times = rng.lognormal(1.0, 2.0, n), _times(rng, n)
    predicted = np.where(rng.random(n) < 0.9, label + rng.standard_t(3, n), np.inf)
    arrived = np.where(rng.random(n) < 0.7, times + np.timedelta64(5, "h"), NOT_YET)
    return LabelledRows.of_numbers(
        predicted, np.where(np.isnat(arrived), np.nan, label), event_time=times, arrived_at=arrived
    )


@pytest.mark.parametrize("rows_of", [classes, numbers])
@given(seed=st.integers(0, 1_000), cuts=st.lists(st.integers(0, 200), max_size=4))
def test_any_split_gives_the_same_counts(rows_of: RowsOf, seed: int, cuts: list[int]) -> None:
    """A day is the sum of its hours, bit by bit, in whatever order these are added."""
    rows = rows_of(200, seed)
    merged = PerformanceCounts(classes=rows.classes is not None)
    for part in np.split(np.arange(200), sorted(cuts))[::-1]:
        chosen = np.isin(np.arange(200), part)
        merged.merge(PerformanceCounts.of(rows.where(chosen)))

    assert PerformanceCounts.of(rows).to_json() == merged.to_json()


@pytest.mark.parametrize("rows_of", [classes, numbers])
def test_counts_are_read_back_as_they_were_written(rows_of: RowsOf) -> None:
    """JSON carries everything, and what was read goes on like what was written."""
    counts = PerformanceCounts.of(rows_of(500, 0))
    again = PerformanceCounts.from_json(json.loads(json.dumps(counts.to_json(), allow_nan=False)))
    for one in (counts, again):
        one.update(rows_of(100, 1))

    assert counts == again


def test_rows_without_answer_or_label_are_counted_apart() -> None:
    """Coverage is of answered rows; a label that came and could not be read is not one that has not come."""
    rows = LabelledRows.of_numbers(
        np.array([1.0, 2.0, np.nan, 4.0]),
        np.array([1.5, np.nan, 3.0, np.nan]),
        event_time=np.full(4, NOON),
        arrived_at=np.array([NOON, NOON, NOON, NOT_YET]),
    )
    counts = PerformanceCounts.of(rows)

    assert (3, 1, 1, 1) == (counts.answered, counts.unanswered, counts.labelled, counts.unreadable)
    assert 1 / 3 == counts.coverage
    assert PerformanceCounts(classes=False).coverage is None


def test_rows_are_in_the_order_of_events() -> None:
    """Rows come in any order; those of one time are in the order of event id and row."""
    rows = LabelledRows.of_classes(
        ["a", "b", "c", "d"],
        [None] * 4,
        event_time=np.array([NOON, NOON, NOON - np.timedelta64(1, "us"), NOON]),
        arrived_at=np.full(4, NOT_YET),
        event_id=["y", "x", "z", "x"],
        row=np.array([0, 1, 0, 0]),
    )

    assert ["c", "d", "b", "a"] == [(rows.classes or ())[code] for code in rows.predicted.tolist()]


def test_rows_out_of_order_are_refused() -> None:
    """Charts follow events: rows that are not in their order are no such rows."""
    with pytest.raises(ValueError, match="in the order of their event times"):
        LabelledRows(np.zeros(2), np.zeros(2), np.array([NOON, NOON - np.timedelta64(1, "us")]), np.array([NOON, NOON]))


def test_segments_share_the_rows() -> None:
    """Every segment of a column counts its own rows, the empty text all of them."""
    found = classes(100).by_segment()

    assert ["", "airline=AA", "airline=WN"] == list(found)
    assert len(found[""]) == len(found["airline=AA"]) + len(found["airline=WN"])


@pytest.mark.parametrize(
    ("written", "name"), [("TRUE", "1"), ("0", "0"), ("0.0", "0"), ("2.50", "2.5"), ("yes", "yes")]
)
def test_a_class_has_one_name(written: str, name: str) -> None:
    """Truth values and numbers are the same class however they are written."""
    assert name == class_name(written)


@given(seed=st.integers(0, 1_000))
def test_classes_beyond_the_most_are_counted_together_in_any_split(seed: int) -> None:
    """Which classes are told apart does not depend on the split, and errors are exact beyond them."""
    rows = classes(600, seed, tuple(f"class {i}" for i in range(3 * MAX_CLASSES)))
    merged = ClassCounts()
    for part in np.array_split(np.arange(600), 7)[::-1]:
        counts = ClassCounts()
        counts.update(rows.where(np.isin(np.arange(600), part)))
        merged.merge(counts)
    whole = ClassCounts()
    whole.update(rows)

    assert whole == merged
    assert MAX_CLASSES == len(merged.classes)
    assert int((rows.predicted != rows.label)[rows.is_labelled].sum()) == merged.errors


def test_counts_of_other_models_are_refused() -> None:
    """Classes and numbers do not add up: nothing is added."""
    counts = PerformanceCounts.of(classes(10))
    before = counts.to_json()

    with pytest.raises(LayoutMismatch):
        counts.merge(PerformanceCounts.of(numbers(10)))
    with pytest.raises(ValueError, match="rows of classes"):
        counts.update(numbers(10))
    assert before == counts.to_json()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1), st.floats(0, 1))
def test_a_quantile_is_within_its_stated_error(values: list[float], rank: float) -> None:
    """A quantile from cells is within 1.6 % of the number that has this place, at any size and on both sides of 0."""
    cells = RelativeCells()
    cells.update(np.array(values))
    exact = float(np.sort(values)[max(1, int(np.ceil(rank * len(values)))) - 1])

    assert exact == pytest.approx(cells.quantile(rank), rel=2 * RELATIVE_ERROR, abs=1e-300)


def test_residuals_beyond_the_floats_do_no_harm() -> None:
    """A residual that overflows is counted; sums of it are not defined, instead of infinite."""
    counts = ResidualCounts()
    counts.update(
        LabelledRows.of_numbers(
            np.array([1e308, 1.0]), np.array([-1e308, 0.5]), event_time=np.full(2, NOON), arrived_at=np.full(2, NOON)
        )
    )

    assert 2 == counts.rows
    assert counts.sums["residual"] is None
    assert counts.sums["label"] is not None
