"""`pegel apply FILE`: put a model under watch through Airflow's public API, as its form does."""

from __future__ import annotations

from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.options import HomeOption, SpecArgument, settings_of
from pegel.errors import PermanentError
from pegel.spec.model_roots import refuse_model_outside
from pegel.spec.monitor_spec import MonitorSpec
from pegel_local.airflow.airflow_api import AirflowApi, answers
from pegel_local.cli.login import airflow_login

Wait = Annotated[bool, typer.Option("--wait", help="Wait until the model is onboarded, at most ten minutes.")]
WITHIN_S = 600.0


def apply(file: SpecArgument, wait: Wait = False, home: HomeOption = None) -> None:
    """Onboard the model of a spec: endpoint, logging, baseline, monitor."""
    spec, settings = MonitorSpec.from_file(file), settings_of(home)
    refuse_model_outside(spec.model.uri, settings.allowed_models)
    user, password = airflow_login(home)
    with AirflowApi(settings.airflow_url, user, password) as airflow:
        run = airflow.trigger("model_onboard", answers(spec.to_json()))
        say(f"{spec.key}: onboarding started, run {run.id}")
        if not wait:
            return
        ended = airflow.wait(run, within_s=WITHIN_S)
        if ended.state != "success":
            raise PermanentError(f"{spec.key} was not onboarded.\n{airflow.why_failed(ended)}")
    say(f"{spec.key}: onboarded")
