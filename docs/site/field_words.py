"""What the source says of the fields of a class: the text below each of them, and their kinds and defaults in words."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"))
_PLAIN = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "object",
    "null": "none",
}


def texts_of(model: type[BaseModel]) -> dict[str, str]:
    """Return what stands below each field in the source, or in its description, as one line."""
    texts: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if base.__module__.startswith("pegel"):
            texts |= _below(base)
    described = {name: field.description for name, field in model.model_fields.items() if field.description}
    return {name: " ".join(text.split()) for name, text in (texts | described).items()}


def _below(base: type) -> dict[str, str]:
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
    assert isinstance(node, ast.ClassDef)
    found = {}
    for field, text in zip(node.body, node.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            found[field.target.id] = str(ast.literal_eval(text.value))
    return found


def default_of(field: FieldInfo) -> str:
    """Return a default as a person writes it in a file; `required` of what has none."""
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return "see text"
    return written(field.default)


def written(value: Any) -> str:
    """Return a value as Markdown: what is typed in backticks."""
    if value is None:
        return "none"
    if isinstance(value, timedelta):
        return f"`{_length(value.total_seconds())}`"
    if isinstance(value, tuple | list | Mapping) and not value:
        return "none"
    if isinstance(value, tuple | list):
        return f"`[{', '.join(str(each) for each in value)}]`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _length(seconds: float) -> str:
    for unit, name in _UNITS:
        if seconds and seconds % unit == 0:
            return f"{seconds / unit:g}{name}"
    return f"{seconds:g}s"


def kind_of(field: FieldInfo, schema: Mapping[str, Any]) -> str:
    """Return what may be written in a field, by its JSON schema: the kind, its bounds or the choices."""
    if "timedelta" in str(field.annotation):
        return "length of time" + (", more than 0" if "exclusiveMinimum" in schema else "")
    return _kind(schema)


def _kind(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        kinds = [_kind(each) for each in schema["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if choices := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return " · ".join(written(each) for each in choices)
    named = schema.get("type", "string")
    if named == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if isinstance(named, list):
        return " or ".join(_PLAIN[each] for each in named) + _bounds(schema)
    return _PLAIN[named] + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    words = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[key]:,}" for key, sign in words.items() if key in schema]
    return f", {', '.join(bounds)}" if bounds else ""


def cell(text: str) -> str:
    """Return a text as the cell of a table: no pipe parts it, and no angle bracket outside of code is a tag."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()).replace("|", "\\|"))
    return "".join(part if part.startswith("`") else part.replace("<", "&lt;") for part in parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *([cell(each) for each in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
