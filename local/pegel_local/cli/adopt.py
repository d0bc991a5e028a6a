"""`pegel adopt NAMESPACE/NAME`: have an InferenceService that somebody else made logged, or no more."""

from __future__ import annotations

from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel_local.cli.workflow_run import VerboseOption, airflow_of, run_workflow

Service = Annotated[str, typer.Argument(metavar="NAMESPACE/NAME", help="Where it is and what it is called.")]
Release = Annotated[bool, typer.Option("--release", help="Give it back: take our logger away again.")]


def adopt(
    service: Service, *, release: Release = False, verbose: VerboseOption = False, home: HomeOption = None
) -> None:
    """Send what an InferenceService is asked and answers to Pegel's logger; nothing else of it is changed."""
    params = {"service": service, "release": release}
    what = f"{service}: {'releasing' if release else 'adopting'}"
    with airflow_of(settings_of(home), home) as airflow:
        ended = run_workflow(airflow, "endpoint_adopt", params, goal="adopt", what=what, wait=True, verbose=verbose)
        if ended is not None:
            say(str(airflow.result(ended, "adopt")))
