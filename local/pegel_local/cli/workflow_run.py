"""A workflow that a command starts through Airflow's public API, and what the command says of its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from pegel.cli.console import INTERRUPTED, say
from pegel.cli.options import HomeOption
from pegel.errors import PermanentError
from pegel.spec.settings import Settings
from pegel_local.airflow.airflow_api import AirflowApi, Run
from pegel_local.airflow.failed_tasks import LOG_LINES, why_failed
from pegel_local.cli.login import airflow_login

WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until it is done, at most ten minutes.")]
VerboseOption = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Show more: all that is known of how a model will be judged, the ends of the logs of failed tasks.",
    ),
]
WITHIN_S = 600.0


@contextmanager
def airflow_of(settings: Settings, home: HomeOption) -> Iterator[AirflowApi]:
    """Ask the Airflow of a home, as its user."""
    user, password = airflow_login(home)
    with AirflowApi(settings.airflow_url, user, password) as airflow:
        yield airflow


def run_workflow(
    airflow: AirflowApi, dag: str, params: dict[str, Any], *, what: str, wait: bool, verbose: bool
) -> Run | None:
    """Start a workflow and say so: `what`, e.g. `delays/1: onboarding`, and the address of the run.

    Returns the run once it has succeeded, None where nobody is to wait. Raises as `_follow`.
    """
    run = airflow.trigger(dag, params)
    say(f"{what} started, run {airflow.page(run)}")
    return _follow(airflow, run, what=what, verbose=verbose) if wait else None


def _follow(airflow: AirflowApi, run: Run, *, what: str, verbose: bool) -> Run:
    """Wait for a run's success.

    Raises PermanentError with a line for each failed task, Unavailable if the run takes longer than `WITHIN_S`. An
    interrupt ends the waiting, not the run.
    """
    try:
        ended = airflow.wait(run, within_s=WITHIN_S)
    except KeyboardInterrupt as error:
        say(f"interrupted: nobody waits any more, and {what} goes on: {airflow.page(run)}")
        raise typer.Exit(INTERRUPTED) from error
    if ended.state != "success":
        why = why_failed(airflow, ended, log_lines=LOG_LINES if verbose else 0)
        raise PermanentError(f"{what} failed.\n{why}\nwhole logs (their ends with -v): {airflow.page(ended)}")
    return ended
