"""`pegel offboard MODEL`: take a model out of watch and service through Airflow's public API, as its form does."""

from __future__ import annotations

from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.watched_model import ModelArgument, VersionOption, opened
from pegel.errors import InvalidSpec
from pegel.spec.names import endpoint, monitor_key
from pegel.spec.settings import Settings
from pegel.store.meant_model import watched_model
from pegel_local.backends.endpoint_processes import LocalServingBackend
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
    name, number = _meant(settings, model, version)
    key = monitor_key(name, number)
    params = {"model": name, "version": number, "keep_data": not forget}
    what = f"{key}: offboarding"
    with airflow_of(settings, home) as airflow:
        goal = "forget_results" if forget else "delete_endpoint"
        if run_workflow(airflow, "model_offboard", params, goal=goal, what=what, wait=wait, verbose=verbose) is None:
            return
    kept = "what was measured is deleted" if forget else "what was measured stays"
    say(f"{key}: neither watched nor served any more; {kept}")


def _meant(settings: Settings, model: str, version: int | None) -> tuple[str, int]:
    """Return the model version to take out: one that is watched, or one that is not and still has an endpoint here."""
    try:
        with opened(settings) as engine:
            entry = watched_model(engine, model, version, otherwise="Nothing was changed.")
    except InvalidSpec:
        if (left := _half_gone(settings, model, version)) is None:
            raise
        return left
    return entry.model, entry.version


def _half_gone(settings: Settings, model: str, version: int | None) -> tuple[str, int] | None:
    """Return a model version that is named in full and still has an endpoint here; None if there is none such.

    An offboarding that was interrupted leaves it behind, when the registry knows nothing of it any more.
    """
    name, _, stated = model.partition("/")
    number = version if version is not None else int(stated) if stated.isdecimal() else None
    if number is None or model not in {name, monitor_key(name, number)} or not settings.serves_on_this_machine:
        return None
    return (name, number) if endpoint(name, number) in LocalServingBackend(settings).names() else None
