"""Outputs of several values, as the probabilities of all classes are: each value may be a field of its own.

Field `classes_0` is the first value of `classes` where that is a list of a row, or a tensor `[rows, values]`;
`classes_yes` is the value of `yes` where `classes` is an object.
"""

from __future__ import annotations

from typing import Any

MOST_DIGITS = 9
"""Of the number of a value in its list."""


def parts_of_rows(items: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Return of fields that no row has but as one of several values of an output: that output, and which value it is.

    `items`: rows as objects, at least one. Where two outputs fit a name, it is the longer one.
    """
    lacking = [name for name in names if name not in items[0]]
    if not lacking:
        return {}
    lacking = [name for name in lacking if not any(name in item for item in items)]
    wide = {output for item in items for output, value in item.items() if isinstance(value, (list, dict))}
    pairs = ((name, output) for name in lacking for output in wide if name.startswith(f"{output}_"))
    return {name: (output, name[len(output) + 1 :]) for name, output in sorted(pairs)}


def part_of(item: dict[str, Any], output: str, place: str) -> Any:
    """Return one of several values of an output; None where a row lacks it."""
    values = item.get(output)
    if isinstance(values, dict):
        return values.get(place)
    at = index_in(place)
    return values[at] if isinstance(values, list) and at is not None and at < len(values) else None


def index_in(place: str) -> int | None:
    """Return which value a text means, the first being 0; None where it means none."""
    is_index = place.isascii() and place.isdecimal() and len(place) <= MOST_DIGITS
    return int(place) if is_index and str(int(place)) == place else None
