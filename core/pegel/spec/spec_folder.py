"""Specs in folders, as a repository keeps them: each file is one wish, and one bad file is its own trouble alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pegel.errors import InvalidSpec
from pegel.spec.given_spec import GivenSpec, given_spec
from pegel.spec.outside_text import shown
from pegel.spec.spec_text import read_data, read_text

SUFFIXES = (".yaml", ".yml", ".json")
MOST_FILES = 2_000
"""Of one folder: whoever names a home directory by mistake is told so, and does not wait for it to be read."""


@dataclass(frozen=True, slots=True)
class FolderSpec:
    """One file. `given`: what it says, None where it holds no mapping of fields. `problems`: a line each."""

    file: Path
    given: GivenSpec | None
    problems: tuple[str, ...]


def read_specs(places: Iterable[Path]) -> list[FolderSpec]:
    """Return every spec in files and folders, in the order of their paths; a file that is named twice is read once.

    In a folder, also below it, these are the files that end with `SUFFIXES`, without those whose name, or that of a
    folder on the way, begins with a dot, and without files of expectations that one of the specs names. Raises
    InvalidSpec for a place that is not there, and for a folder with no such file or more than `MOST_FILES`.
    """
    files = sorted({file for place in places for file in _files(place)})
    suites = {suite for file in files for suite in _suites(file)}
    return [_read(file) for file in files if file not in suites]


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        if place.exists():
            return [place.resolve()]
        raise InvalidSpec(f"expected a file or a folder of specs, given {shown(str(place))}, which is not there.")
    found = list[Path]()
    for file in _below(place.resolve()):
        found.append(file)
        if len(found) > MOST_FILES:
            raise InvalidSpec(f"expected a folder of specs, given {shown(str(place))} with more than {MOST_FILES:,}.")
    if not found:
        endings = ", ".join(SUFFIXES)
        raise InvalidSpec(f"expected at least one spec ({endings}) in {shown(str(place))}, given none.")
    return found


def _below(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        wanted = (name for name in sorted(names) if not name.startswith(".") and name.endswith(SUFFIXES))
        yield from (Path(here, name) for name in wanted)


def _read(file: Path) -> FolderSpec:
    try:
        given = given_spec(file)
    except InvalidSpec as error:
        return FolderSpec(file, None, tuple(str(error).splitlines()))
    return FolderSpec(file, given, tuple(given.problems))


def _suites(file: Path) -> Iterator[Path]:
    """Return the files of expectations that a spec names; none of what cannot be read, which is told where it is."""
    try:
        data = read_data(read_text(file))
    except InvalidSpec:
        return
    watch = data.get("watch") if isinstance(data, dict) else None
    stated: Any = watch.get("expectations") if isinstance(watch, dict) else None
    for item in stated if isinstance(stated, list) else [stated]:
        if isinstance(item, dict) and isinstance(item.get("file"), str) and "\0" not in item["file"]:
            yield (file.parent / item["file"]).resolve()
