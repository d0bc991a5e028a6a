"""The backends of a cluster, over Airflow's connection `kubernetes_default`, and what they are asked for."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from pegel.manifests import labels
from pegel.reconcile.job_backend import JobDocument
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.testing.samples import sample_spec
from pegel_airflow.kubernetes.hook import ClusterHook
from pegel_airflow.kubernetes.kserve_backend import KServeBackend
from pegel_airflow.kubernetes.spark_backend import SparkOperatorBackend

CONNECTION = "kubernetes_default"
JOB = JobDocument(group="default", fingerprint="abc", kafka="kafka.pegel:9092")
SELECTOR = labels.SELECTOR


def hook(*, answers_within: timedelta = timedelta(seconds=20)) -> ClusterHook:
    """Return a session through the connection."""
    return ClusterHook(CONNECTION, answers_within=answers_within)


def served(namespace: str, **model: object) -> MonitorSpec:
    """Return a spec whose model a cluster can serve, in that namespace."""
    return sample_spec(namespace=namespace, model={"name": "delays", "uri": "s3://models/delays/7"} | model)


def serving(namespaces: str, session: ClusterHook | None = None) -> KServeBackend:
    """Return the backend of endpoints that may lie in these namespaces, comma separated."""
    cluster = ClusterSettings(model_namespaces=namespaces, namespace=namespaces.partition(",")[0])
    return KServeBackend(_settings(), cluster, session or hook())


def jobs(namespace: str, session: ClusterHook | None = None) -> SparkOperatorBackend:
    """Return the backend of drivers, in that namespace."""
    return SparkOperatorBackend(_settings(), ClusterSettings(namespace=namespace), session or hook())


def _settings() -> Settings:
    return Settings(home=Path(os.environ["PEGEL_HOME"]))
