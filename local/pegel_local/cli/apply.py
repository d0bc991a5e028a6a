"""`pegel apply FILE`: put a model under watch through Airflow's public API, as its form does; `-f FOLDER`: many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pegel.cli.console import err, say
from pegel.cli.options import HomeOption, same_home, settings_of
from pegel.cli.world_check import problems_of
from pegel.data import example_request, wire
from pegel.errors import InvalidSpec, PegelError
from pegel.judge.outlook import Line, aligned
from pegel.spec.given_spec import GivenSpec, given_spec
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.plain_numbers import how_many
from pegel.spec.settings import SETTINGS_FILE, Settings
from pegel_local.airflow.airflow_api import AirflowApi, Run, answers
from pegel_local.airflow.named_in_routes import routes_lines
from pegel_local.cli.folder_apply import apply_folder
from pegel_local.cli.folder_plan import FolderOption
from pegel_local.cli.workflow_run import VerboseOption, WaitOption, airflow_of, run_workflow

FileArgument = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="One spec in YAML or JSON; - reads it from standard input.")
]
Prune = Annotated[
    bool, typer.Option("--prune", help="With -f: offboard what is watched and not in it; what was measured stays.")
]

Yes = Annotated[bool, typer.Option("--yes", help="With --prune: do it, whatever it takes out of service.")]


def apply(  # noqa: PLR0917  options are named on the command line
    file: FileArgument = None,
    files: FolderOption = None,
    prune: Prune = False,
    yes: Yes = False,
    wait: WaitOption = False,
    verbose: VerboseOption = False,
    home: HomeOption = None,
) -> None:
    """Onboard the model of a spec, or with -f of every new or changed one in a folder: endpoint, baseline, monitor."""
    if (file is None) == (not files):
        given = "neither" if file is None else "both"
        raise InvalidSpec(f"expected FILE, or a folder of specs with -f, given {given}. Nothing was started.")
    if files:
        apply_folder(files, prune=prune, yes=yes, wait=wait, verbose=verbose, home=home)
        return
    if prune:
        raise InvalidSpec("--prune: expected -f FOLDER with it, given one file. Nothing was started.")
    _apply_one(file or Path("-"), wait=wait, verbose=verbose, home=home)


def _apply_one(file: Path, *, wait: bool, verbose: bool, home: HomeOption) -> None:
    given, settings = given_spec(file), settings_of(home)
    spec = _accepted(given, settings)
    params, what = answers(spec.to_json()), f"{spec.key}: onboarding"
    with airflow_of(settings, home) as airflow:
        for line in _before(spec, settings):
            say(line)
        for line in routes_lines([spec], airflow, settings):
            say(line, err)
        ended = run_workflow(airflow, "model_onboard", params, goal="register", what=what, wait=wait, verbose=verbose)
        if ended is None:
            say(f"when it is done, `pegel status{same_home(home)}` shows the endpoint's address and how the model is")
            return
        say("\n".join([f"{spec.key}: onboarded", *_next_steps(airflow, ended, spec, settings, whole=verbose)]))


def _before(spec: MonitorSpec, settings: Settings) -> list[str]:
    """Return what has to be set up elsewhere for the run to succeed: where a server's own logger sends its events."""
    if spec.model.logged_by == "proxy":
        return []
    marks = {wire.HEADER_ENDPOINT: spec.endpoint, wire.HEADER_NAMESPACE: spec.namespace}
    named = ", ".join(f"{wire.http_name(header)}: {value}" for header, value in marks.items())
    return [f"the logger of {spec.model.place} has to post its CloudEvents to {settings.logger_url} with {named}"]


def _accepted(given: GivenSpec, settings: Settings) -> MonitorSpec:
    """Return the spec. Raises InvalidSpec with a line for each problem that would fail the run a minute later.

    The world is looked at only where the system is one of this machine: another's folders are not here.
    """
    problems = problems_of(given, settings if (settings.home / SETTINGS_FILE).is_file() else None)
    if given.whole is None or problems:
        raise InvalidSpec("\n".join([*problems, "Nothing was started."]))
    return given.whole


def _next_steps(airflow: AirflowApi, run: Run, spec: MonitorSpec, settings: Settings, *, whole: bool) -> list[str]:
    """Return what one needs next: endpoint, page, what will be judged and from when, and a request to try.

    The request is the one that the run's probe has sent, so it is known to be answered. Where Airflow does not hand out
    what its tasks returned, only the page is named: the model is onboarded all the same.
    """
    page = Line("page", f"{settings.page_url.rstrip('/')}/models/{spec.key}")
    try:
        url, profiled = airflow.result(run, "wait_ready")["url"], airflow.result(run, "baseline")
        request = airflow.result(run, "send_probe").get("request")
        outlook = airflow.result(run, "register")["whole" if whole else "brief"]
    except PegelError:
        return [aligned([page])]
    where = spec.model.place if url is None else example_request.address(spec, url)
    lines = [
        Line("table" if spec.model.is_table else "endpoint", where),
        page,
        Line("baseline", f"{how_many(profiled['rows'], 'row')}, {how_many(profiled['features'], 'field')}"),
        *map(Line.from_json, outlook),
    ]
    # What Hopsworks serves was not asked.
    tried = [] if url is None or request is None else ["", example_request.command(spec, url, request)]
    return [aligned(lines), *tried]
