"""Columns that label rows instead of describing them: an index that was written along, or what has no name."""

from __future__ import annotations

import json
import re

import pyarrow as pa

INDEX = "the index of its frame"
NAMELESS = "has no name"
_INDEX = re.compile(r"__index_level_\d+__")
_NAMELESS = re.compile(r"\s*|Unnamed: \d+")
"""pandas writes an index into CSV below an empty name, and calls that `Unnamed: 0` when it reads it again."""


def row_labels(schema: pa.Schema) -> dict[str, str]:
    """Return the columns that are never features, each with the reason.

    pandas keeps in a schema's metadata which columns were a frame's index.
    """
    index = _index_columns(schema.metadata or {})
    labels = {}
    for name in schema.names:
        if name in index or _INDEX.fullmatch(name):
            labels[name] = INDEX
        elif _NAMELESS.fullmatch(name):
            labels[name] = NAMELESS
    return labels


def _index_columns(metadata: dict[bytes, bytes]) -> set[str]:
    try:
        # An index that only counts has no column: it is stored as start, stop and step.
        return {name for name in json.loads(metadata[b"pandas"])["index_columns"] if isinstance(name, str)}
    except (KeyError, TypeError, ValueError, RecursionError):
        return set()  # not written by pandas
