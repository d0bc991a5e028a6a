"""The key of an entity: what its parts say, in one text that is the same whoever writes it.

For whole columns of parts `pegel.data.entity_key_columns` has the same rule.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import orjson

from pegel.data.conversions import category_of, plain

LONGEST_KEY = 400
"""Characters of a key, inclusive. It travels in a header of every event."""


def key_text(part: Any) -> str | None:
    """Return the text of a part of a key: what it is as a category; None for what is none, and for an infinite number.

    So a number is one text whatever its type, wherever it comes from, and no other than as a category.

    >>> key_text(1.23456789e7), key_text(1e7), key_text(1e22), key_text(float("inf"))
    ('12345678.9', '10000000', '1e+22', None)
    """
    taken = plain(part)
    return None if isinstance(taken, float) and not math.isfinite(taken) else category_of(taken)[0]


def entity_key(parts: Sequence[Any]) -> str:
    """Return the key of an entity with these parts, in the order in which the spec names them: a JSON list of texts.

    A part is a text or a finite number, and equal numbers of any type are one, as in a categorical field. Raises
    ValueError for anything else, for nothing (None, NaN), and for a key of more than `LONGEST_KEY` characters.

    >>> entity_key(["ORD", 14.0]), entity_key(["ORD", "14"])
    ('["ORD","14"]', '["ORD","14"]')
    """
    texts = [key_text(part) for part in parts]
    if None in texts:
        raise ValueError(f"expected a text or a finite number as part {texts.index(None) + 1} of the key")
    try:
        key = orjson.dumps(texts).decode()
    except orjson.JSONEncodeError as error:  # half a pair of characters
        raise ValueError("expected a key of whole characters") from error
    if len(key) > LONGEST_KEY:
        raise ValueError(f"expected a key of at most {LONGEST_KEY} characters, given {len(key)}")
    return key
