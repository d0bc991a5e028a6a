"""The exporter in a cluster: one pod that reads the results database, and the Service at which Prometheus finds it."""

from __future__ import annotations

from typing import Any

from pegel.manifests import labels, pods
from pegel.manifests.objects import DEPLOYMENT, SERVICE, Manifest
from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings

CPU, MEMORY = "50m", "512Mi"
MOST_CPU = "1"


def exporter_deployment(cluster: ClusterSettings) -> Manifest:
    """Return the exporter: one replica, for each sample is there once. It writes nothing and asks the cluster nothing.

    Its address of the database is that of everybody; a role that may read the views suffices.
    """
    marks = labels.of_component(labels.EXPORTER)
    pod = {
        "serviceAccountName": cluster.logger_service_account,
        **pods.without_token(),
        "enableServiceLinks": False,
        **pods.pull_secrets(cluster),
        "securityContext": pods.pod_security(),
        "volumes": [pods.volume("tmp", "64Mi")],
        "containers": [_container(cluster)],
    }
    return DEPLOYMENT.manifest(
        names.EXPORTER_OBJECT,
        cluster.namespace,
        labels=marks,
        spec={
            "replicas": 1,
            "selector": {"matchLabels": selector()},
            "template": {"metadata": {"labels": marks}, "spec": pod},
        },
    )


def exporter_service(cluster: ClusterSettings) -> Manifest:
    """Return the address at which `/metrics` and `/healthz` are asked for."""
    return SERVICE.manifest(
        names.EXPORTER_OBJECT,
        cluster.namespace,
        labels=labels.of_component(labels.EXPORTER),
        spec={
            "selector": selector(),
            "ports": [{"name": "metrics", "port": names.EXPORTER_PORT, "targetPort": "metrics", "protocol": "TCP"}],
        },
    )


def selector() -> dict[str, str]:
    """Return the labels by which its pod and its Service are known."""
    return {labels.PART_OF: names.MANAGED_BY, labels.COMPONENT: labels.EXPORTER}


def _container(cluster: ClusterSettings) -> dict[str, Any]:
    return {
        "name": labels.EXPORTER,
        "image": cluster.serving_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["pegel", "exporter"],
        "args": ["--host=0.0.0.0", f"--port={names.EXPORTER_PORT}"],
        "env": [
            {"name": "PEGEL_HOME", "value": pods.TMP},
            pods.from_secret("PEGEL_DATABASE_URL", cluster.database_secret, "url"),
        ],
        "ports": [{"name": "metrics", "containerPort": names.EXPORTER_PORT}],
        # Not /healthz: that Airflow is dead is told by it, and no reason to start the exporter again.
        "startupProbe": pods.probe("/livez", period=5, failures=24),
        "livenessProbe": pods.probe("/livez", period=20, failures=6),
        "readinessProbe": pods.probe("/livez", period=10, failures=3),
        "resources": {
            "requests": {"cpu": CPU, "memory": MEMORY},
            "limits": {"cpu": MOST_CPU, "memory": MEMORY},
        },
        "securityContext": pods.container_security(),
        "volumeMounts": [pods.mount("tmp", pods.TMP)],
    }
