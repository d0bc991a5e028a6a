"""The life of a job that ends, whatever it does: it says in the results database how that was, and by its exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Engine

from pegel.data.instants import told_instant
from pegel.errors import PegelError, PermanentError, SetupError, TemporaryError
from pegel.spec.settings import Settings
from pegel.store.database import connect, migrate
from pegel.store.job_results import JobEnd, JobResult, JobResults
from pegel_spark import logs
from pegel_spark.read_failures import failure_words

FAILED, REFUSED = 1, 2
CODES = {JobEnd.DONE: 0, JobEnd.FAILED: FAILED, JobEnd.REFUSED: REFUSED}
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LaunchedJob:
    """A job: what it does, and what to say where that failed otherwise than by an error of ours.

    `work` returns the result, a dataclass of plain values. `fails_by`: exceptions that are a failure of the job, logged
    with their trace; others end the process. `told`: the sentence, with `{}` for what was raised.
    """

    work: Callable[[Settings, Engine], Any]
    fails_by: tuple[type[Exception], ...]
    told: str

    def run(self, job_id: str | None) -> int:
        """Do it, and keep how it ended under `job_id`, if there is one. Returns the exit code."""
        try:
            settings = Settings.of_environment()
            logs.configure(settings.log_format)
            engine = connect(settings.database)
            migrate(engine)
        except PegelError as error:
            # There is nowhere else to say it.
            sys.stderr.write(f"{error}\n")
            return REFUSED if isinstance(error, PermanentError) else FAILED
        result = self._result(settings, engine)
        if job_id is not None:
            with suppress(TemporaryError):
                JobResults(engine).put(job_id, result, datetime.now(UTC))
        if result.state is not JobEnd.DONE:
            sys.stderr.write(f"{result.sentence}\n")
        else:
            sys.stdout.write(f"{json.dumps(result.result)}\n")
        return CODES[result.state]

    def _result(self, settings: Settings, engine: Engine) -> JobResult:
        try:
            done = self.work(settings, engine)
        except PermanentError as error:
            return JobResult(state=JobEnd.REFUSED, sentence=str(error))
        except TemporaryError as error:
            return JobResult(state=JobEnd.FAILED, sentence=str(error))
        except self.fails_by as error:
            log.exception("failed")
            return JobResult(state=JobEnd.FAILED, sentence=self.told.format(failure_words(error)))
        return JobResult(state=JobEnd.DONE, result=asdict(done))


def instant_of(text: str, option: str) -> datetime:
    """Return the instant that an option says. Raises SetupError for what is none, or has no offset from UTC."""
    instant = told_instant(text)
    if instant is None:
        raise SetupError(f"{option}: expected an instant with its offset from UTC, ISO 8601; given {text!r}.")
    return instant
