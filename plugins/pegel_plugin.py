"""What Airflow registers: the monitoring page, its entry in the navigation, and what writes notes of failed runs."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from pegel_airflow import run_note
from pegel_airflow.page.app import build
from pegel_airflow.page.every_address import EveryAddress

PREFIX = "/pegel"


class PegelPlugin(AirflowPlugin):
    """The monitoring page at `/pegel`, shown inside Airflow's frame."""

    name = "pegel"
    # Airflow declares both as instance variables and reads them from the class.
    fastapi_apps = [{"name": "Pegel", "app": build(), "url_prefix": PREFIX}]  # noqa: RUF012
    fastapi_root_middlewares = [  # noqa: RUF012
        {"name": "Pegel", "middleware": EveryAddress, "kwargs": {"prefix": PREFIX}},
    ]
    external_views = [  # noqa: RUF012
        {"name": "Pegel", "href": "/pegel/", "destination": "nav", "url_route": "pegel"},
    ]
    listeners = [run_note]  # noqa: RUF012
