"""Where the endpoints of models are, as Airflow's onboarding runs found them: for whoever cannot look at them himself.

In a cluster an endpoint keeps its address for as long as it is there. Whether it is there now, nobody is asked here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pegel.errors import PegelError
from pegel.spec.monitor_spec import MonitorSpec
from pegel_local.airflow.airflow_api import AirflowApi

NEWEST = 100
"""Runs, the newest, among which a model's onboarding is looked for."""


@dataclass(frozen=True, slots=True)
class ToldEndpoint:
    """What a run that onboarded a model has found: the base address of its endpoint, and when it was ready, UTC."""

    spec: MonitorSpec
    url: str
    at: datetime | None


def told_endpoints(airflow: AirflowApi) -> Iterator[ToldEndpoint]:
    """Yield what onboarding runs have found, newest first; runs whose results are gone are passed over.

    Raises as the client does when Airflow does not answer.
    """
    for run in airflow.runs("model_onboard", limit=NEWEST):
        if run.state != "success":
            continue
        try:
            spec = MonitorSpec.parse(airflow.result(run, "validate"))
            url = airflow.result(run, "wait_ready")["url"]
        except (PegelError, KeyError, TypeError):
            continue
        if url:
            yield ToldEndpoint(spec, url, run.ended_at)
