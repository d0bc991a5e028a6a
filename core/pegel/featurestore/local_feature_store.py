"""The local feature store: plain files below one folder, each written whole or not at all.

::

    training/<name>/<version>/<split>.json           which data, schema and event times a reference means
    training/<name>/<version>/<content hash>.parquet   the data, immutable (a file or a folder)
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from pegel.data.columns import Schema
from pegel.errors import InvalidSpec, NotFound
from pegel.featurestore.feature_files import content_hash, copy_into, read_json, write_json
from pegel.featurestore.feature_store import TimeRange
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
    ) -> SourceRef:
        """Keep a copy of a Parquet file or folder under a name. The same content again changes nothing.

        Raises NotFound if there is nothing at `table_path`, InvalidSpec if a name cannot be part of a path.
        """
        ref = SourceRef(_safe(name), version, _safe(split))
        if not table_path.exists():
            raise NotFound(
                f"expected a Parquet file or folder at {table_path}; nothing is there. Nothing was registered."
            )
        digest = content_hash(table_path)
        copy_into(table_path, self._training(ref) / f"{digest}.parquet")
        registration = {
            "data": f"{digest}.parquet",
            "schema": schema.to_json(),
            "time_range": None if time_range is None else [time_range.start.isoformat(), time_range.end.isoformat()],
        }
        write_json(self._training(ref) / f"{split}.json", registration)
        return ref

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

    def _registration(self, ref: SourceRef | str) -> tuple[SourceRef, dict[str, Any]]:
        source = SourceRef.parse(ref) if isinstance(ref, str) else ref
        registration = None
        if source.store == "local":
            registration = read_json(self._training(source) / f"{_safe(source.split)}.json")
        if registration is None:
            raise NotFound(f"the feature store in {self._root} knows no training data {source}; register it first.")
        return source, registration

    def _training(self, ref: SourceRef) -> Path:
        return self._root / "training" / _safe(ref.name) / str(ref.version)


def _safe(name: str) -> str:
    """Return `name` if it can be part of a path; a reference never leads out of the store."""
    if not is_stored_name(name):
        raise InvalidSpec(
            f"given {name!r}: a name in the feature store is made of letters, digits, `_`, `-` and `.`, "
            f"and does not begin with `.` or `-`; nothing was touched."
        )
    return name
