"""A vector as it lies in a store: its values as JSON, in the order in which they were given, its time as a number."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from pegel.data.instants import from_us
from pegel.online.online_store import FeatureVector, Value


def packed(values: Mapping[str, Value]) -> bytes:
    """Return the values of a vector as JSON; what is no finite number becomes null."""
    return orjson.dumps(dict(values))


def stored_vector(content: bytes, event_us: object) -> FeatureVector:
    """Return the vector of what `packed` wrote, and of microseconds since 1970. Raises ValueError for anything else.

    Others write into a store as well: whatever they put there is no vector, and never an error that nobody expects.
    """
    values = orjson.loads(content)
    if not isinstance(values, dict):
        raise ValueError("expected a JSON object of features")  # noqa: TRY004  it is about content, not a type
    if any(isinstance(value, dict | list) for value in values.values()):
        raise ValueError("expected features that are numbers, texts or truth values")
    if not isinstance(event_us, int):
        raise ValueError("expected a time in whole microseconds")  # noqa: TRY004
    try:
        return FeatureVector(values, from_us(event_us))
    except OverflowError as error:
        raise ValueError("expected a time of the years 1 to 9999") from error
