"""Whether an Airflow has the connections that specs name, as its API says."""

from __future__ import annotations

from collections.abc import Iterable

from pegel.cli.route_connections import missing_lines, named_connections, not_looked_for
from pegel.errors import PegelError
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.settings import Settings
from pegel_local.airflow.airflow_api import AirflowApi


def routes_lines(specs: Iterable[MonitorSpec], airflow: AirflowApi, settings: Settings) -> list[str]:
    """Return a line for each connection that routes of these specs name and Airflow has not, each once.

    Where whoever has logged in may not see connections, a line that nobody looked.
    """
    named = named_connections(specs)
    try:
        there = [name for name in named if airflow.has_connection(name)]
    except PegelError as error:
        return [f"not looked at: {not_looked_for(named, shown(str(error), LONGEST_SENTENCE))}"]
    return missing_lines(named, there, settings.airflow_url)
