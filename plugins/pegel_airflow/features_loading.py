"""Provision: a table fills a view of the online store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pegel.spec.settings import Settings


def load(settings: Settings, params: Mapping[str, Any]) -> str:
    """Load what the parameters of the workflow say; return what became of the rows, and print it.

    A run that is tried again does no harm: of each entity the latest row stays.
    """
    from pegel.notebook import feature_loading
    from pegel.online.stores import loadable_store

    loaded = feature_loading.load(
        params["data"],
        loadable_store(params["to"], settings),
        keys=params["keys"],
        time=params["time"],
        features=params["features"] or None,
        texts=params["texts"],
    )
    print(f"{params['to']}: {loaded}")  # noqa: T201 - a task's output is its log
    return str(loaded)
