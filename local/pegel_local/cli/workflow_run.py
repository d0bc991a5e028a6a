"""A workflow that a command starts through Airflow's public API, and what the command says of its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from pegel.cli.console import INTERRUPTED, aside, say
from pegel.cli.options import HomeOption
from pegel.errors import PermanentError
from pegel.spec.settings import Settings
from pegel_local.airflow.airflow_api import AirflowApi, Run, Task
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
WORD_EVERY_S = 15.0
"""How long nothing is said while a run goes on."""
GOING = ("scheduled", "queued", "running", "deferred", "up_for_retry", "up_for_reschedule", "restarting")
"""States of a task that has begun, or is about to, and has not ended."""
NEVER = ("failed", "upstream_failed", "skipped", "removed")
"""States of a task that has not done its work and will not."""


class WaitingWords:
    """Says now and then which tasks of a run are at work, so that nobody takes a long one for one that hangs."""

    def __init__(self, what: str, tell: Callable[[str], None], seconds: Callable[[], float] = time.monotonic) -> None:
        """Begin to count. `seconds` is a clock that never goes back."""
        self._what, self._tell, self._seconds = what, tell, seconds
        self._began = self._said_at = seconds()

    def look(self, run: Run, tasks: Iterable[Task]) -> None:
        """Say what is at work, unless something was said less than `WORD_EVERY_S` ago."""
        now = self._seconds()
        if run.ended or now - self._said_at < WORD_EVERY_S:
            return
        self._said_at = now
        at_work = dict.fromkeys(f"{task.id} ({task.state})" for task in tasks if task.state in GOING)
        at_what = ", ".join(at_work) or f"the run is {run.state}"
        self._tell(f"{self._what} goes on, {now - self._began:.0f} s: {at_what}")


@contextmanager
def airflow_of(settings: Settings, home: HomeOption) -> Iterator[AirflowApi]:
    """Ask the Airflow of a home, as its user."""
    user, password = airflow_login(home)
    with AirflowApi(settings.airflow_url, user, password) as airflow:
        yield airflow


def run_workflow(
    airflow: AirflowApi, dag: str, params: dict[str, Any], *, goal: str, what: str, wait: bool, verbose: bool
) -> Run | None:
    """Start a workflow and say so: `what`, e.g. `delays/1: onboarding`, and the address of the run.

    `goal` is the task that does what the workflow is for. Returns the run once it and that task have succeeded, None
    where nobody is to wait. Raises as `_follow`.
    """
    started = start_workflow(airflow, dag, params, goal=goal, what=what)
    return started.follow(verbose=verbose) if wait else None


@dataclass(frozen=True, slots=True)
class StartedWorkflow:
    """A run that goes on: what it is for, in words, and the task that does it."""

    airflow: AirflowApi
    run: Run
    goal: str
    what: str

    def follow(self, *, verbose: bool) -> Run:
        """Wait for the success of the run and of its goal. Raises as `_follow`."""
        log_lines = LOG_LINES if verbose else 0
        return _follow(self.airflow, self.run, goal=self.goal, what=self.what, log_lines=log_lines)


def start_workflow(airflow: AirflowApi, dag: str, params: dict[str, Any], *, goal: str, what: str) -> StartedWorkflow:
    """Start a workflow and say so, see `run_workflow`. Raises what `AirflowApi.trigger` raises."""
    run = airflow.trigger(dag, params)
    say(f"{what} started, run {airflow.page(run)}")
    return StartedWorkflow(airflow, run, goal, what)


def _follow(airflow: AirflowApi, run: Run, *, goal: str, what: str, log_lines: int) -> Run:
    """Wait for a run's success.

    Raises PermanentError with a line for each failed task as soon as its goal cannot be reached any more, Unavailable
    if the run takes longer than `WITHIN_S`. An interrupt ends the waiting, not the run.
    """
    words = WaitingWords(what, lambda text: say(text, aside))

    def look(now: Run) -> None:
        tasks = airflow.tasks(now)
        state = next((task.state for task in tasks if task.id == goal), None)
        # A run that was ended by hand may be called a success for its last task, a teardown, which runs all the same.
        if state in NEVER or (now.ended and (now.state, state) != ("success", "success")):
            why = why_failed(airflow, now, goal=goal, log_lines=log_lines)
            onward = "" if now.ended else "\nThe run still clears up: wait for its end before you start it again."
            raise PermanentError(f"{what} failed.\n{why}\nwhole logs (their ends with -v): {airflow.page(now)}{onward}")
        words.look(now, tasks)

    try:
        return airflow.wait(run, within_s=WITHIN_S, look=look)
    except KeyboardInterrupt as error:
        say(f"interrupted: nobody waits any more, and {what} goes on: {airflow.page(run)}")
        raise typer.Exit(INTERRUPTED) from error
