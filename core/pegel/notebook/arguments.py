"""What people pass to `profile` and `check`, looked at before any work is done."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import timedelta
from numbers import Integral, Real
from typing import Any

from pegel.errors import InvalidSpec
from pegel.spec.durations import LONGEST
from pegel.spec.nearest import with_stop
from pegel.spec.outside_text import quoted, shown
from pegel.spec.segment_columns import SegmentColumn, segment_columns


def names(argument: str, given: Any) -> tuple[str, ...]:
    """Return column names; a single text is one. Raises InvalidSpec for anything else."""
    several = (given,) if isinstance(given, str) else given
    if not isinstance(several, Collection) or not all(isinstance(name, str) for name in several):
        raise _refused(argument, "names of columns", given)
    return tuple(several)


def text(argument: str, given: Any) -> str:
    """Return a text that is not empty. Raises InvalidSpec for anything else."""
    if not isinstance(given, str) or not given.strip():
        raise _refused(argument, "a text", given)
    return given


def number(argument: str, given: Any) -> float:
    """Return a finite number. Raises InvalidSpec for anything else."""
    try:
        told = math.nan if isinstance(given, bool) or not isinstance(given, Real) else float(given)
    except OverflowError:
        told = math.inf
    if not math.isfinite(told):
        raise _refused(argument, "a number", given)
    return told


def check_length(windows_per_week: Any) -> timedelta:
    """Return the time of each of so many checks a week, which share one budget. Raises InvalidSpec."""
    count = number("windows_per_week", windows_per_week)
    try:
        length = timedelta(weeks=1) / count if count > 0 else timedelta(0)
    except OverflowError:
        length = timedelta.max
    if not timedelta(0) < length <= LONGEST:
        raise InvalidSpec(
            f"windows_per_week: expected more than 0, one in {LONGEST.days} days or more, given "
            f"{shown(str(windows_per_week))}. Nothing was judged."
        )
    return length


def name(argument: str, given: Any) -> str | None:
    """Return the name of one column, or None. Raises InvalidSpec for anything else."""
    if given is not None and not isinstance(given, str):
        raise _refused(argument, "the name of a column", given)
    return given


def units(given: Any) -> dict[str, str]:
    """Return units by column. Raises InvalidSpec for anything else."""
    pairs = {} if given is None else given
    if not isinstance(pairs, Mapping) or not all(isinstance(part, str) for pair in pairs.items() for part in pair):
        raise _refused("units", 'units by column, as in {"delay": "min"}', given)
    return dict(pairs)


def segments(given: Any) -> tuple[SegmentColumn, ...]:
    """Return the columns that part the rows. Raises InvalidSpec for anything else."""
    try:
        return segment_columns(given)
    except ValueError as error:
        raise InvalidSpec(f"segments: {with_stop(error)} Nothing was read.") from error


def whole(argument: str, given: Any) -> int:
    """Return a whole number from 1 on. Raises InvalidSpec for anything else."""
    if isinstance(given, bool) or not isinstance(given, Integral) or given < 1:
        raise _refused(argument, "a whole number from 1 on", given)
    return int(given)


def _refused(argument: str, expected: str, given: Any) -> InvalidSpec:
    return InvalidSpec(f"{argument}: expected {expected}, given {_shown(given)}. Nothing was read.")


def _shown(given: Any) -> str:
    plain = isinstance(given, str | int | float | bool | None)
    return quoted(given) if plain else f"an object of the type {type(given).__name__}"
