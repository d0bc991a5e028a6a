"""Lengths of time as people write them: `60`, `90s`, `15m`, `1h`, `2d`, or ISO 8601."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

LONGEST = timedelta(days=366)
"""Of any length of time that is asked for: nobody remembers for longer why it was."""
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_WRITTEN = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?)\s*(ms|[smhd]?)")


def parse_duration(text: str) -> timedelta | None:
    """Return the length of time that a person wrote: `60` (seconds), `500ms`, `90s`, `15m`, `1.5h`, `2d`, or None.

    Raises ValueError for more than 366 days.

    >>> parse_duration("1.5h"), parse_duration("soon")
    (datetime.timedelta(seconds=5400), None)
    """
    match = _WRITTEN.fullmatch(text.strip())
    if match is None:
        return None
    return _bounded(float(match[1]) * _UNITS[match[2] or "s"])


def written_duration(length: timedelta) -> str:
    """Return a length of time as a person would have written it, and `parse_duration` reads it: in its largest unit.

    >>> [written_duration(timedelta(seconds=s)) for s in (300, 90, 3600, 172_800, 0.5, 0)]
    ['5m', '90s', '1h', '2d', '500ms', '0s']
    """
    microseconds = length // timedelta(microseconds=1)
    for unit, size in (("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000)):
        if microseconds and microseconds % size == 0:
            return f"{microseconds // size}{unit}"
    return f"{length.total_seconds():g}s"


def _bounded(seconds: float) -> timedelta:
    if not abs(seconds) <= LONGEST.total_seconds():
        raise ValueError(f"must be at most {LONGEST.days} days")
    return timedelta(seconds=seconds)


def _seconds(value: Any) -> Any:
    """Accept a number as seconds, a number with a unit, and ISO 8601; refuse other text in our own words."""
    if isinstance(value, int | float):
        return _bounded(value)
    if isinstance(value, timedelta) or (isinstance(value, str) and value.strip().lstrip("-").startswith("P")):
        return value
    length = parse_duration(value) if isinstance(value, str) else None
    if length is None:
        raise ValueError("write seconds (60) or a number with a unit: 90s, 15m, 1h, 2d")
    return length


def _positive(value: timedelta) -> timedelta:
    _bounded(value.total_seconds())
    if value <= timedelta(0):
        raise ValueError("must be longer than 0 s")
    return value


def _not_negative(value: timedelta) -> timedelta:
    _bounded(value.total_seconds())
    if value < timedelta(0):
        raise ValueError("must not be negative")
    return value


_in_seconds = PlainSerializer(lambda value: value.total_seconds(), return_type=float)
Duration = Annotated[
    timedelta,
    BeforeValidator(_seconds),
    AfterValidator(_positive),
    _in_seconds,
    WithJsonSchema({"type": ["number", "string"], "exclusiveMinimum": 0, "maximum": LONGEST.total_seconds()}),
]
"""A length of time above zero, at most 366 days: seconds (`60`) or with a unit (`90s`, `15m`, `1h`, `2d`)."""
Delay = Annotated[
    timedelta,
    BeforeValidator(_seconds),
    AfterValidator(_not_negative),
    _in_seconds,
    WithJsonSchema({"type": ["number", "string"], "minimum": 0, "maximum": LONGEST.total_seconds()}),
]
"""A length of time of zero or more, written as a `Duration`."""
