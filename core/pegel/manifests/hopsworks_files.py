"""The API key of Hopsworks as files of a pod: neither an object nor an environment ever holds it."""

from __future__ import annotations

from typing import Any

from pegel.spec.settings import Settings

VOLUME = "hopsworks"
FOLDER = "/etc/pegel/hopsworks"
"""Where a container finds the files of its Secret."""


def variables(settings: Settings) -> dict[str, str | None]:
    """Return what says where Hopsworks is, and where its files are; None for what is not set."""
    return {
        "PEGEL_HOPSWORKS": settings.hopsworks,
        "PEGEL_HOPSWORKS_PROJECT": settings.hopsworks_project,
        "PEGEL_HOPSWORKS_KEY_FILE": f"{FOLDER}/key",
        "PEGEL_HOPSWORKS_CA": None if settings.hopsworks_ca is None else f"{FOLDER}/ca.pem",
    }


def of_secret(secret: str, name: str = VOLUME) -> dict[str, Any]:
    """Return a Secret as a volume, whose files the group of the pod may read."""
    return {"name": name, "secret": {"secretName": secret, "defaultMode": 0o440}}
