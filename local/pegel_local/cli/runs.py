"""`pegel runs`: the latest runs of the workflows, how each ended and, of one that failed, why."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from pegel.cli.console import say
from pegel.cli.listed_rows import JsonOption, tell_json, tell_table
from pegel.cli.look_again import WatchOption, look_or_watch
from pegel.cli.options import HomeOption, settings_of
from pegel.errors import InvalidSpec
from pegel.report.progress import ago
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted
from pegel_local.airflow.airflow_api import AirflowApi, Run
from pegel_local.cli.workflow_run import airflow_of

TAG = "pegel"
"""What the workflows of Pegel are tagged with."""
HEAD = ("workflow", "state", "started", "took", "by", "why it failed")


class RunState(StrEnum):
    """How a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"


Workflow = Annotated[str | None, typer.Argument(metavar="[WORKFLOW]", help="Of one alone, e.g. model_onboard.")]
State = Annotated[RunState | None, typer.Option("--state", help="Those that stand so alone.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100, help="How many, the latest first.")]


def runs(  # noqa: PLR0917  options are named on the command line
    workflow: Workflow = None,
    state: State = None,
    limit: Limit = 20,
    as_json: JsonOption = False,
    watch: WatchOption = False,
    home: HomeOption = None,
) -> None:
    """List the latest runs of the workflows, the newest first, and of each that failed, why."""
    with airflow_of(settings_of(home), home) as airflow:
        dags = _meant(airflow, workflow)
        states = [] if state is None else [state.value]

        def look() -> None:
            known, now = airflow.runs_of(dags, limit, states=states), datetime.now(UTC)
            if as_json:
                tell_json("runs", [_plain(run, airflow) for run in known], on_one_line=watch)
                return
            tell_table(HEAD, [_cells(run, now) for run in known])
            if not known:
                say(f"no run of {workflow or 'any workflow'}{f' is {state.value}' if state else ''}")

        look_or_watch(look, watch=watch, as_json=as_json)


def _meant(airflow: AirflowApi, workflow: str | None) -> list[str]:
    """Return the workflows whose runs are meant. Raises InvalidSpec for one that there is not."""
    known = airflow.tagged(TAG)
    if workflow is None:
        return known
    if workflow not in known:
        guess = did_you_mean(workflow, known, lead=" ")
        raise InvalidSpec(f"expected one of {', '.join(known)}; given {quoted(workflow)}. Nothing was read.{guess}")
    return [workflow]


def _cells(run: Run, now: datetime) -> tuple[str, ...]:
    started = "not yet" if run.started_at is None else ago(run.started_at, now)
    why = "; ".join(run.note.splitlines()).removeprefix("Failed: ") if run.state == RunState.FAILED else ""
    return (run.dag, run.state, started, _took(run, now), run.by, why)


def _took(run: Run, now: datetime) -> str:
    if run.started_at is None:
        return ""
    seconds = ((run.ended_at or now) - run.started_at).total_seconds()
    return f"{seconds:.0f} s" if run.ended else f"{seconds:.0f} s so far"


def _plain(run: Run, airflow: AirflowApi) -> dict[str, Any]:
    instants = {"started_at": run.started_at, "ended_at": run.ended_at}
    return {
        "workflow": run.dag,
        "id": run.id,
        "state": run.state,
        **{name: None if at is None else at.astimezone(UTC).isoformat() for name, at in instants.items()},
        "by": run.by,
        "note": run.note,
        "page": airflow.page(run),
    }
