"""What commits change of open windows: first one row of a journal for all monitors, later rows of their own.

A batch touches every model that has traffic, each a little. A row for each, in a table of its own, changes a page of
the database for each, and another one when it is deleted; together they are a few pages. What the last commits left
moves on every `MOST_COMMITS`, without what is over by then: see `stream_state`.

Each monitor has its own section of a row, compressed, with a checksum: damage there is its own affair.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pegel.data.instants import from_us, to_us
from pegel.store import tables
from pegel.stream import packing
from pegel.stream.commit import Commit, MonitorState

MOST_COMMITS = 100
"""Rows of a group. They bound what a restart reads, and how much of a busy model is written twice."""
MOST_BYTES = 16 << 20
"""The same, for a group that catches up and has much in each row."""

_WORDS = (
    b'{"blobs":[16,16,8,16,16,8,0,0,0,],"value":["",null,["sha256:"],{},0,0,0,[],[],[]]}PGLS4'
    b'{"state_version":6,"windowing":{"length":60.0,"slide":null,"lateness":10.0},"spans":[[,"sha256:",],"head_us":17'
    b',"frontier_us":17,"last_arrival_us":17,"cut_short":[],"events":{"received":,"group_received":0,"odd":{},"reasons":'
    b'{"invalid":{}},"asked":0,"unlogged":0,"unasked":0,"latencies":{"backwards":0,"cells":[[0,]]},"orphans":0,"since":"20'
    b'+00:00","asked_from":null,"asked_to":null,"unanswered_from":null},"answers":{"logged":true,"asked":true,"until":17'
    b',"frontier":17,"in_time":[]}}null{"blobs":[],"value":{"model":"","version":1,"documents":2,"parts":[[17,false]],'
    b'"closed":[],"gone":false}}'
)
"""What most sections have in common. It makes them a third shorter; alone, each is too short to repeat much."""

_LARGE = 32 << 10
"""What is larger is hashes for the most part, which do not get shorter."""

Owner = tuple[str, int]
"""Model and version."""
OwnPane = tuple[str, int, datetime]


@dataclass(frozen=True, slots=True)
class DamagedSection:
    """A part of row `seq` that nobody can read, as it lies there. `owner` None: nobody can read any of the row."""

    seq: int
    owner: Owner | None
    data: bytes
    reason: str


@dataclass(slots=True)
class WindowChanges:
    """What commits changed of open windows, as one change.

    `parts` by pane, in their order. Of panes that are `replaced`, and monitors that are `gone`, nothing counts that was
    stored before. `states` without charts leave those that were; what they remember and forget is that of all commits.
    `rows`: the numbers of the rows that this is.
    """

    parts: dict[OwnPane, list[bytes]] = field(default_factory=dict)
    replaced: set[OwnPane] = field(default_factory=set)
    states: dict[Owner, MonitorState] = field(default_factory=dict)
    gone: set[Owner] = field(default_factory=set)
    damaged: list[DamagedSection] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)

    def add(self, change: dict[str, Any], blobs: list[bytes]) -> None:
        """Add what the next commit changed of one monitor."""
        model, version = owner = (change["model"], change["version"])
        documents = [json.loads(text) for text in blobs[: change["documents"]]]
        rest, names = blobs[change["documents"] :], change["remembered"]
        remembered = dict(zip(names, rest, strict=False))
        for (pane_us, is_whole), data in zip(change["parts"], rest[len(names) :], strict=True):
            pane = (*owner, from_us(pane_us))
            if is_whole:
                self._replace(pane)
            self.parts.setdefault(pane, []).append(data)
        for pane_us in change["closed"]:
            self._replace((*owner, from_us(pane_us)))
        if documents:
            windows, charts = documents
            state = MonitorState(
                model=model,
                version=version,
                windows=windows,
                charts=charts,
                remembered=remembered,
                forgotten=tuple(change["forgotten"]),
            )
            self.states[owner] = state if owner not in self.states else _together(self.states[owner], state)
        if change["gone"]:
            self.gone.add(owner)
            self.states.pop(owner, None)
            self.parts = {pane: parts for pane, parts in self.parts.items() if pane[:2] != owner}

    def _replace(self, pane: OwnPane) -> None:
        self.replaced.add(pane)
        self.parts.pop(pane, None)


def append(connection: Connection, group: str, commit: Commit) -> None:
    """Add what a commit changes of open windows."""
    changes: dict[Owner, dict[str, Any]] = {}
    blobs: dict[Owner, list[bytes]] = {}

    def of(model: str, version: int) -> dict[str, Any]:
        blobs.setdefault((model, version), [])
        unchanged = {"model": model, "version": version, "documents": 0, "parts": [], "closed": [], "gone": False}
        return changes.setdefault((model, version), unchanged | {"remembered": [], "forgotten": []})

    for state in commit.states:
        documents, change = (state.windows, state.charts), of(state.model, state.version)
        change |= {"documents": len(documents), "remembered": list(state.remembered), "forgotten": state.forgotten}
        blobs[state.model, state.version] += [json.dumps(each, separators=(",", ":")).encode() for each in documents]
        blobs[state.model, state.version] += state.remembered.values()
    for part in commit.pane_parts:
        of(part.model, part.version)["parts"].append((to_us(part.pane), part.whole))
        blobs[part.model, part.version].append(part.data)
    for model, version, pane in commit.closed_panes:
        of(model, version)["closed"].append(to_us(pane))
    for owner in commit.gone:
        of(*owner)["gone"] = True
    sections = {owner: _compressed(packing.pack(change, blobs[owner])) for owner, change in changes.items()}
    _insert(connection, group, sections)


def _together(before: MonitorState, after: MonitorState) -> MonitorState:
    """Return two changes of one monitor's state as one."""
    kept = {name: rows for name, rows in before.remembered.items() if name not in after.forgotten}
    forgotten = [name for name in before.forgotten if name not in after.remembered]
    return replace(
        after,
        charts=before.charts if after.charts is None else after.charts,
        remembered=kept | after.remembered,
        forgotten=tuple(dict.fromkeys([*forgotten, *after.forgotten])),
    )


