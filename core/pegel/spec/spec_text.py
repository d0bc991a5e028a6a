"""The text of a spec, from a file or a form, as plain data: a YAML of few surprises and of bounded cost.

Every scalar is the text that was written, except an empty one, `null` and `~`: what a field is, its own type decides.
A field that takes texts as well as numbers looks at the quotes, see `Unquoted`.
So a model may be called `no` and a feature `1e3` or `010`, version `010` is ten, and `1:30` is no number of seconds.
What a spec never needs, and what makes small texts expensive or dangerous, is refused by name: aliases, tags, keys that
stand twice, depth. JSON is read as the YAML that it is.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pegel.errors import InvalidSpec
from pegel.spec.outside_text import quoted, shown

LARGEST_BYTES = 128 * 1024
"""Of one spec: a thousand features by name are 60 kB, and Linux lets no argument of a job be longer."""
DEEPEST = 10
"""Levels of lists and mappings; a spec has three, and ten where an expectation of it bounds quantiles."""
MOST_KEYS = 1_000
"""Fields of one mapping; the largest of a spec has a dozen. Explaining ten thousand unknown ones takes seconds."""
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


def read_text(path: Path) -> str:
    """Return the text of a spec's file. Raises InvalidSpec if it is no regular file, too large or not UTF-8."""
    name = shown(str(path))
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise _refused(f"{name} is no file: expected one with a spec in YAML or JSON")
        # Should it be a pipe by now: opening one that nobody writes to would wait for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _refused(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return spec_text(content, name)


def spec_text(content: bytes, name: str) -> str:
    """Return the bytes of a spec as text; `name` says what they were read from. Raises InvalidSpec."""
    if len(content) > LARGEST_BYTES:
        raise _refused(f"{name} has more than {LARGEST_BYTES:,} bytes, which no spec has")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"byte {error.start + 1:,} is 0x{content[error.start]:02x}"
        raise _refused(f"{name} is not text in UTF-8: {byte}") from error


def read_data(text: str) -> Any:
    """Return what YAML or JSON text says: dicts and lists of texts, None for what is empty. Raises InvalidSpec."""
    if len(text) > LARGEST_BYTES:
        raise _refused(f"the spec has more than {LARGEST_BYTES:,} characters, which no spec has")
    try:
        return _Reader().read(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise _refused(f"this is not YAML: {_explained(error)}") from error


class Unquoted(str):
    """A scalar that stands there without quotes."""

    __slots__ = ()


@dataclass(slots=True)
class _Level:
    """One open list or mapping; of a mapping, the key whose value comes next, and the lines of all keys so far."""

    data: list[Any] | dict[str, Any]
    key: str | None = None
    lines: dict[str, int] = field(default_factory=dict)


class _Reader:
    """Puts the parser's events together without recursion, and refuses what a spec does not need."""

    def __init__(self) -> None:
        self._levels: list[_Level] = []
        self._whole: list[Any] = []

    def read(self, events: Iterator[Any]) -> Any:
        """Return the one document. No document at all is None."""
        for event in events:
            if isinstance(event, yaml.NodeEvent):
                self._refuse_unneeded(event)
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._add(self._levels.pop().data)
        return self._whole[0] if self._whole else None

    def _refuse_unneeded(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _refused(f"{_line(event)}: a spec has no anchors and aliases ({shown(event.anchor)}); write it out")
        if event.tag is not None:
            raise _refused(f"{_line(event)}: a spec has no tags ({shown(event.tag)}); write the value alone")
        if self._whole:
            raise _refused(f"{_line(event)}: a second document begins here; a spec is one")

    def _scalar(self, event: Any) -> None:
        level = self._levels[-1] if self._levels else None
        # JSON writes what is beyond 16 bits as two halves, which YAML does not know.
        text = event.value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        if level is not None and isinstance(level.data, dict) and level.key is None:
            self._key(level, text, event)
        elif event.implicit[0]:
            self._add(None if text in _NOTHING else Unquoted(text))
        else:
            self._add(text)

    def _key(self, level: _Level, text: str, event: Any) -> None:
        if text in level.lines:
            first = level.lines[text]
            raise _refused(f"{_line(event)}: {quoted(text)} stands twice, first in line {first}; keep one")
        if len(level.lines) == MOST_KEYS:
            raise _refused(f"{_line(event)}: more than {MOST_KEYS:,} fields in one mapping, which no spec has")
        level.key = text
        level.lines[text] = event.start_mark.line + 1

    def _open(self, event: Any) -> None:
        if len(self._levels) == DEEPEST:
            raise _refused(f"{_line(event)}: more than {DEEPEST} levels of lists and mappings; a spec has fewer")
        if self._levels and isinstance(self._levels[-1].data, dict) and self._levels[-1].key is None:
            raise _refused(f"{_line(event)}: the name of a field is expected, not a list or a mapping")
        self._levels.append(_Level({} if isinstance(event, yaml.MappingStartEvent) else []))

    def _add(self, value: Any) -> None:
        if not self._levels:
            self._whole.append(value)
            return
        level = self._levels[-1]
        if isinstance(level.data, list):
            level.data.append(value)
        elif level.key is not None:
            level.data[level.key] = value
            level.key = None


def _refused(sentence: str) -> InvalidSpec:
    return InvalidSpec(f"{sentence}. Nothing was changed.")


def _line(event: Any) -> str:
    return f"line {event.start_mark.line + 1}"


def _explained(error: yaml.YAMLError) -> str:
    """Return what a parser says as one line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        context = f"{error.context}: " if error.context else ""
        return shown(f"line {error.problem_mark.line + 1}: {context}{error.problem}")
    if isinstance(error, yaml.reader.ReaderError):
        return f"character {error.position + 1:,} is {quoted(chr(error.character))}, which text does not have"
    return shown(str(error))
