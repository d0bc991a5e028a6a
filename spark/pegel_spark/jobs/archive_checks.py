"""Launcher of the job that looks at archived rows: `jobs/archive_checks.py --since TIME --until TIME [--id ID]`.

Quality of an hour or a day by Great Expectations, and what was served beside its table, of each watched model that asks
for it. It is told everything by its arguments and its environment, as the baseline job is, and says under `--id` in the
results database how it ended. Exit codes: 0 done, 1 failed, 2 refused.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from functools import partial

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from sqlalchemy import Engine

from pegel.data.spans import Span
from pegel.quality.archive_checks_wanted import wants_archive_checks
from pegel.spec.settings import Settings
from pegel.store.registry import Registry
from pegel_spark import session
from pegel_spark.archived_row_checks import ArchiveChecks, RowsLookedAt
from pegel_spark.launched_job import LaunchedJob, instant_of


def main(arguments: list[str]) -> int:
    """Run the job; return its exit code."""
    parser = argparse.ArgumentParser(description="Look at archived rows.")
    parser.add_argument("--since", required=True, help="from when on requests came, ISO 8601")
    parser.add_argument("--until", required=True, help="until when, exclusive")
    parser.add_argument("--model", action="append", default=[], help="`name/version`, again for each; all without")
    parser.add_argument("--id", help="under which the results database keeps how the job ended")
    options = parser.parse_args(arguments)
    job = LaunchedJob(
        partial(_asked, options.since, options.until, frozenset(options.model)),
        fails_by=(Py4JError, PySparkException, OSError, MemoryError),
        told="Spark could not finish the job: {}. What was looked at is kept.",
    )
    return job.run(options.id)


def _asked(since: str, until: str, models: frozenset[str], settings: Settings, engine: Engine) -> RowsLookedAt:
    return checked(Span(instant_of(since, "--since"), instant_of(until, "--until")), models, settings, engine)


def checked(span: Span, models: frozenset[str], settings: Settings, engine: Engine) -> RowsLookedAt:
    """Look at the rows of a span of these models, `name/version` each; of all watched ones where none is named."""
    told = RowsLookedAt()
    entries = (entry.spec for entry in Registry(engine).entries() if entry.spec is not None)
    specs = [spec for spec in entries if wants_archive_checks(spec) and (not models or spec.key in models)]
    if not specs:
        # Nobody asks: Spark is not started for that.
        return told
    with session.stopped_after(session.build("pegel-archive-checks", settings)) as spark:
        checks = ArchiveChecks(spark, settings, engine, span, datetime.now(UTC))
        for spec in specs:
            checks.look_at(spec, told)
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
