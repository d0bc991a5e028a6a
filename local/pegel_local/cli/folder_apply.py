"""`pegel apply -f FOLDER`: every spec by itself, so that one that fails holds up no other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from pegel.cli.console import err, say
from pegel.cli.options import HomeOption, same_home, settings_of
from pegel.errors import InvalidSpec, PegelError
from pegel.reconcile.folder_changes import FolderChange, FolderChangeKind
from pegel.report.folder_change_words import plan_lines
from pegel.report.words import several
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel_local.airflow.airflow_api import AirflowApi, answers
from pegel_local.airflow.named_in_routes import routes_lines
from pegel_local.cli.folder_plan import PARTLY, folder_plan
from pegel_local.cli.workflow_run import StartedWorkflow, airflow_of, start_workflow

REFUSED = 2


def apply_folder(
    places: Sequence[Path], *, prune: bool, yes: bool, wait: bool, verbose: bool, home: HomeOption
) -> None:
    """Onboard what is new or changed and, with `prune`, offboard what only the registry has; what is the same stays.

    Raises InvalidSpec where something would be offboarded and nobody said `yes`: the folder may be one team's alone.
    Raises typer.Exit: `PARTLY` where some could not be applied, 2 where every file is invalid, 1 where nothing worked.
    """
    settings = settings_of(home)
    changes = folder_plan(settings, places)
    invalid = [change for change in changes if change.kind is FolderChangeKind.INVALID]
    extra = [change for change in changes if change.kind is FolderChangeKind.EXTRA]
    for line in plan_lines(changes, prune=prune and not invalid):
        say(line)
    if prune and invalid and extra:
        say("nothing is deleted while a file is invalid: it may be that of a model which would go", err)
    gone = extra if prune and not invalid else []
    if gone and not yes:
        names = several([change.key for change in gone], 5)
        raise InvalidSpec(f"expected --yes: {names} would be taken out of service. Nothing was started.")
    due = [change for change in changes if change.is_due]
    failed = list[str]()
    if due or gone:
        with airflow_of(settings, home) as airflow:
            for line in routes_lines([change.spec for change in due if change.spec is not None], airflow, settings):
                say(line, err)
            started = _started(airflow, [*map(_onboarding, due), *map(_offboarding, gone)], failed)
            for one in started if wait else ():
                _followed(one, failed, verbose=verbose)
    for sentence in failed:
        say(sentence, err)
    if due and not wait and len(failed) < len(due):
        say(f"when they are done, `pegel status{same_home(home)}` shows the endpoints and how the models are")
    if failed or invalid:
        well = len(changes) - len(invalid) - len(extra) + len(gone) - len(failed)
        raise typer.Exit(PARTLY if well else 1 if failed else REFUSED)


def _onboarding(change: FolderChange) -> tuple[str, str, dict[str, Any], str]:
    data = {} if change.spec is None else change.spec.to_json()
    return "model_onboard", f"{change.key}: onboarding", answers(data), "register"


def _offboarding(change: FolderChange) -> tuple[str, str, dict[str, Any], str]:
    name, _, version = change.key.rpartition("/")
    params = {"model": name, "version": int(version), "keep_data": True}
    return "model_offboard", f"{change.key}: offboarding", params, "delete_endpoint"


def _started(
    airflow: AirflowApi, wanted: Sequence[tuple[str, str, dict[str, Any], str]], failed: list[str]
) -> list[StartedWorkflow]:
    """Start what is wanted; what Airflow does not start is told in `failed`, and the others go on."""
    started = list[StartedWorkflow]()
    for dag, what, params, goal in wanted:
        try:
            started.append(start_workflow(airflow, dag, params, goal=goal, what=what))
        except PegelError as error:
            failed.append(f"{what} was not started: {shown(str(error), LONGEST_SENTENCE)}")
    return started


def _followed(one: StartedWorkflow, failed: list[str], *, verbose: bool) -> None:
    try:
        one.follow(verbose=verbose)
    except PegelError as error:
        failed.append(str(error))
    else:
        say(f"{one.what} is done")
