"""Launcher of the job that writes results back to Hopsworks: `jobs/write_back.py --since TIME --until TIME [--id ID]`.

It is told everything by its arguments and its environment, as the baseline job is, and says under `--id` in the results
database how it ended. Nothing of Spark is started: it runs here because Hopsworks' client is here. Exit codes: 0 done,
1 failed, 2 refused.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

from sqlalchemy import Engine

from pegel.featurestore.hopsworks.client import HopsworksClient
from pegel.featurestore.hopsworks.connection import HopsworksConnection
from pegel.featurestore.hopsworks.writing_back import Written, write_back
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.result_export import ResultExport
from pegel_spark.launched_job import LaunchedJob, instant_of


def main(arguments: list[str]) -> int:
    """Run the job; return its exit code."""
    parser = argparse.ArgumentParser(description="Write results back to Hopsworks.")
    parser.add_argument("--since", required=True, help="from when on results became final, ISO 8601")
    parser.add_argument("--until", required=True, help="until when, exclusive")
    parser.add_argument("--id", help="under which the results database keeps how the job ended")
    options = parser.parse_args(arguments)
    job = LaunchedJob(
        partial(_write, options.since, options.until),
        fails_by=(Exception,),
        told="the client of Hopsworks could not finish: {}. What is missing is written by the next run.",
    )
    return job.run(options.id)


def _write(since_text: str, until_text: str, settings: Settings, engine: Engine) -> Written:
    since, until = instant_of(since_text, "--since"), instant_of(until_text, "--until")
    with HopsworksClient.logged_in(HopsworksConnection.of(settings)) as client:
        return write_back(ResultExport(engine), BaselineStore(engine), client, since=since, until=until)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
