"""Where the archive keeps what: folders by model and hour, and which files of an hour are to be read.

::

    <root>/rows/namespace=default/model=delays/version=1/date=2026-11-29/hour=07/written=000000000042/part-….parquet
                                                                                                     /_complete
    <root>/unreadable/namespace=…                                        likewise, bodies that nobody could read
    <root>/labels/namespace=…                                            what came to be known of predictions
    <root>/not_labels/namespace=…/date=…                                 what was sent as such and is none

An hour is written as a whole, each time under a higher number. Read are the files of the highest number that is
complete: what a killed writer left behind is never seen, and goes once the next write of that hour is complete. A model
that has moved to another namespace has hours in two folders, each of which is written, and read, for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple

COMPLETE: Final = "_complete"
"""Name of the empty file that says that a writer has put every file of an hour into the folder where it lies."""
NOT_LABELS: Final = "not_labels"
"""Folder in which stands what was sent as a label and is none, with why."""
HOUR: Final = timedelta(hours=1)
LONGEST_ANSWER: Final = timedelta(hours=1)
"""How far an answer may lie from its request to stand in the same rows; one farther away has rows of its own."""

MOST_ASKED: Final = timedelta(days=31)
"""Of a longer time it is asked which days there are, not of each day whether it is there."""
_FIRST: Final = datetime.min.replace(tzinfo=UTC) + HOUR
_LAST: Final = datetime.max.replace(tzinfo=UTC) - HOUR


class Kept(StrEnum):
    """What is kept apart."""

    ROWS = "rows"
    UNREADABLE = "unreadable"
    LABELS = "labels"


@dataclass(frozen=True, slots=True)
class HourFiles:
    """The files of one hour in one namespace that are to be read, by their paths as they were given.

    `folder`: that of the hour; `start`: its begin.
    """

    folder: str
    start: datetime
    written: int
    files: tuple[str, ...]


def model_folder(root: str, kept: Kept, namespace: str, model: str, version: int) -> str:
    """Return the folder of one model version."""
    return f"{root.rstrip('/')}/{kept}/namespace={namespace}/model={model}/version={version}"


def date_folder(day: date) -> str:
    """Return the folder of one day, in UTC, below that of its model."""
    return f"date={day.isoformat()}"


def hour_folder(start: datetime) -> str:
    """Return the folder of the hour that holds an instant, below that of its model."""
    instant = start.astimezone(UTC)
    return f"{date_folder(instant.date())}/hour={instant.hour:02d}"


def written_folder(number: int) -> str:
    """Return the folder of what the writer of a number puts into an hour, below that of the hour."""
    return f"written={number:012d}"


def floor_hour(instant: datetime) -> datetime:
    """Return the begin of the hour that holds an instant, in UTC."""
    return instant.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def days_between(start: datetime, end: datetime) -> list[date]:
    """Return the days of which some instant of `[start, end)` is, in UTC."""
    if end <= start:
        return []
    first, last = start.astimezone(UTC).date(), (end.astimezone(UTC) - timedelta(microseconds=1)).date()
    return [first + timedelta(days=at) for at in range((last - first).days + 1)]


def hours_that_hold(start: datetime, end: datetime, reach: timedelta) -> tuple[datetime, datetime]:
    """Return from the hour of `start` on, and until when, rows of `[start, end)` may lie that are `reach` from it."""
    # Nobody has rows of the first or last hour of the calendar, and it has none before or after.
    return floor_hour(max(start, _FIRST) - reach), min(end, _LAST) + reach


def day_folders(model: str, first: datetime, last: datetime, below: Callable[[str], Iterable[str]]) -> list[str]:
    """Return the folders of the days of a time below that of a model; of a long time those that are there.

    `below`: lists the folders in a folder.
    """
    if last - first <= MOST_ASKED:
        return [f"{model}/{date_folder(day)}" for day in days_between(first, last)]
    # Dates of ISO 8601 are in order of their texts.
    begin, end = date_folder(first.date()), date_folder(last.date())
    return sorted(path for path in below(model) if begin <= path.rpartition("/")[2] <= end)


def parts_of(path: str) -> dict[str, str]:
    """Return the partition values that a path names: `{"date": "2026-11-29", "hour": "07"}`."""
    named = (step.partition("=") for step in path.split("/"))
    return {name: value for name, sign, value in named if sign}


@dataclass(slots=True)
class _Written:
    files: list[str] = field(default_factory=list)
    is_complete: bool = False


def visible_hours(paths: Iterable[str]) -> list[HourFiles]:
    """Return what is to be read among files below the folders of a model, oldest hour first.

    Files that lie elsewhere, or in folders of other names, are passed over.
    """
    hours: dict[tuple[datetime, str], dict[int, _Written]] = {}
    for path in paths:
        where = _place(path)
        if where is None:
            continue
        written = hours.setdefault((where.start, where.folder), {}).setdefault(where.number, _Written())
        name = path.rpartition("/")[2]
        if name == COMPLETE:
            written.is_complete = True
        elif name.endswith(".parquet") and not name.startswith(("_", ".")):
            written.files.append(path)
    found = []
    for (start, folder), by_number in sorted(hours.items()):
        complete = max((number for number, written in by_number.items() if written.is_complete), default=None)
        if complete is not None:
            found.append(HourFiles(folder, start, complete, tuple(sorted(by_number[complete].files))))
    return found


def written_numbers(paths: Iterable[str]) -> set[int]:
    """Return the number of every write of which something lies there, complete or not."""
    return {where.number for where in map(_place, paths) if where is not None}


class _Place(NamedTuple):
    folder: str
    start: datetime
    number: int


def _place(path: str) -> _Place | None:
    parts, (folder, _, below) = parts_of(path), path.partition("/written=")
    try:
        day = date.fromisoformat(parts["date"])
        start = datetime(day.year, day.month, day.day, int(parts["hour"]), tzinfo=UTC)
        return _Place(folder, start, int(below.partition("/")[0]))
    except (KeyError, ValueError):
        return None
