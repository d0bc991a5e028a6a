"""What a spec would change: field by field beside the one in force, and what becomes of its endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from pegel.reconcile.desired import endpoint_fingerprint
from pegel.spec.durations import written_duration
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import shown
from pegel.spec.written_lengths import length_paths

ABSENT = "-"
"""Stands for a field that one of two specs does not have."""


@dataclass(frozen=True, slots=True)
class SpecFieldChange:
    """One leaf of a spec with its two values as JSON; `ABSENT` where one side has none.

    >>> print(SpecFieldChange("windowing.length", "60.0", "300.0"))
    windowing.length: 1m -> 5m
    """

    path: str
    before: str
    after: str

    def __str__(self) -> str:
        before, after = (_for_people(self.path, value) for value in (self.before, self.after))
        return f"{shown(self.path)}: {shown(before)} -> {shown(after)}"


def _for_people(path: str, value: str) -> str:
    """Return a value as a spec has it: of a length of time `5m`, where JSON has seconds."""
    if path not in length_paths() or value in {ABSENT, "null"}:
        return value
    return written_duration(timedelta(seconds=json.loads(value)))


@dataclass(frozen=True)
class SpecChange:
    """A wished spec beside the one of the same model version that is in force; `before` is None where none is.

    A wish without the digest of its model's folder means what lies there; it is then taken to be that in force, because
    only who serves the folder can look.
    """

    wished: MonitorSpec
    before: MonitorSpec | None = None

    @property
    def is_new(self) -> bool:
        """Say whether the model version is not watched yet."""
        return self.before is None

    @cached_property
    def fields(self) -> tuple[SpecFieldChange, ...]:
        """Return each field whose value is another one, by path; none of a new model."""
        if self.before is None:
            return ()
        old, new = dict(_leaves(self.before.to_json())), dict(_leaves(self._meant.to_json()))
        changed = (path for path in sorted(old.keys() | new.keys()) if old.get(path) != new.get(path))
        return tuple(SpecFieldChange(path, old.get(path, ABSENT), new.get(path, ABSENT)) for path in changed)

    @property
    def replaces_endpoint(self) -> bool:
        """Say whether what serves would be replaced, or started where nothing serves yet; never so of a table."""
        if self.wished.model.is_table:
            return False
        return self.before is None or endpoint_fingerprint(self.before) != endpoint_fingerprint(self._meant)

    def lines(self) -> list[str]:
        """Return all of it for people: what becomes of the model, each changed field, what becomes of the endpoint."""
        key = self.wished.key
        if self.before is None:
            return [f"{key}: new", self._endpoint()]
        if not self.fields:
            return [f"{key}: unchanged"]
        return [f"{key}: changed", *(f"  {change}" for change in self.fields), self._endpoint()]

    def _endpoint(self) -> str:
        if self.wished.model.is_table:
            return "  no endpoint: its predictions stand in a table"
        if not self.replaces_endpoint:
            return f"  endpoint {self.wished.endpoint} goes on as it is"
        return (
            f"  endpoint {self.wished.endpoint} is {'started' if self.is_new else 'replaced, once the new one answers'}"
        )

    @cached_property
    def _meant(self) -> MonitorSpec:
        wished, before = self.wished.model, None if self.before is None else self.before.model
        if before is None or wished.digest is not None or wished.uri != before.uri:
            return self.wished
        return self.wished.model_copy(update={"model": wished.model_copy(update={"digest": before.digest})})


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield each leaf of a spec's JSON by its path; a list is a leaf, and an empty mapping has none."""
    if not isinstance(value, Mapping):
        yield path, json.dumps(value, ensure_ascii=False, sort_keys=True)
        return
    for name, inner in value.items():
        yield from _leaves(inner, f"{path}.{name}" if path else str(name))
