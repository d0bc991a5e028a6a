"""The services that tasks and page use, each chosen by the settings: the database, the feature store, two backends.

Everything heavy is imported where it is used, because workflow files import this module each time they are parsed.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pegel.errors import SetupError, Unavailable

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from pegel.featurestore.feature_store import FeatureStore
    from pegel.reconcile.job_backend import JobBackend
    from pegel.reconcile.serving_backend import EndpointStatus, ServingBackend
    from pegel.spec.settings import Settings
    from pegel.store.action_log import ActionLog
    from pegel.store.alert_store import AlertStore
    from pegel.store.baseline_store import BaselineStore
    from pegel.store.dispatch_failures import DispatchFailures
    from pegel.store.job_results import JobResults
    from pegel.store.registry import Registry
    from pegel.store.results import Results

LOCAL_JOBS = "pegel_local.backends.driver_processes:LocalJobBackend"
LOCAL_SERVING = "pegel_local.backends.endpoint_processes:LocalServingBackend"


@dataclass(frozen=True, slots=True)
class Stores:
    """The faces of the results database."""

    registry: Registry
    results: Results
    alerts: AlertStore
    actions: ActionLog
    baselines: BaselineStore
    failures: DispatchFailures
    jobs: JobResults


def stores(settings: Settings) -> Stores:
    """Open the results database, with its tables up to date. Raises Unavailable or SetupError."""
    from pegel.store.action_log import ActionLog
    from pegel.store.alert_store import AlertStore
    from pegel.store.baseline_store import BaselineStore
    from pegel.store.dispatch_failures import DispatchFailures
    from pegel.store.job_results import JobResults
    from pegel.store.registry import Registry
    from pegel.store.results import Results

    opened = engine(settings.database)
    return Stores(
        registry=Registry(opened),
        results=Results(opened),
        alerts=AlertStore(opened),
        actions=ActionLog(opened),
        baselines=BaselineStore(opened),
        failures=DispatchFailures(opened),
        jobs=JobResults(opened),
    )


def features(settings: Settings) -> FeatureStore:
    """Open the feature store."""
    from pegel.featurestore.local_feature_store import LocalFeatureStore

    return LocalFeatureStore(settings.features)


def jobs(settings: Settings) -> JobBackend:
    """Return what runs streaming drivers. Raises SetupError if the name in the settings leads nowhere."""
    backend: JobBackend = _chosen(settings.job_backend, LOCAL_JOBS, "PEGEL_JOB_BACKEND", settings)
    return backend


def serving(settings: Settings) -> ServingBackend:
    """Return what runs model servers. Raises SetupError if the name in the settings leads nowhere."""
    backend: ServingBackend = _chosen(settings.serving_backend, LOCAL_SERVING, "PEGEL_SERVING_BACKEND", settings)
    return backend


def look_at_candidate(settings: Settings, endpoint: str) -> EndpointStatus:
    """Look now at what is to serve under an endpoint's name."""
    return serving(settings).staged(endpoint)


def findings_wait(settings: Settings) -> bool:
    """Say whether a finding waits to be taken in. A database that is away has none: the next look is a second later."""
    try:
        return stores(settings).alerts.unread()
    except Unavailable:
        return False


@lru_cache(maxsize=8)
def engine(url: str) -> Engine:
    """Connect to the results database behind `url` once per process, and bring its tables up to date."""
    from pegel.store.database import connect, migrate

    opened = connect(url)
    migrate(opened)
    return opened


def _chosen(name: str, local: str, variable: str, settings: Settings) -> Any:
    """Build the backend called `name`: `local`, or `module:factory` of an installed package, given the settings."""
    module, _, factory = (local if name == "local" else name).partition(":")
    try:
        build = getattr(importlib.import_module(module), factory)
    except (ImportError, AttributeError, ValueError) as error:
        raise SetupError(
            f"{variable}: expected `local` or `module:factory`, given {name!r}: {error}. Nothing was started."
        ) from error
    return build(settings)
