"""Keys of entities: the same for whoever writes them, different for different entities."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.data.entity_keys import LONGEST_KEY, entity_key

PARTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=4)


@given(PARTS, PARTS)
def test_different_entities(one: list[str], other: list[str]) -> None:
    """Two keys are equal exactly if their parts are."""
    assert (one == other) is (entity_key(one) == entity_key(other))


@pytest.mark.parametrize("value", [14, 14.0, "14", np.int64(14), np.float32(14), Decimal("14.00"), [14]])
def test_equal_numbers(value: Any) -> None:
    """A number is the same part from JSON, from a column of floats and as text."""
    assert '["ORD","14"]' == entity_key(["ORD", value])


@pytest.mark.parametrize("value", [None, math.nan, {"a": 1}, [1, 2], b"x"])
def test_no_key(value: Any) -> None:
    """What is nothing, or no single value, is no part of a key; the message says which part."""
    with pytest.raises(ValueError, match="as part 2 of the key"):
        entity_key(["ORD", value])


def test_half_a_pair() -> None:
    """Text that no store could keep is no key."""
    with pytest.raises(ValueError, match="whole characters"):
        entity_key(["\ud800"])


def test_longest_key() -> None:
    """A key has at most `LONGEST_KEY` characters, brackets and quotes included."""
    assert LONGEST_KEY == len(entity_key(["x" * (LONGEST_KEY - 4)]))
    with pytest.raises(ValueError, match=f"at most {LONGEST_KEY} characters, given {LONGEST_KEY + 1}"):
        entity_key(["x" * (LONGEST_KEY - 3)])
