"""`pegel offboard MODEL`: take a model out of watch and service through Airflow's public API, as its form does."""

from __future__ import annotations

from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.watched_model import ModelArgument, VersionOption, opened, watched_model
from pegel.spec.names import monitor_key
from pegel_local.cli.workflow_run import VerboseOption, WaitOption, airflow_of, run_workflow

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
    what = f"{key}: offboarding"
    with airflow_of(settings, home) as airflow:
        if run_workflow(airflow, "model_offboard", params, what=what, wait=wait, verbose=verbose) is None:
            return
    kept = "what was measured is deleted" if forget else "what was measured stays"
    say(f"{key}: neither watched nor served any more; {kept}")
