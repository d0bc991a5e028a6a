"""Keys of entities: the same for whoever writes them, different for different entities."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from golden_keys import GOLDEN_KEYS
from hypothesis import given
from hypothesis import strategies as st

from pegel.archive.subject import Subject
from pegel.data.entity_key_columns import key_texts, keys_of
from pegel.data.entity_keys import LONGEST_KEY, entity_key, key_text
from pegel.data.keyed_hash import NO_SECRET
from pegel.labels.label import EntityAt
from pegel.labels.label_json import read_labels

pytestmark = pytest.mark.environments("pyarrow")

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


@pytest.mark.parametrize(("number", "text"), GOLDEN_KEYS)
def test_a_number_is_one_text_at_every_door(number: float, text: str | None) -> None:
    """As a part that is looked up, in a label as JSON, in a column of a table, of the archive, and as erased."""
    sent = {"model": "m", "entity": {"gate": number}, "time": "1970-01-01T00:00:00Z", "label": 1}
    read = read_labels(json.dumps(sent).encode())
    column = pa.array([number, None], pa.float64())
    erased = Subject.of([f"gate={number}"], NO_SECRET).is_entity(json.dumps([text]), ("gate",))

    assert text == key_text(number)
    assert [text, None] == key_texts(column).tolist()
    assert [None if text is None else entity_key([text]), None] == keys_of([[column]]).to_pylist()
    about = [label.about for _, label in read.labels]
    assert ([text] if text else []) == [one.entity[0][1] for one in about if isinstance(one, EntityAt)]
    assert 1 == len(read.labels) + len(read.refused)
    assert (text is not None) is erased


def test_a_part_is_the_first_text_that_stands_somewhere() -> None:
    """A key that was told, else the feature of that name; a row without one part, or with too much, has no key."""
    told, feature = pa.array(["7", None, None, "x" * LONGEST_KEY]), pa.array([8.0, 12_345_678.9, math.nan, 1.0])
    other = pa.array(["a", "b", "c", "d"]).dictionary_encode()

    assert ['["7","a"]', '["12345678.9","b"]', None, None] == keys_of([[told, feature], [other]]).to_pylist()
