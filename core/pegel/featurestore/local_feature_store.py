"""The local feature store: plain files below one folder, each written whole or not at all.

::

    training/<name>/<version>/<split>.json           which data, schema and event times a reference means
    training/<name>/<version>/<content hash>.parquet   the data, immutable (a file or a folder)
    baselines/<sha256>.json                          baseline documents, immutable
    current/<model>/<version>.json                   the baseline in force, the only file that is ever changed
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from pegel.data.columns import Schema
from pegel.errors import Conflict, InvalidSpec, NotFound
from pegel.featurestore.feature_files import content_hash, copy_into, read_json, write_json
from pegel.featurestore.feature_store import SourceRef, TimeRange
from pegel.spec import names

_ID = re.compile(r"sha256:[0-9a-f]{64}")


class LocalFeatureStore:
    """Keeps training data and baselines in a folder that several processes may share."""

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

    def put_baseline(self, document: dict[str, Any]) -> str:
        """Keep a baseline document under its content address and return that. The same document changes nothing."""
        baseline_id = str(document["id"])
        path = self._baseline(baseline_id)
        # First writer wins: what is not part of the identity (when it was made) stays as it was.
        if not path.exists():
            write_json(path, document)
        return baseline_id

    def get_baseline(self, baseline_id: str) -> dict[str, Any]:
        """Return a baseline document. Raises NotFound."""
        document = read_json(self._baseline(baseline_id))
        if document is None:
            raise NotFound(f"the feature store keeps no baseline {baseline_id}; profile the training data again.")
        return dict(document)

    def current_baseline(self, model: str, version: int) -> str | None:
        """Return the id of the baseline that new spans of a model are judged by, or None."""
        pointer = read_json(self._pointer(model, version))
        return None if pointer is None else str(pointer["baseline_id"])

    def promote_baseline(self, model: str, version: int, baseline_id: str, expect: str | None) -> bool:
        """Make a kept baseline the current one if the current one is still `expect`; say whether anything changed.

        Raises Conflict if another was promoted meanwhile, NotFound if the baseline is not kept.
        """
        self.get_baseline(baseline_id)
        pointer = self._pointer(model, version)
        pointer.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(pointer.with_suffix(".lock")):
            current = self.current_baseline(model, version)
            if current == baseline_id:
                return False
            if current != expect:
                raise Conflict(
                    f"baseline of {names.monitor_key(model, version)}: expected {expect} to be current; "
                    f"found {current}. Nothing was promoted; look at the new one first."
                )
            promoted_at = datetime.now(UTC).isoformat()
            write_json(pointer, {"baseline_id": baseline_id, "supersedes": current, "promoted_at": promoted_at})
        return True

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

    def _baseline(self, baseline_id: str) -> Path:
        if not _ID.fullmatch(baseline_id):
            raise NotFound(f"expected a baseline id like sha256:<64 hexadecimal digits>; given {baseline_id!r}.")
        return self._root / "baselines" / f"{baseline_id.removeprefix('sha256:')}.json"

    def _pointer(self, model: str, version: int) -> Path:
        return self._root / "current" / _safe(model) / f"{version}.json"


def _safe(name: str) -> str:
    """Return `name` if it can be part of a path; a reference never leads out of the store."""
    if not re.fullmatch(r"[A-Za-z0-9_][-A-Za-z0-9_.]*", name):
        raise InvalidSpec(
            f"given {name!r}: a name in the feature store is made of letters, digits, `_`, `-` and `.`, "
            f"and does not begin with `.` or `-`; nothing was touched."
        )
    return name
