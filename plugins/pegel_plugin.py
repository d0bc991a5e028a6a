"""What Airflow registers: the monitoring page, and its entry in the navigation."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from pegel_airflow.page.app import build


class PegelPlugin(AirflowPlugin):
    """The monitoring page at `/pegel`, shown inside Airflow's frame."""

    name = "pegel"
    # Airflow declares both as instance variables and reads them from the class.
    fastapi_apps = [{"name": "Pegel", "app": build(), "url_prefix": "/pegel"}]  # noqa: RUF012
    external_views = [  # noqa: RUF012
        {"name": "Pegel", "href": "/pegel/", "destination": "nav", "url_route": "pegel"},
    ]
