"""Where the endpoints of models are, as Airflow's onboarding runs found them: for whoever cannot look at them himself.

In a cluster an endpoint keeps its address for as long as it is there. Whether it is there now, nobody is asked here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from pegel.errors import PegelError
from pegel.spec.monitor_spec import MonitorSpec
from pegel_local.airflow.airflow_api import AirflowApi, Run

NEWEST = 100
"""Runs, the newest, among which a model's onboarding is looked for."""
MOST_ASKED = 30
"""Runs whose results are asked for: two questions each, and people wait for the answer."""


@dataclass(frozen=True, slots=True)
class ToldEndpoint:
    """What a run that onboarded a model has found: the base address of its endpoint, and when it was ready, UTC."""

    spec: MonitorSpec
    url: str
    at: datetime | None


def told_endpoints(airflow: AirflowApi, wanted: Collection[str]) -> Iterator[ToldEndpoint]:
    """Yield what runs that onboarded `wanted` models have found, newest first: of each key, or name, the newest alone.

    Runs whose results are gone are passed over, and after `MOST_ASKED` of them nobody is asked any more. Raises as the
    client does when Airflow does not answer.
    """
    left, asked = set(wanted), 0
    for run in airflow.runs("model_onboard", limit=NEWEST):
        if run.state != "success" or not _may_be_of(run, left):
            continue
        if asked == MOST_ASKED or not left:
            return
        asked += 1
        try:
            spec = MonitorSpec.parse(airflow.result(run, "validate"))
            url = airflow.result(run, "wait_ready")["url"]
        except (PegelError, KeyError, TypeError):
            continue
        names = {spec.key, spec.model.name} & left
        if url and names:
            left -= names
            yield ToldEndpoint(spec, url, run.ended_at)


def _may_be_of(run: Run, wanted: Collection[str]) -> bool:
    """Say whether a run may have onboarded one of these; what it was started with need not say all of it."""
    given = run.conf.get("model.name"), run.conf.get("model.version")
    parts = (each.partition("/") for each in wanted)
    return any(
        given[0] in {None, name} and (not version or given[1] in {None, version, int(version)})
        for name, _, version in parts
    )
