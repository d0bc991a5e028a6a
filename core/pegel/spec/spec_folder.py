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
    """One file. `given`: what it says, None where it holds no mapping of fields. `problems`: a line each.

    A folder that was not looked into is one, too: what may be in it is not known to be gone.
    """

    file: Path
    given: GivenSpec | None
    problems: tuple[str, ...]


def read_specs(places: Iterable[Path]) -> list[FolderSpec]:
    """Return every spec in files and folders, in the order of their paths; a file that is named twice is read once.

    In a folder, also below it, these are the files that end with `SUFFIXES`, without those whose name, or that of a
    folder on the way, begins with a dot, and without files of expectations that one of the specs names. A folder below
    that cannot be read, or is a link that leads out, is a problem of its own. Raises InvalidSpec for a place that is
    not there, and for a folder with no such file or more than `MOST_FILES`.
    """
    unread = dict[Path, str]()
    files = sorted({file for place in places for file in _files(place, unread)})
    suites = {suite for file in files for suite in _suites(file)}
    left = [FolderSpec(folder, None, (problem,)) for folder, problem in sorted(unread.items())]
    return [*(_read(file) for file in files if file not in suites), *left]


def _files(place: Path, unread: dict[Path, str]) -> list[Path]:
    if not place.is_dir():
        if place.exists():
            return [place.resolve()]
        raise InvalidSpec(f"expected a file or a folder of specs, given {shown(str(place))}, which is not there.")
    found = list[Path]()
    for file in _below(place.resolve(), unread):
        found.append(file)
        if len(found) > MOST_FILES:
            raise InvalidSpec(f"expected a folder of specs, given {shown(str(place))} with more than {MOST_FILES:,}.")
    if not found and not unread:
        endings = ", ".join(SUFFIXES)
        raise InvalidSpec(f"expected at least one spec ({endings}) in {shown(str(place))}, given none.")
    return found


def _below(folder: Path, unread: dict[Path, str]) -> Iterator[Path]:
    def note(error: OSError) -> None:
        unread[Path(error.filename)] = f"this folder cannot be read: {error.strerror}. Specs in it are not known."

    for here, folders, names in os.walk(folder, onerror=note):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in [*folders, *names]:
            if not name.startswith(".") and (problem := _link_problem(Path(here, name), folder)):
                unread[Path(here, name)] = problem
        wanted = (name for name in sorted(names) if not name.startswith(".") and name.endswith(SUFFIXES))
        yield from (Path(here, name) for name in wanted)


def _link_problem(path: Path, folder: Path) -> str:
    """Return what is left out by a link below a folder, empty for none. None is followed: they may lead in circles."""
    if not os.path.islink(path) or path.name.endswith(SUFFIXES):  # noqa: PTH114  no error of a path that is too long
        return ""
    try:
        place = Path(os.path.realpath(path))
        is_there = place.exists()
    except OSError as error:
        return f"this is a link that cannot be followed: {error.strerror}. Specs in it are not known."
    if not is_there:
        return f"this is a link to {shown(str(place))}, which is not there. Specs in it are not known."
    if place.is_dir() and not place.is_relative_to(folder):
        return f"this is a link to the folder {shown(str(place))}: name that one, too. Specs in it are not known."
    return ""


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