def keep(connection: Connection, group: str, damaged: list[DamagedSection]) -> None:
    """Add sections that nobody can read: whoever restores the group next has to hear of them."""
    for section in damaged:
        if section.owner is not None:
            _insert(connection, group, {section.owner: section.data})


def read(connection: Connection, group: str) -> WindowChanges:
    """Return everything that the journal of a group holds. Until this transaction ends nobody moves it on."""
    c = tables.journal.c
    statement = sa.select(c.seq, c.changes).where(c.group == group).order_by(c.seq).with_for_update()
    changes = WindowChanges()
    for seq, data in connection.execute(statement):
        changes.rows.append(seq)
        for owner, section in _sections(seq, data, changes.damaged):
            try:
                changes.add(*packing.unpack(_decompressed(section)))
            except (zlib.error, KeyError, TypeError, ValueError) as error:
                changes.damaged.append(DamagedSection(seq, owner, section, repr(error)))
    return changes


def is_long(connection: Connection, group: str) -> bool:
    """Say whether what the journal of a group holds has to move on."""
    c = tables.journal.c
    statement = sa.select(sa.func.count(), sa.func.sum(sa.func.length(c.changes))).where(c.group == group)
    commits, size = connection.execute(statement).one()
    return bool(commits >= MOST_COMMITS or (size or 0) >= MOST_BYTES)


def _insert(connection: Connection, group: str, sections: dict[Owner, bytes]) -> None:
    if sections:
        data = packing.pack(list(sections), list(sections.values()))
        connection.execute(sa.insert(tables.journal).values(group=group, changes=data))


def _compressed(data: bytes) -> bytes:
    packer = zlib.compressobj(6 if len(data) < _LARGE else 0, memLevel=5, wbits=12, zdict=_WORDS)
    return packer.compress(data) + packer.flush()


def _decompressed(section: bytes) -> bytes:
    """Return what `_compressed` was given. Raises zlib.error for other bytes, ValueError where some are missing."""
    unpacker = zlib.decompressobj(zdict=_WORDS)
    data = unpacker.decompress(section)
    if not unpacker.eof:
        raise ValueError(f"expected the end of a section, given {len(section)} bytes without it")
    return data


def _sections(seq: int, data: Any, damaged: list[DamagedSection]) -> list[tuple[Owner, bytes]]:
    """Return the sections of a row, with whose they are by its head; what they say themselves goes before that."""
    try:
        owners, sections = packing.unpack(data)
        return [((str(model), int(version)), part) for (model, version), part in zip(owners, sections, strict=True)]
    except (KeyError, TypeError, ValueError) as error:
        damaged.append(DamagedSection(seq, None, b"", repr(error)))
        return []
