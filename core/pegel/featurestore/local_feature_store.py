"""The local feature store: plain files below one folder, each written whole or not at all.

::

    training/<name>/<version>/<split>.json           which data, schema and event times a reference means
    training/<name>/<version>/<content hash>.parquet   the data, immutable (a file or a folder)
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from pegel.data.columns import Schema
from pegel.errors import InvalidSpec, NotFound, PermanentError
from pegel.featurestore.feature_files import content_hash, copy_into, read_json, write_json
from pegel.featurestore.feature_store import TimeRange
from pegel.spec.nearest import did_you_mean
from pegel.spec.source_reference import SourceRef, is_stored_name


class LocalFeatureStore:
    """Keeps training data in a folder that several processes may share."""

    def __init__(self, root: Path) -> None:
        """Use `root`; it is created with the first thing kept."""
        self._root = root

    def register_training_data(
        self,
        name: str,
        version: int,
        table_path: Path,
        schema: Schema,
        time_range: TimeRange | None = None,
        *,
        split: str = "train",
        replace: bool = False,
    ) -> SourceRef:
        """Keep a copy of a Parquet file or folder under a name. The same content again changes nothing.

        Raises PermanentError where other content stands under the name and is not to be replaced, NotFound if there is
        nothing at `table_path`, InvalidSpec if a name cannot be part of a path.
        """
        ref = SourceRef(_safe(name), version, _safe(split))
        if not table_path.exists():
            raise NotFound(
                f"expected a Parquet file or folder at {table_path}; nothing is there. Nothing was registered."
            )
        if ref in self.references():
            differing = self.differences(ref, table_path, schema, time_range)
            if not differing:
                return ref
            if not replace:
                raise _other_content(ref, differing)
        registration = _described(table_path, schema, time_range)
        try:
            copy_into(table_path, self._training(ref) / str(registration["data"]), self._root)
            write_json(self._training(ref) / f"{split}.json", registration)
        except OSError:
            self._remove_empty_folders(ref)
            raise
        return ref

    def references(self) -> list[SourceRef]:
        """Return what is registered, by name, version and split; also what cannot be read any more."""
        places = (self._root / "training").glob("*/*/*.json")
        parts = [(place.parts[-3], place.parts[-2], place.stem) for place in places]
        known = [
            SourceRef(name, int(version), split)
            for name, version, split in parts
            if is_stored_name(name) and version.isdecimal() and is_stored_name(split)
        ]
        return sorted(known, key=lambda ref: (ref.name, ref.version, ref.split))

    def differences(
        self, ref: SourceRef, table_path: Path, schema: Schema, time_range: TimeRange | None = None
    ) -> list[str]:
        """Return in what other content differs from what is registered: `rows`, `fields`, `times`; nothing if equal.

        Rows are told apart by the bytes of their file. Raises NotFound.
        """
        known, other = self._registration(ref)[1], _described(table_path, schema, time_range)
        lost = not (self._training(ref) / str(known["data"])).exists()
        words = {"data": "rows", "schema": "fields", "time_range": "times"}
        return [word for part, word in words.items() if known[part] != other[part] or (lost and part == "data")]

    def remove(self, ref: SourceRef) -> None:
        """Forget training data, with every file of this version that no other split needs. Raises NotFound."""
        if ref not in self.references():
            raise self._unknown(ref)
        folder = self._training(ref)
        (folder / f"{ref.split}.json").unlink()
        needed = [self._data_of(other) for other in self.references() if self._training(other) == folder]
        for data in folder.glob("*.parquet"):
            if None not in needed and data.name not in needed:
                shutil.rmtree(data) if data.is_dir() else data.unlink()
        self._remove_empty_folders(ref)

    def describe(self, ref: SourceRef | str) -> Schema:
        """Return the fields of training data. Raises NotFound."""
        return Schema.from_json(self._registration(ref)[1]["schema"])

    def read_training_data(self, ref: SourceRef | str) -> Path:
        """Return the place of the Parquet data. Raises NotFound."""
        source, registration = self._registration(ref)
        return self._training(source) / str(registration["data"])

    def time_range(self, ref: SourceRef | str) -> TimeRange | None:
        """Return the event times that training data covers, None when they were not stated. Raises NotFound."""
        stated = self._registration(ref)[1]["time_range"]
        return None if stated is None else TimeRange(*(datetime.fromisoformat(instant) for instant in stated))

    def _remove_empty_folders(self, ref: SourceRef) -> None:
        folder = self._training(ref)
        for empty in (folder, folder.parent, folder.parent.parent):
            # Not empty, or gone.
            with suppress(OSError):
                empty.rmdir()

    def _registration(self, ref: SourceRef | str) -> tuple[SourceRef, dict[str, Any]]:
        source = SourceRef.parse(ref) if isinstance(ref, str) else ref
        registration = None
        if source.store == "local":
            registration = self._read(source)
        if registration is None:
            raise self._unknown(source)
        return source, registration

    def _read(self, ref: SourceRef) -> dict[str, Any] | None:
        place = self._training(ref) / f"{_safe(ref.split)}.json"
        try:
            registration = read_json(place)
        except ValueError:
            registration = "no JSON"
        if registration is None:
            return None
        if not isinstance(registration, dict) or not {"data", "schema", "time_range"} <= registration.keys():
            raise PermanentError(
                f"expected the registration of {ref} in {place}, given something else. Nothing was read. Remove it "
                "(`pegel data rm`) and register the data again."
            )
        return registration

    def _data_of(self, ref: SourceRef) -> str | None:
        """Return the name of the data of a registration; None if it cannot be read."""
        try:
            return str(self._registration(ref)[1]["data"])
        except PermanentError:
            return None

    def _unknown(self, ref: SourceRef) -> NotFound:
        near = did_you_mean(str(ref), map(str, self.references()))
        return NotFound(
            f"the feature store in {self._root} knows no training data {ref}; {f'{near} ' if near else ''}"
            f"{'Else register' if near else 'register'} it first."
        )

    def _training(self, ref: SourceRef) -> Path:
        return self._root / "training" / _safe(ref.name) / str(ref.version)


def _other_content(ref: SourceRef, differing: list[str]) -> PermanentError:
    return PermanentError(
        f"expected a name for new content, given {ref}, under which other content stands: it differs in "
        f"{', '.join(differing)}. Nothing was changed. Choose another version, or replace it: --replace, in Python "
        "replace=True. `pegel data show` tells what stands there."
    )


def _described(table_path: Path, schema: Schema, time_range: TimeRange | None) -> dict[str, Any]:
    """Return what a registration says of its content."""
    return {
        "data": f"{content_hash(table_path)}.parquet",
        "schema": schema.to_json(),
        "time_range": None if time_range is None else [time_range.start.isoformat(), time_range.end.isoformat()],
    }


def _safe(name: str) -> str:
    """Return `name` if it can be part of a path; a reference never leads out of the store."""
    if not is_stored_name(name):
        raise InvalidSpec(
            f"given {name!r}: a name in the feature store is made of letters, digits, `_`, `-` and `.`, "
            f"and does not begin with `.` or `-`; nothing was touched."
        )
    return name
