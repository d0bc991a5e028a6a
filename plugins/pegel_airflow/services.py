"""The services that tasks and page use, each chosen by the settings: the database, the feature store, two backends.

Everything heavy is imported where it is used, because workflow files import this module each time they are parsed.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from pegel.errors import SetupError, Unavailable
from pegel.spec.settings import KSERVE, KUBERNETES, LOCAL

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from pegel.featurestore.feature_store import FeatureStore
    from pegel.reconcile.job_backend import JobBackend
    from pegel.reconcile.serving_backend import EndpointStatus, ServingBackend
    from pegel.reconcile.worker_backend import WorkerBackend
    from pegel.spec.settings import Settings
    from pegel.store.action_log import ActionLog
    from pegel.store.alert_history import AlertHistory
    from pegel.store.alert_store import AlertStore
    from pegel.store.baseline_store import BaselineStore
    from pegel.store.digest_times import DigestTimes
    from pegel.store.dispatch_failures import DispatchFailures
    from pegel.store.health_alerts import HealthAlerts
    from pegel.store.job_results import JobResults
    from pegel.store.label_store import LabelStore
    from pegel.store.last_mails import LastMails
    from pegel.store.long_span_store import LongSpanStore
    from pegel.store.passes import Passes
    from pegel.store.refresh_store import RefreshStore
    from pegel.store.refresh_tries import RefreshTries
    from pegel.store.registry import Registry
    from pegel.store.results import Results
    from pegel.store.silence_store import SilenceStore
    from pegel.store.table_reads import TableReads

JOB_BACKENDS = {
    LOCAL: "pegel_local.backends.driver_processes:LocalJobBackend",
    KUBERNETES: "pegel_airflow.kubernetes.spark_backend:from_settings",
}
SERVING_BACKENDS = {
    LOCAL: "pegel_local.backends.endpoint_processes:LocalServingBackend",
    KSERVE: "pegel_airflow.kubernetes.kserve_backend:from_settings",
}

WORKER_BACKENDS = {LOCAL: "pegel_local.backends.worker_processes:LocalWorkerBackend"}
"""What runs attribution workers, by the name of the job backend; in a cluster Kubernetes does, from a manifest."""

PARTS = {LOCAL: "pegel_local.system.ended_parts:EndedParts"}
"""What looks after the parts around models; in a cluster Kubernetes does."""


class PartsAround(Protocol):
    """The parts that every model needs beside its endpoint and its driver: broker, logger."""

    @property
    def words(self) -> tuple[str, ...]:
        """Return what is wrong around every model for want of them, in words."""
        ...

    def start_again(self) -> list[str]:
        """Start those that have ended; return their names. Raises PegelError."""
        ...


@dataclass(frozen=True, slots=True)
class Stores:
    """The faces of the results database."""

    registry: Registry
    results: Results
    alerts: AlertStore
    actions: ActionLog
    baselines: BaselineStore
    refreshes: RefreshStore
    refresh_tries: RefreshTries
    failures: DispatchFailures
    jobs: JobResults
    labels: LabelStore
    health: HealthAlerts
    tables: TableReads
    last_mails: LastMails
    digests: DigestTimes
    history: AlertHistory
    long_spans: LongSpanStore
    passes: Passes
    silences: SilenceStore


def stores(settings: Settings) -> Stores:
    """Open the results database, with its tables up to date. Raises Unavailable or SetupError."""
    from pegel.store.action_log import ActionLog
    from pegel.store.alert_history import AlertHistory
    from pegel.store.alert_store import AlertStore
    from pegel.store.baseline_store import BaselineStore
    from pegel.store.digest_times import DigestTimes
    from pegel.store.dispatch_failures import DispatchFailures
    from pegel.store.health_alerts import HealthAlerts
    from pegel.store.job_results import JobResults
    from pegel.store.label_store import LabelStore
    from pegel.store.last_mails import LastMails
    from pegel.store.long_span_store import LongSpanStore
    from pegel.store.passes import Passes
    from pegel.store.refresh_store import RefreshStore
    from pegel.store.refresh_tries import RefreshTries
    from pegel.store.registry import Registry
    from pegel.store.results import Results
    from pegel.store.silence_store import SilenceStore
    from pegel.store.table_reads import TableReads

    opened = engine(settings.database)
    return Stores(
        registry=Registry(opened),
        results=Results(opened),
        alerts=AlertStore(opened),
        actions=ActionLog(opened),
        baselines=BaselineStore(opened),
        refreshes=RefreshStore(opened),
        refresh_tries=RefreshTries(opened),
        failures=DispatchFailures(opened),
        jobs=JobResults(opened),
        labels=LabelStore(opened),
        health=HealthAlerts(opened),
        tables=TableReads(opened),
        last_mails=LastMails(opened),
        digests=DigestTimes(opened),
        history=AlertHistory(opened),
        long_spans=LongSpanStore(opened),
        passes=Passes(opened),
        silences=SilenceStore(opened),
    )


def features(settings: Settings) -> FeatureStore:
    """Open the feature store."""
    from pegel.featurestore.local_feature_store import LocalFeatureStore

    return LocalFeatureStore(settings.features)


def jobs(settings: Settings) -> JobBackend:
    """Return what runs streaming drivers. Raises SetupError if the name in the settings leads nowhere."""
    backend: JobBackend = _chosen(settings.job_backend, JOB_BACKENDS, "PEGEL_JOB_BACKEND", settings)
    return backend


def workers(settings: Settings) -> WorkerBackend | None:
    """Return what runs attribution workers, where reconciling does; None where somebody else does."""
    if settings.job_backend not in WORKER_BACKENDS:
        return None
    backend: WorkerBackend = _chosen(settings.job_backend, WORKER_BACKENDS, "PEGEL_JOB_BACKEND", settings)
    return backend


def serving(settings: Settings) -> ServingBackend:
    """Return what runs model servers. Raises SetupError if the name in the settings leads nowhere."""
    backend: ServingBackend = _chosen(settings.serving_backend, SERVING_BACKENDS, "PEGEL_SERVING_BACKEND", settings)
    return backend


def parts(settings: Settings) -> PartsAround | None:
    """Return what looks after the parts around models, where Pegel has to: next to model servers of this machine."""
    if settings.serving_backend not in PARTS:
        return None
    around: PartsAround = _chosen(settings.serving_backend, PARTS, "PEGEL_SERVING_BACKEND", settings)
    return around


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


def _chosen(name: str, known: Mapping[str, str], variable: str, settings: Settings) -> Any:
    """Build the backend called `name`: a known one, or `module:factory` of an installed package, given the settings."""
    module, _, factory = known.get(name, name).partition(":")
    try:
        build = getattr(importlib.import_module(module), factory)
    except (ImportError, AttributeError, ValueError) as error:
        raise SetupError(
            f"{variable}: expected {', '.join(f'`{each}`' for each in known)} or `module:factory`, given {name!r}: "
            f"{error}. Nothing was started."
        ) from error
    return build(settings)
