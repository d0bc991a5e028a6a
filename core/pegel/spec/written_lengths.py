"""Lengths of time of a spec as people write them, where its JSON has seconds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

from pegel.spec.durations import written_duration
from pegel.spec.monitor_spec import MonitorSpec


def with_written_lengths(plain: Any, parsed: Any) -> Any:
    """Return plain data of a spec with its lengths of time as written: `5m`, `90s`.

    `parsed`: what the data are of, a spec or a part of it.
    """
    if isinstance(parsed, timedelta):
        return written_duration(parsed)
    if isinstance(plain, dict) and isinstance(parsed, BaseModel):
        return {name: with_written_lengths(part, getattr(parsed, name, None)) for name, part in plain.items()}
    if isinstance(plain, list) and isinstance(parsed, list | tuple) and len(plain) == len(parsed):
        return [with_written_lengths(*pair) for pair in zip(plain, parsed, strict=True)]
    return plain


@cache
def length_paths() -> frozenset[str]:
    """Return the paths of a spec's fields that are lengths of time.

    >>> "windowing.length" in length_paths(), "false_alarms.count" in length_paths()
    (True, False)
    """
    return frozenset(_paths(MonitorSpec, ""))


def _paths(section: type[BaseModel], before: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if kind is timedelta:
                yield f"{before}{name}"
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _paths(kind, f"{before}{name}.")
