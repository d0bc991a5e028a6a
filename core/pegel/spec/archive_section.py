"""What is kept of the rows of a model, and what of them nobody may read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from pegel.spec.durations import Delay
from pegel.spec.outside_text import quoted, shown
from pegel.spec.section import Section
from pegel.spec.spec_fields import FieldName

_WAYS = ("hash", "drop")
"""How a private field leaves an event: as a keyed hash, or not at all."""


def _ways(value: Any) -> Any:
    """Take a list of fields for fields that are hashed."""
    if isinstance(value, list | tuple):
        if others := [name for name in value if not isinstance(name, str)]:
            raise ValueError(f"expected names of fields; {quoted(others[0])} is none")
        return dict.fromkeys(value, "hash")
    return value if isinstance(value, Mapping) else {} if value in (None, "") else value


def _known_ways(fields: dict[str, str]) -> dict[str, str]:
    for name, way in fields.items():
        if way not in _WAYS:
            raise ValueError(f"given {quoted(way)} for {shown(name)}: expected hash or drop")
    return fields


PrivateFields = Annotated[
    dict[FieldName, str],
    BeforeValidator(_ways),
    AfterValidator(_known_ways),
    WithJsonSchema({"type": ["object", "array"]}),
]


class Archive(Section):
    """Which rows are kept as files, and for how long. What is private is so wherever values of rows are written."""

    keep: Delay = timedelta(days=90)
    """How long rows are kept; 0: none are."""
    private: PrivateFields = Field(default_factory=dict)
    """Features, predictions and entity keys of which no value is written: `hash` writes a keyed hash, `drop` nothing; a
    list hashes."""

    @property
    def is_used(self) -> bool:
        """Say whether rows are kept at all."""
        return bool(self.keep)

    def __hash__(self) -> int:
        """Return a hash of what is stated; dictionaries have none of their own."""
        return hash(self.model_dump_json())
