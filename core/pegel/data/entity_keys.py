"""The key of an entity: what its parts say, in one text that is the same whoever writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from pegel.data.conversions import category_of

LONGEST_KEY = 400
"""Characters of a key, inclusive. It travels in a header of every event."""


def entity_key(parts: Sequence[Any]) -> str:
    """Return the key of an entity with these parts, in the order in which the spec names them: a JSON list of texts.

    A part is a text or a number, and equal numbers of any type are one, as in a categorical field. Raises ValueError
    for anything else, for nothing (None, NaN), and for a key of more than `LONGEST_KEY` characters.

    >>> entity_key(["ORD", 14.0]), entity_key(["ORD", "14"])
    ('["ORD","14"]', '["ORD","14"]')
    """
    texts = [category_of(part)[0] for part in parts]
    if None in texts:
        raise ValueError(f"expected a text or a number as part {texts.index(None) + 1} of the key")
    try:
        key = orjson.dumps(texts).decode()
    except orjson.JSONEncodeError as error:  # half a pair of characters
        raise ValueError("expected a key of whole characters") from error
    if len(key) > LONGEST_KEY:
        raise ValueError(f"expected a key of at most {LONGEST_KEY} characters, given {len(key)}")
    return key
