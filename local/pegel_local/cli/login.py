"""Who logs in to Airflow when a command triggers a workflow there."""

from __future__ import annotations

import os
from pathlib import Path

from pegel.cli.options import home_of
from pegel.errors import SetupError
from pegel_local.machine.paths import Home
from pegel_local.system.stack_file import StackFile


def airflow_login(home: Path | None) -> tuple[str, str]:
    """Return user and password for Airflow: from the environment, else those of the local system. Raises SetupError."""
    user, password = os.environ.get("PEGEL_AIRFLOW_USER"), os.environ.get("PEGEL_AIRFLOW_PASSWORD")
    if user and password:
        return user, password
    state = StackFile(Home(home_of(home))).read()
    if state is None:
        raise SetupError(
            f"no local system is up in {home_of(home)}, and PEGEL_AIRFLOW_USER and PEGEL_AIRFLOW_PASSWORD are not both "
            f"set. Start one with `pegel up`, or set them."
        )
    return state.addresses["user"], state.addresses["password"]
