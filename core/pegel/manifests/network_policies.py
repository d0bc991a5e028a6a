"""Who may talk to whom in Pegel's namespace: nobody but those named here. Policies of others stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pegel.manifests import explaining_worker, exporter_deployment, labels
from pegel.manifests.logger_deployment import selector
from pegel.manifests.objects import NETWORK_POLICY, Manifest
from pegel.manifests.spark_application import METRICS_PORT
from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings

NAMESPACE_NAME = "kubernetes.io/metadata.name"
SERVED = "serving.kserve.io/inferenceservice"
"""Label of every pod of an InferenceService, its agent's included."""
_ROLES = [
    *(labels.DRIVER, labels.BASELINE, labels.WRITE_BACK),
    *(labels.ARCHIVE, labels.ARCHIVE_CHECKS, labels.READ_TABLES, labels.TRUE_OUTCOMES),
]
JOBS = {"matchExpressions": [{"key": labels.ROLE, "operator": "In", "values": _ROLES}]}
"""Pods of drivers, executors and finite jobs."""
KAFKA_PORTS = (9092, 9093)
DATABASE_PORT = 5432
HTTP_PORT = 80
HTTPS_PORTS = (443, 6443)
"""Of the API server, and of stores of models and training data."""


def default_deny(cluster: ClusterSettings) -> Manifest:
    """Return the rule that holds where no other does: pods of ours talk to nobody."""
    return _policy("pegel-default-deny", cluster, {"matchLabels": dict(labels.OURS)}, ["Ingress", "Egress"])


def name_service(cluster: ClusterSettings) -> Manifest:
    """Let pods of ours ask for addresses."""
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    return _policy(
        "pegel-dns",
        cluster,
        {"matchLabels": dict(labels.OURS)},
        ["Egress"],
        egress=[{"to": [{"namespaceSelector": {}}], "ports": ports}],
    )


def logger(cluster: ClusterSettings) -> Manifest:
    """Let the logger be told by pods of InferenceServices in namespaces of models alone, and tell the broker."""
    senders = {
        "namespaceSelector": {
            "matchExpressions": [
                {"key": NAMESPACE_NAME, "operator": "In", "values": list(cluster.allowed_namespaces)},
            ]
        },
        "podSelector": {"matchExpressions": [{"key": SERVED, "operator": "Exists"}]},
    }
    return _policy(
        "pegel-logger",
        cluster,
        {"matchLabels": selector()},
        ["Ingress", "Egress"],
        ingress=[{"from": [senders], "ports": _ports(names.LOGGER_PORT)}],
        egress=[_to_broker(cluster), *_to_traces(cluster)],
    )


def jobs(cluster: ClusterSettings) -> Manifest:
    """Let drivers and their executors talk to each other, to the broker, the database and the API server."""
    return _policy(
        "pegel-jobs",
        cluster,
        JOBS,
        ["Ingress", "Egress"],
        ingress=[{"from": [{"podSelector": JOBS}]}],
        egress=[
            {"to": [{"podSelector": JOBS}]},
            _to_broker(cluster),
            {"ports": _ports(DATABASE_PORT)},
            {"ports": _ports(*HTTPS_PORTS)},
            *_to_traces(cluster),
        ],
    )


def workers(cluster: ClusterSettings) -> Manifest:
    """Let attribution workers talk to the broker, the database and the store of models."""
    return _policy(
        "pegel-attribution",
        cluster,
        {"matchLabels": explaining_worker.selector()},
        ["Egress"],
        egress=[_to_broker(cluster), {"ports": _ports(DATABASE_PORT)}, {"ports": _ports(HTTPS_PORTS[0])}],
    )


def exporter(cluster: ClusterSettings) -> Manifest:
    """Let the exporter talk to the database, and to nobody else."""
    return _policy(
        "pegel-exporter",
        cluster,
        {"matchLabels": exporter_deployment.selector()},
        ["Egress"],
        egress=[{"ports": _ports(DATABASE_PORT)}],
    )


def scraping(cluster: ClusterSettings, namespace: str) -> list[Manifest]:
    """Let the Prometheus of a namespace read the metrics of logger, drivers, workers and exporter."""
    sources = [{"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: namespace}}}]
    return [
        _policy(
            f"pegel-scrape-{component}",
            cluster,
            pods,
            ["Ingress"],
            ingress=[{"from": sources, "ports": _ports(port)}],
        )
        for component, pods, port in (
            ("logger", {"matchLabels": selector()}, names.LOGGER_PORT),
            ("jobs", JOBS, METRICS_PORT),
            ("attribution", {"matchLabels": explaining_worker.selector()}, names.WORKER_PORT),
            ("exporter", {"matchLabels": exporter_deployment.selector()}, names.EXPORTER_PORT),
        )
    ]


def _to_broker(cluster: ClusterSettings) -> dict[str, Any]:
    """Return the way to the brokers of Strimzi's Kafka in the same namespace."""
    broker = {"podSelector": {"matchLabels": {"strimzi.io/cluster": cluster.kafka_cluster}}}
    return {"to": [broker], "ports": _ports(*KAFKA_PORTS)}


def _to_traces(cluster: ClusterSettings) -> list[dict[str, Any]]:
    """Return the way to the receiver of spans, wherever it is; none without one."""
    if cluster.traces_url is None:
        return []
    address = urlsplit(cluster.traces_url)
    return [{"ports": _ports(address.port or (HTTPS_PORTS[0] if address.scheme == "https" else HTTP_PORT))}]


def _ports(*numbers: int) -> list[dict[str, Any]]:
    return [{"protocol": "TCP", "port": number} for number in numbers]


def _policy(
    name: str, cluster: ClusterSettings, pods: Mapping[str, Any], types: list[str], **ways: list[dict[str, Any]]
) -> Manifest:
    return NETWORK_POLICY.manifest(
        name,
        cluster.namespace,
        labels=labels.OURS,
        spec={"podSelector": dict(pods), "policyTypes": types, **ways},
    )
