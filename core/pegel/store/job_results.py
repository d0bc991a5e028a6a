"""How jobs that were submitted elsewhere ended, in their own words: whoever submitted one reads it here, by its id.

A cluster's exit codes and logs say it badly and each in its own way; a row says it the same from everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.store import tables
from pegel.store.database import writing
from pegel.store.statements import upsert


class JobEnd(StrEnum):
    """How a finite job may end. One that was killed leaves no word."""

    DONE = "done"
    REFUSED = "refused"
    """Its input is wrong: trying again unchanged does not help."""
    FAILED = "failed"
    """Something else went wrong: trying again may help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """How a job ended, in which state; `sentence` says why where it made nothing."""

    state: JobEnd
    sentence: str = ""
    result: dict[str, Any] | None = None
    """What it made; None if it made nothing."""


class JobResults:
    """Keeps the last result of each job id."""

    def __init__(self, engine: Engine) -> None:
        """Use the migrated database behind `engine`."""
        self._engine = engine

    def put(self, job_id: str, result: JobResult, now: datetime) -> None:
        """Keep how the job ended, in place of an earlier try's result."""
        row = {
            "id": job_id,
            "state": result.state.value,
            "sentence": result.sentence,
            "result": result.result,
            "at": now,
        }
        with writing(self._engine) as connection:
            upsert(connection, tables.job_results, [row])

    def take(self, job_id: str) -> JobResult | None:
        """Return how the job ended and forget it; None if it has not said so."""
        c = tables.job_results.c
        with writing(self._engine) as connection:
            row = connection.execute(sa.select(c.state, c.sentence, c.result).where(c.id == job_id)).first()
            connection.execute(sa.delete(tables.job_results).where(c.id == job_id))
        if row is None:
            return None
        return JobResult(state=JobEnd(row.state), sentence=row.sentence, result=row.result)
