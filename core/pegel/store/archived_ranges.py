"""Ranges of offsets that are archived of a model, as rows; and from where on a model is watched at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from pegel.spec.monitor_spec import MonitorSpec
from pegel.store import tables
from pegel.store.offsets import stored_offsets
from pegel.store.statements import upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedRange:
    """Records of one partition that are archived of a model: offsets from `start` (inclusive) to `end` (exclusive).

    `rows`: how many rows of requests they gave; `files`: how many files were written for them.
    """

    model: str
    version: int
    topic: str
    partition: int
    start: int
    end: int
    topic_id: str | None
    rows: int
    files: int
    at: datetime


def begin_watching(connection: Connection, spec: MonitorSpec, now: datetime) -> None:
    """Note from where on a model is watched that was not: what its topic holds up to there was not counted for it."""
    counted = stored_offsets(connection, spec.group)
    begins = [
        ArchivedRange(
            model=spec.model.name,
            version=spec.model.version,
            topic=read.topic,
            partition=read.partition,
            start=read.end,
            end=read.end,
            topic_id=read.topic_id,
            rows=0,
            files=0,
            at=now,
        )
        for (topic, _), read in sorted(counted.items())
        if topic == spec.inference_topic
    ]
    upsert(connection, tables.archived, [row_of(each) for each in begins])


def row_of(each: ArchivedRange) -> dict[str, Any]:
    """Return a range as a row."""
    return {
        "model": each.model,
        "version": each.version,
        "topic": each.topic,
        "partition": each.partition,
        "from_offset": each.start,
        "up_to_offset": each.end,
        "topic_id": each.topic_id,
        "rows": each.rows,
        "files": each.files,
        "at": each.at,
    }


def range_of(row: sa.RowMapping) -> ArchivedRange:
    """Return a row as a range."""
    renamed = {"from_offset": "start", "up_to_offset": "end"}
    return ArchivedRange(**{renamed.get(name, name): value for name, value in row.items()})
