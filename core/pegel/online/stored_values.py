"""The values of a vector as bytes: JSON, in the order in which they were given."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from pegel.online.online_store import Value


def packed(values: Mapping[str, Value]) -> bytes:
    """Return the values of a vector as JSON; what is no finite number becomes null."""
    return orjson.dumps(dict(values))


def unpacked(content: bytes) -> dict[str, Value]:
    """Return what `packed` wrote. Raises ValueError for anything else."""
    values = orjson.loads(content)
    if not isinstance(values, dict):
        raise ValueError("expected a JSON object of features")  # noqa: TRY004  it is about content, not a type
    return values
