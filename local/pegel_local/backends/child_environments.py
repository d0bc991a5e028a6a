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

LOOK_UPS = (
    *("PEGEL_ONLINE_REDIS", "PEGEL_ENTITY_SECRET"),
    *("PEGEL_HOPSWORKS", "PEGEL_HOPSWORKS_KEY_FILE", "PEGEL_HOPSWORKS_CA", "PEGEL_HOPSWORKS_ONLINE"),
)
"""Settings that a transformer is told beside them; Hopsworks' key itself is in a file."""


def driver_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a streaming driver: ours without Airflow's secrets, and the settings."""
    return scrubbed(os.environ, **settings.variables())


def endpoint_environment() -> dict[str, str]:
    """Return the environment of a model server, which is told everything else by its command."""
    return {name: value for name, value in os.environ.items() if name in NEEDED}


def proxy_environment(probe_token: str) -> dict[str, str]:
    """Return the environment of a proxy: a command line could be read by every account of this machine.

    Where spans go it is told, and the model server not: whoever may write there may hold a password.
    """
    spans = {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}
    return {**endpoint_environment(), **spans, "PROBE_TOKEN": probe_token}


def transformer_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a transformer: where its store is, and what its hashes are made with."""
    known = settings.variables()
    return endpoint_environment() | {name: known[name] for name in LOOK_UPS if name in known}
