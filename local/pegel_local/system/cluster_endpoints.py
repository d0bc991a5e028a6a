"""The endpoints of a cluster in the status: whoever asks may have no right to look at them, so Airflow is asked."""

from __future__ import annotations

from datetime import UTC, datetime

from pegel.cli.watched_model import opened
from pegel.errors import PegelError
from pegel.report.progress import ago
from pegel.spec.settings import Settings
from pegel.store.registry import Registry
from pegel_local.airflow.airflow_api import AirflowApi
from pegel_local.airflow.told_endpoints import ToldEndpoint, told_endpoints
from pegel_local.cli.login import airflow_login
from pegel_local.system.status_line import StatusLine

NOT_TOLD = "an InferenceService of the cluster; Airflow tells no address of it"


def endpoints_in_cluster(settings: Settings) -> list[StatusLine]:
    """Return a line for each watched model with an endpoint of ours: its address, and the command that looks at it.

    Neither Airflow nor the database has to answer: the other sections say that they do not.
    """
    try:
        with opened(settings) as engine:
            specs = [entry.spec for entry in Registry(engine).entries() if entry.spec is not None]
    except PegelError:
        return []
    told, now = _told(settings, {spec.key for spec in specs}), datetime.now(UTC)
    return [
        StatusLine(
            name=spec.endpoint,
            state=_words(told.get(spec.key), now),
            remedy=f"kubectl -n {spec.namespace} get inferenceservice {spec.endpoint}",
        )
        for spec in specs
        if spec.model.uri is not None
    ]


def _told(settings: Settings, keys: set[str]) -> dict[str, ToldEndpoint]:
    """Return by model version what its newest onboarding has found."""
    found = dict[str, ToldEndpoint]()
    try:
        with AirflowApi(settings.airflow_url, *airflow_login(settings.home)) as airflow:
            for each in told_endpoints(airflow, keys):
                found[each.spec.key] = each
    except PegelError:
        return found
    return found


def _words(told: ToldEndpoint | None, now: datetime) -> str:
    if told is None:
        return NOT_TOLD
    return f"at {told.url}, ready when it was onboarded" + (f" {ago(told.at, now)}" if told.at else "")
