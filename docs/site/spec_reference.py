"""Every field of a MonitorSpec and every setting, as the classes say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from field_words import default_of, kind_of, table, texts_of
from pydantic import BaseModel

from pegel.spec.cluster_settings import PREFIX, ClusterSettings
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.section import Section
from pegel.spec.settings import Settings

_HEAD = ("field", "what may be written", "default", "what it is")
_ABOUT_FIELDS = """A file has these fields, and so has the form of `model_onboard`. A length of time is seconds (`60`)
or has a unit (`90s`, `15m`, `1h`, `2d`). [The spec](../spec.md) says how they go together."""
_ABOUT_SETTINGS = """Where things are and what a cluster is asked for is read once from the environment, at the start of
each process. On one machine `pegel up` sets what is needed."""


def spec_page() -> str:
    """Return the page of the spec: one table for each section."""
    schema = MonitorSpec.model_json_schema()
    parts = [
        "# Fields of the spec\n",
        f"{_ABOUT_FIELDS}\n",
    ]
    for path, section in _sections(MonitorSpec):
        parts += [f"## {path or 'At the top'}\n", _first(section), _fields(path, section, schema)]
    return "\n".join(parts)


def settings_page() -> str:
    """Return the page of environment variables."""
    parts = [
        "# Settings\n",
        f"{_ABOUT_SETTINGS}\n",
    ]
    for prefix, settings in (("PEGEL_", Settings), (PREFIX, ClusterSettings)):
        parts += [f"## {prefix}*\n", _first(settings), _variables(prefix, settings)]
    return "\n".join(parts)


def _first(model: type) -> str:
    """Return the first paragraph of a class."""
    return " ".join((model.__doc__ or "").strip().split("\n\n")[0].split()) + "\n"


def _sections(section: type[Section], path: str = "") -> Iterator[tuple[str, type[Section]]]:
    yield path, section
    for name, field in section.model_fields.items():
        inner = field.annotation
        if _is_section(inner):
            yield from _sections(inner, f"{path}.{name}".lstrip("."))


def _is_section(annotation: object) -> TypeGuard[type[Section]]:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _fields(path: str, section: type[Section], schema: Mapping[str, Any]) -> str:
    properties, texts = _properties(section, schema), texts_of(section)
    rows = [
        (f"`{path}.{name}`".replace("`.", "`"), kind_of(field, properties[name]), default_of(field), texts[name])
        for name, field in section.model_fields.items()
        if not _is_section(field.annotation)
    ]
    return table(_HEAD, rows)


def _properties(section: type[Section], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = section.model_json_schema()
    known = found.get("$defs", {}) | schema.get("$defs", {})
    return {name: _resolved(each, known) for name, each in found["properties"].items()}


def _resolved(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    return known[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _variables(prefix: str, settings: type[BaseModel]) -> str:
    properties, texts = _properties_of(settings), texts_of(settings)
    rows = [
        (f"`{prefix}{name.upper()}`", kind_of(field, properties[name]), default_of(field), texts[name])
        for name, field in settings.model_fields.items()
    ]
    return table(("variable", *_HEAD[1:]), rows)


def _properties_of(settings: type[BaseModel]) -> Mapping[str, Any]:
    found = settings.model_json_schema()
    return {name: _resolved(each, found.get("$defs", {})) for name, each in found["properties"].items()}
