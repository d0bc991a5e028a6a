"""Whether Airflow has the connections that routes of alerts name, and how one that it has not is made.

Airflow looks for a connection in its own environment and in a secrets backend, too, which nobody else can ask. So one
that its database has not is a warning, and stops nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

from pegel.spec.alert_routes import CONNECTION_PREFIX, is_service, service_of
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.settings import AIRFLOW_DATABASE, Settings

WITHIN_S: Final = 2.0
"""How long a lock of Airflow's database is waited for."""
_MADE: Final = {
    "slack": ("https://hooks.slack.com/services", "T000/B000/XXXX"),
    "teams": ("ADDRESS", "LAST-PART"),
    "pagerduty": ("https://events.pagerduty.com", "INTEGRATION-KEY"),
    "webhook": ("ADDRESS", "LAST-PART"),
}
"""Host and password of a service's connection, as docs/alerting.md has them."""


def named_connections(specs: Iterable[MonitorSpec]) -> dict[str, str]:
    """Return the ids of the connections that routes of these specs name, each with its service, in their order."""
    addresses = (address for spec in specs for route in spec.alerts.routes for address in route.to)
    return {name: service for service, name in map(service_of, filter(is_service, addresses))}


def connection_lines(spec: MonitorSpec, settings: Settings | None) -> tuple[list[str], str]:
    """Return a line for each named connection that the database of a local Airflow has not, and why nobody looked.

    Both are empty where nothing is wrong, or no connection is named. `settings`: None where no system is up.
    """
    named = named_connections([spec])
    if not named:
        return [], ""
    if settings is None:
        return [], not_looked_for(named, "no system is up here")
    file = settings.home / AIRFLOW_DATABASE
    if not file.is_file():
        return [], not_looked_for(named, f"no database of an Airflow is in {shown(str(settings.home))}")
    try:
        there = _there(file)
    except sqlite3.Error as error:
        why = f"{shown(str(file))} cannot be read ({shown(str(error), LONGEST_SENTENCE)})"
        return [], not_looked_for(named, why)
    return missing_lines(named, there, settings.airflow_url), ""


def missing_lines(named: Mapping[str, str], there: Collection[str], airflow: str) -> list[str]:
    """Return a line for each connection that is not `there`, with two ways to make it. `airflow`: its address."""
    return [_missing(name, service, airflow) for name, service in named.items() if name not in there]


def not_looked_for(named: Iterable[str], why: str) -> str:
    """Return that nobody knows whether there are such connections."""
    return f"whether Airflow has the connections that alerts.routes names ({', '.join(named)}): {why}"


def _missing(name: str, service: str, airflow: str) -> str:
    host, password = _MADE[service]
    address = f"{service}:{name.removeprefix(CONNECTION_PREFIX)}"
    return (
        f"alerts.routes: {address} is told by the connection {name} of Airflow, whose database has none of that name: "
        f"nobody is told there until it is made, at {airflow.rstrip('/')}/connections or by `airflow connections add "
        f"{name} --conn-type http --conn-host {host} --conn-password {password}`"
    )


def _there(file: Path) -> set[str]:
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True, timeout=WITHIN_S)) as database:
        return {str(name) for (name,) in database.execute("SELECT conn_id FROM connection")}
