"""The rows of a subject in the files of an archive: found, and taken out by writing what is left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pegel.archive.archive_address import ArchiveAddress
from pegel.archive.folders import COMPLETE, HourFiles, Kept, parts_of, visible_hours, written_folder, written_numbers
from pegel.archive.replaced_file import TEMPORARY, UnreadFile, read_file, replace_file
from pegel.archive.row_columns import EVENT_ID
from pegel.archive.subject import Subject

LABEL_KEY = "key"
"""Column of what a label is about: the id of an event, or the key of an entity."""


@dataclass(slots=True)
class FoundRows:
    """Rows of a subject. `rows`: by what is kept; `event_ids`: whose they are; `files`: in which files they lie.

    `unread`: files that cannot be read, in which nobody knows whether there are some.
    """

    rows: dict[Kept, int] = field(default_factory=lambda: dict.fromkeys(Kept, 0))
    event_ids: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ErasingFiles:
    """The files of one model version below a root. `keys`: what the parts of its entities' keys are, in order."""

    address: ArchiveAddress
    model: str
    version: int
    subject: Subject
    keys: tuple[str, ...] = ()

    def find(self) -> FoundRows:
        """Look into every file, also into those that nobody reads any more."""
        found = FoundRows()
        for kept in Kept:
            for path in self._files(kept):
                try:
                    rows = self._read(path)
                    mask = self._mask(kept, rows, found.event_ids)
                except (UnreadFile, KeyError):
                    # A file without the columns that tell whose rows it has is none of ours.
                    found.unread.append(path)
                    continue
                if mask.any():
                    found.rows[kept] += int(mask.sum())
                    found.files.add(path)
                    if kept is Kept.ROWS:
                        found.event_ids.update(rows.column(EVENT_ID).filter(pa.array(mask)).to_pylist())
        return found

    def highest_number(self) -> int:
        """Return the highest number that any writer of its files had."""
        listed = (path for kept in (Kept.ROWS, Kept.UNREADABLE) for path in self._listed(kept))
        return max(written_numbers(listed), default=0)

    def erase(self, found: FoundRows, number: int) -> None:
        """Take out what was found: an hour is written anew under `number`, labels in their place.

        What nobody reads any more of an hour goes with it, and what an erasure that was killed left behind.
        """
        for path in found.unread:
            if path.rpartition("/")[2].startswith(TEMPORARY):
                self.address.files.delete_file(path)
        for path in found.files:
            if f"/{Kept.LABELS}/" in path:
                self._write(path, self._left(Kept.LABELS, path, found))
        # Rows last: by them alone it is known which events were the subject's, should this one be killed.
        for kept in (Kept.UNREADABLE, Kept.ROWS):
            listed = self._listed(kept)
            touched = {_hour_of(path) for path in found.files if f"/{kept}/" in path}
            for hour in visible_hours(listed):
                if hour.folder in touched:
                    self._rewrite(kept, hour, found, number)
            for folder in touched:
                own = [path for path in listed if _hour_of(path) == folder]
                for old in written_numbers(own):
                    self.address.files.delete_dir(f"{folder}/{written_folder(old)}")

    def _rewrite(self, kept: Kept, hour: HourFiles, found: FoundRows, number: int) -> None:
        folder = f"{hour.folder}/{written_folder(number)}"
        self.address.files.create_dir(folder)
        for at, path in enumerate(hour.files):
            written = f"{folder}/part-{at:05d}.parquet"
            if path in found.unread:
                # As damaged as it was: who may have a copy of it is not decided here.
                self.address.files.copy_file(path, written)
            else:
                self._write(written, self._left(kept, path, found))
        self.address.files.open_output_stream(f"{folder}/{COMPLETE}").close()

    def _left(self, kept: Kept, path: str, found: FoundRows) -> pa.Table:
        rows = self._read(path)
        return rows.filter(pa.array(~self._mask(kept, rows, found.event_ids)))

    def _write(self, path: str, rows: pa.Table) -> None:
        replace_file(self.address, path, rows)

    def _read(self, path: str) -> pa.Table:
        return read_file(self.address, path)

    def _mask(self, kept: Kept, rows: pa.Table, event_ids: set[str]) -> NDArray[np.bool_]:
        if kept is Kept.ROWS:
            return self.subject.mask(rows)
        if kept is Kept.LABELS:
            keys = rows.column(LABEL_KEY).to_pylist()
            own = (key in event_ids or self.subject.is_entity(key or "", self.keys) for key in keys)
            return np.fromiter(own, dtype=np.bool_, count=len(keys))
        found = np.array([name in event_ids for name in rows.column(EVENT_ID).to_pylist()], dtype=np.bool_)
        bodies = rows.column("body").to_pylist()
        return found | np.array([self.subject.is_in(body or b"") for body in bodies], dtype=np.bool_)

    def _files(self, kept: Kept) -> Iterator[str]:
        return (path for path in self._listed(kept) if path.endswith(".parquet"))

    def _listed(self, kept: Kept) -> list[str]:
        root = f"{self.address.root}/{kept}"
        spaces = self.address.files_below(root, recursive=False)
        folders = (f"{space}/model={self.model}/version={self.version}" for space in spaces)
        return [path for folder in folders for path in self.address.files_below(folder)]


def archived_models(address: ArchiveAddress) -> set[tuple[str, int]]:
    """Return the models of which anything lies below a root."""
    found = set()
    for kept in Kept:
        for space in address.files_below(f"{address.root}/{kept}", recursive=False):
            for model in address.files_below(space, recursive=False):
                for version in address.files_below(model, recursive=False):
                    parts = parts_of(version)
                    if parts.get("version", "").isdecimal() and "model" in parts:
                        found.add((parts["model"], int(parts["version"])))
    return found


def _hour_of(path: str) -> str:
    """Return the folder of the hour that a file lies in."""
    return path.partition("/written=")[0]
