"""`pegel plan`: what the reconciler would do now; with `-f FOLDER`, what applying the specs there would do."""

from __future__ import annotations

import typer

from pegel.cli.console import say
from pegel.cli.listed_rows import JsonOption, tell_json
from pegel.cli.options import HomeOption, settings_of
from pegel.errors import InvalidSpec
from pegel.report.folder_change_words import change_json, plan_lines
from pegel_local.cli.folder_plan import FolderOption, folder_plan, has_invalid
from pegel_local.cli.workflow_run import VerboseOption, airflow_of, run_workflow

REFUSED = 2


def plan(
    files: FolderOption = None,
    *,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
    home: HomeOption = None,
) -> None:
    """Show what reconciling would do, or with -f what applying a folder of specs would; nothing is moved."""
    if files:
        _plan_specs(files, as_json=as_json, home=home)
        return
    if as_json:
        raise InvalidSpec("--json: expected -f FOLDER with it; the plan of reconciling is a text. Nothing was planned.")
    with airflow_of(settings_of(home), home) as airflow:
        ended = run_workflow(
            airflow,
            "monitoring_reconcile",
            {"dry_run": True},
            goal="report",
            what="planning",
            wait=True,
            verbose=verbose,
        )
        if ended is not None:
            say(str(airflow.result(ended, "report")))


def _plan_specs(files: FolderOption, *, as_json: bool, home: HomeOption) -> None:
    changes = folder_plan(settings_of(home), files or [])
    if as_json:
        tell_json("plan", [change_json(change) for change in changes], on_one_line=False)
    else:
        for line in plan_lines(changes):
            say(line)
    if has_invalid(changes):
        raise typer.Exit(REFUSED)
