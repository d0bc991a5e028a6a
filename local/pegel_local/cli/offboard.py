"""`pegel offboard MODEL`: take a model out of watch and service through Airflow's public API, as its form does."""

from __future__ import annotations

from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.watched_model import ModelArgument, VersionOption, opened, watched_model
from pegel.spec.names import monitor_key
from pegel_local.airflow.airflow_api import AirflowApi
from pegel_local.cli.login import airflow_login
from pegel_local.cli.workflow_run import VerboseOption, WaitOption, follow, start

Forget = Annotated[
    bool, typer.Option("--forget", help="Delete what was measured, too: windows, findings, outliers and ledger.")
]


def offboard(
    model: ModelArgument,
    version: VersionOption = None,
    *,
    forget: Forget = False,
    wait: WaitOption = False,
    verbose: VerboseOption = False,
    home: HomeOption = None,
) -> None:
    """Stop watching a model version and remove its endpoint; what was measured stays unless told otherwise."""
    settings = settings_of(home)
    with opened(settings) as engine:
        entry = watched_model(engine, model, version, otherwise="Nothing was changed.")
    key = monitor_key(entry.model, entry.version)
    params = {"model": entry.model, "version": entry.version, "keep_data": not forget}
    user, password = airflow_login(home)
    with AirflowApi(settings.airflow_url, user, password) as airflow:
        run = start(airflow, "model_offboard", params, what=f"{key}: offboarding")
        if not wait:
            return
        follow(airflow, run, what=f"{key}: offboarding", verbose=verbose)
    kept = "what was measured is deleted" if forget else "what was measured stays"
    say(f"{key}: neither watched nor served any more; {kept}")
