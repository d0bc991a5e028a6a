"""Conditions in words."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pegel.slices.condition import MOST_VALUES, Condition, conditions
from pegel.slices.sliced_columns import sliced_column

pytestmark = pytest.mark.environments("pyarrow")


def told(*values: object) -> dict[str, int]:
    """Return the conditions of a column of these values, with how many rows fulfil each."""
    column = sliced_column("x", pa.chunked_array([pa.array(values)]), pa.chunked_array([pa.array(values)]))
    assert column is not None
    return {str(one): int(mask.sum()) for one, mask in conditions(column, np.ones(2 * len(values), dtype=np.bool_))}


def test_few_numbers_are_listed() -> None:
    """Numbers of few values have one condition each, and those from one on and below it."""
    assert told(1, 2, 3, 3) == {
        "x = 1": 2,
        "x = 2": 2,
        "x in {2, 3}": 6,
        "x = 3": 4,
    }


def test_bounds_are_round_numbers() -> None:
    """Many numbers are parted at values of few digits."""
    found = told(*np.random.default_rng(1).normal(1_000, 200, 2_000).tolist())

    assert all(len(text.rstrip("0").replace(",", "")) <= len("x >= 1") + 3 for text in found)
    assert "x >= 1,000" in found


def test_of_many_texts_the_frequent_ones_are_told() -> None:
    """A text of ten thousand values has conditions for the twenty most frequent ones alone."""
    values = [*map(str, range(10_000)), *["often"] * 50]

    found = told(*values)

    assert len(found) == MOST_VALUES
    assert found["x = often"] == 100


def test_missing_values_are_a_condition() -> None:
    """Rows without a value, or with one that is not finite, are told as such."""
    assert told(1.0, None, float("nan"), float("inf"))["no x"] == 6
    assert Condition("x").to_json() == {"column": "x", "text": "no x", "missing": True}


def test_times_are_told_as_times() -> None:
    """A bound of times is an instant, in minutes, UTC."""
    assert str(Condition("at", least=1.7e15, is_time=True)) == "at >= 2023-11-14 22:13"


def test_text_from_outside_is_made_harmless() -> None:
    """A value that would break a line or is endless is shown as elsewhere."""
    text = str(Condition("air\nline", values=("x" * 10_000,)))

    assert "\n" not in text
    assert len(text) < 300
