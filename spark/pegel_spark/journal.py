"""The windows' history on disk: one file per entry, written before Spark commits the batch, cut by snapshots.

::

    000000000041-snapshot.arrow   the state after entry 41
    000000000042-batch.arrow      what batch brought entry 42
    000000000043-closing.arrow    which spans ended in silence

Loading the newest snapshot and applying the entries after it gives the state at the end, however the driver died: an
entry is there whole or not at all, and its effect on the results database is written again when the driver starts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from pegel.data.instants import from_us, to_us
from pegel.spec.monitor_spec import Windowing
from pegel.stream.entries import Batch, Closing, Emissions, Entry, Monitored
from pegel.stream.manager_state import dump, load
from pegel.stream.panes import Unpack
from pegel.stream.partial_arrow import from_table, to_table
from pegel.stream.window_manager import WindowManager

SNAPSHOT_EVERY = 120
"""Entries between snapshots: a start replays at most so many files, about two minutes of a busy stream."""
_META = b"pegel"


class Journal:
    """The history of one group's windows. One process at a time."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, created if need be; leftovers of a write that was cut off are removed."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        for leftover in folder.glob(".new-*"):
            leftover.unlink()
        self._next = max((_number(path) for path in folder.glob("*.arrow")), default=0) + 1
        self._since_snapshot = 0

    def restore(self, unpack: Unpack) -> tuple[WindowManager, Emissions]:
        """Return the state at the end, and what its last entry brought: that may not have reached the database."""
        snapshots = sorted(self._folder.glob("*-snapshot.arrow"))
        manager, last, begin = WindowManager(unpack), Emissions(), 0
        if snapshots:
            table = _read(snapshots[-1])
            manager = load(_meta(table), from_table(table), unpack)
            begin = _number(snapshots[-1])
        for entry in self._entries(after=begin):
            last = manager.apply(entry)
            self._since_snapshot += 1
        return manager, last

    def append(self, entry: Entry) -> None:
        """Write an entry. When this returns it survives whatever happens to this process."""
        if isinstance(entry, Batch):
            self._write("batch", _batch_meta(entry), to_table(entry.partials))
        else:
            frontiers = {key: to_us(frontier) for key, frontier in entry.frontiers.items()}
            self._write("closing", {"id": entry.id, "frontiers": frontiers}, to_table(()))
        self._since_snapshot += 1

    def cut(self, manager: WindowManager) -> bool:
        """Write a snapshot and remove what it covers, if enough entries have gathered; say whether that happened.

        Only to be called when the results of every entry are in the database.
        """
        if self._since_snapshot < SNAPSHOT_EVERY:
            return False
        state, panes = dump(manager)
        number = self._write("snapshot", state, to_table(panes))
        for path in self._folder.glob("*.arrow"):
            if _number(path) < number:
                path.unlink()
        self._since_snapshot = 0
        return True

    def set_aside(self) -> None:
        """Forget the history: it belongs to a checkpoint that is gone."""
        for path in self._folder.glob("*.arrow"):
            path.unlink()

    def _entries(self, *, after: int) -> Iterator[Entry]:
        for path in sorted(self._folder.glob("*.arrow")):
            if _number(path) > after:
                table = _read(path)
                meta = _meta(table)
                if path.stem.endswith("batch"):
                    yield _batch(meta, table)
                else:
                    frontiers = {key: from_us(value) for key, value in meta["frontiers"].items()}
                    yield Closing(id=meta["id"], frontiers=frontiers)

    def _write(self, kind: str, meta: dict[str, Any], table: pa.Table) -> int:
        number, self._next = self._next, self._next + 1
        target = self._folder / f"{number:012d}-{kind}.arrow"
        beside = self._folder / f".new-{target.name}"
        table = table.replace_schema_metadata({_META: json.dumps(meta).encode()})
        with beside.open("wb") as file:
            with pa.ipc.new_file(file, table.schema) as writer:
                writer.write_table(table)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(target)
        return number


def _batch_meta(batch: Batch) -> dict[str, Any]:
    return {
        "id": batch.id,
        "arrived_us": to_us(batch.arrived_at),
        "monitors": {
            key: [one.windowing.model_dump(mode="json"), one.baseline_id] for key, one in batch.monitors.items()
        },
    }


def _batch(meta: dict[str, Any], table: pa.Table) -> Batch:
    monitors = {
        key: Monitored(Windowing.model_validate(windowing), baseline_id)
        for key, (windowing, baseline_id) in meta["monitors"].items()
    }
    return Batch(
        id=meta["id"], arrived_at=from_us(meta["arrived_us"]), monitors=monitors, partials=tuple(from_table(table))
    )


def _read(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
        return reader.read_all()


def _meta(table: pa.Table) -> dict[str, Any]:
    return dict(json.loads(table.schema.metadata[_META]))


def _number(path: Path) -> int:
    return int(path.name.split("-", 1)[0])
