"""What the processes of the local backends find in their environment: a driver the settings, a model server little.

A model server loads pickles that somebody else made. It gets what a program needs to run on this machine, and neither
the address of the database nor any other variable of whoever started it.
"""

from __future__ import annotations

import os

from pegel.spec.settings import Settings
from pegel_local.processes.process_control import scrubbed

NEEDED = {
    *("HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "TMPDIR", "TZ", "USER"),
    *("LD_LIBRARY_PATH", "OMP_NUM_THREADS", "SSL_CERT_FILE", "SSL_CERT_DIR"),
}
"""Variables that an endpoint's processes inherit."""


def settings_variables(settings: Settings) -> dict[str, str]:
    """Return the settings as the environment variables a process reads them from."""
    fields = settings.model_dump(exclude_none=True)
    return {f"PEGEL_{name.upper()}": str(value) for name, value in fields.items()}


def driver_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a streaming driver: ours without Airflow's secrets, and the settings."""
    return scrubbed(os.environ, **settings_variables(settings))


def endpoint_environment() -> dict[str, str]:
    """Return the environment of a model server, which is told everything else by its command."""
    return {name: value for name, value in os.environ.items() if name in NEEDED}


def proxy_environment(probe_token: str) -> dict[str, str]:
    """Return the environment of a proxy: a command line could be read by every account of this machine."""
    return {**endpoint_environment(), "PROBE_TOKEN": probe_token}
