"""What the folder of a model says of the model, `metadata.json`: name, version and schema, which everybody reads alike.

Our model server takes more from the same file, see `pegel_serving.metadata`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pegel.data.columns import Field, Role, Schema
from pegel.spec.model_files import METADATA_FILE
from pegel.spec.outside_text import NAME_LIMIT, quoted, shown
from pegel.spec.spec_fields import safe_name

LONGEST_PROBLEM = 300
"""Characters that are told of what is wrong with a file."""
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What reading a file raises that holds something else."""


@dataclass(frozen=True, slots=True)
class ModelMetadata:
    """Name, version and fields of a model, in the order in which it takes and answers them."""

    name: str
    version: int
    schema: Schema

    @property
    def features(self) -> tuple[Field, ...]:
        """Return the fields of a request, in order."""
        return self.schema.of_role(Role.FEATURE)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the file of a model's folder. Raises OSError, and ValueError with what it holds instead."""
        path = folder / METADATA_FILE
        if not path.is_file():  # reading a named pipe never ends
            raise ValueError("is no file")
        try:
            return cls.of(content_of(path))
        except OSError:
            raise
        except UNREADABLE as error:
            raise ValueError(f"given: {problem_of(error)}") from error

    @classmethod
    def of(cls, content: Any) -> Self:
        """Build it from a file's JSON; what else stands there is not looked at. Raises errors in `UNREADABLE`."""
        if not isinstance(content, dict):
            raise TypeError("something else than an object")
        schema = Schema.from_json(content["schema"])
        name, version = content["name"], content["version"]
        if not isinstance(name, str):
            raise TypeError("name must be a text")
        refuse_name(name)
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise TypeError("version must be a whole number of 1 or more")
        return cls(name, version, schema)


def refuse_name(name: str) -> None:
    """Refuse what no spec takes as the name of a model: it is part of paths and topics. Raises ValueError."""
    try:
        safe_name(name)
    except ValueError as error:
        raise ValueError(f"name {quoted(name, NAME_LIMIT)} {error}") from None


def content_of(path: Path) -> Any:
    """Return the JSON of a file. Raises errors in `UNREADABLE`, also for a key that stands twice in an object."""
    return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_each_once)


def problem_of(error: Exception) -> str:
    """Return what a file holds instead, in words, by one of the errors in `UNREADABLE`."""
    if isinstance(error, json.JSONDecodeError):
        where = f"line {error.lineno}, column {error.colno}"
        return f"what is no JSON ({where})" if error.doc.strip() else "an empty file"
    if isinstance(error, UnicodeDecodeError):
        return f"what is no UTF-8 (byte {error.start})"
    if isinstance(error, RecursionError):
        return "lists or objects within too many others"
    message = shown(str(error).strip(), LONGEST_PROBLEM)
    if type(error) is KeyError:  # not of its kinds, which say what they are about
        return f"nothing under {message}"
    return message or type(error).__name__


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON. Raises ValueError for a key that stands twice: which one is meant is not known."""
    if len(content := dict(pairs)) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{', '.join(sorted({key for key in keys if keys.count(key) > 1}))} stands there twice")
    return content
