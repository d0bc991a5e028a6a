"""Launcher of the job that writes results back to Hopsworks: `jobs/write_back.py --since TIME --until TIME [--id ID]`.

It is told everything by its arguments and its environment, as the baseline job is, and says under `--id` in the results
database how it ended. Nothing of Spark is started: it runs here because Hopsworks' client is here. Exit codes: 0 done,
1 failed, 2 refused.
"""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime

import structlog
from sqlalchemy import Engine

from pegel.errors import PegelError, PermanentError, SetupError, TemporaryError
from pegel.featurestore.hopsworks.client import HopsworksClient
from pegel.featurestore.hopsworks.connection import HopsworksConnection
from pegel.featurestore.hopsworks.writing_back import Written, write_back
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, migrate
from pegel.store.job_results import JobEnd, JobResult, JobResults
from pegel.store.result_export import ResultExport
from pegel_spark import logs

FAILED, REFUSED = 1, 2
CODES = {JobEnd.DONE: 0, JobEnd.FAILED: FAILED, JobEnd.REFUSED: REFUSED}
LONGEST_FAILURE = 500
"""Characters of an exception that are told."""
log = structlog.get_logger()


def main(arguments: list[str]) -> int:
    """Run the job; return its exit code."""
    parser = argparse.ArgumentParser(description="Write results back to Hopsworks.")
    parser.add_argument("--since", required=True, help="from when on results became final, ISO 8601")
    parser.add_argument("--until", required=True, help="until when, exclusive")
    parser.add_argument("--id", help="under which the results database keeps how the job ended")
    options = parser.parse_args(arguments)
    try:
        settings = Settings.of_environment()
        logs.configure(settings.log_format)
        engine = connect(settings.database)
        migrate(engine)
    except PegelError as error:
        # There is nowhere else to say it.
        sys.stderr.write(f"{error}\n")
        return REFUSED if isinstance(error, PermanentError) else FAILED
    result = _run(options.since, options.until, settings, engine)
    if options.id is not None:
        with suppress(TemporaryError):
            JobResults(engine).put(options.id, result, datetime.now(UTC))
    if result.state is not JobEnd.DONE:
        sys.stderr.write(f"{result.sentence}\n")
    else:
        sys.stdout.write(f"{json.dumps(result.result)}\n")
    return CODES[result.state]


def _run(since: str, until: str, settings: Settings, engine: Engine) -> JobResult:
    """Write and say how that ended. What nobody expects is a failure, too, and its trace is logged."""
    try:
        written = _write(_instant(since, "--since"), _instant(until, "--until"), settings, engine)
    except PermanentError as error:
        return JobResult(state=JobEnd.REFUSED, sentence=str(error))
    except TemporaryError as error:
        return JobResult(state=JobEnd.FAILED, sentence=str(error))
    except Exception as error:
        log.exception("failed")
        words = f"{type(error).__name__}: {error}"[:LONGEST_FAILURE].partition("\n")[0]
        told = f"the client of Hopsworks could not finish: {words}. What is missing is written by the next run."
        return JobResult(state=JobEnd.FAILED, sentence=told)
    return JobResult(state=JobEnd.DONE, result=asdict(written))


def _write(since: datetime, until: datetime, settings: Settings, engine: Engine) -> Written:
    with HopsworksClient.logged_in(HopsworksConnection.of(settings)) as client:
        return write_back(ResultExport(engine), BaselineStore(engine), client, since=since, until=until)


def _instant(text: str, option: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise SetupError(f"{option}: expected an instant with its offset from UTC, ISO 8601; given {text!r}.")
    return instant


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
