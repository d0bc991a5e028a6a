"""The inference logger as pods: small, many if need be, and never all gone at once."""

from __future__ import annotations

from typing import Any

from pegel.manifests import labels, pods
from pegel.manifests.objects import DEPLOYMENT, Manifest
from pegel.spec import names
from pegel.spec.cluster_fields import mebibytes
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.limits import SERVICE_GRACE

SPOOL = "/var/spool/pegel"
MOST_CPU = "2"
BESIDE_SPOOL_MIB = 128
"""Of disk: what is in memory lies beside the spool, too."""


def logger_deployment(cluster: ClusterSettings, kafka: str) -> Manifest:
    """Return the logger's pods; `kafka`: bootstrap servers, comma separated host:port.

    The number of replicas is the autoscaler's, so it is not stated: applying the object again would undo what it did.
    """
    marks = labels.of_component(labels.LOGGER)
    pod = {
        "serviceAccountName": cluster.logger_service_account,
        **pods.without_token(),
        "enableServiceLinks": False,
        **pods.pull_secrets(cluster),
        "securityContext": pods.pod_security(),
        # Longer than it takes to hand events on, so that only a disk that is gone loses any.
        "terminationGracePeriodSeconds": round(3 * SERVICE_GRACE.total_seconds()),
        "topologySpreadConstraints": [_spread("kubernetes.io/hostname"), _spread("topology.kubernetes.io/zone")],
        "volumes": [
            pods.volume("tmp", "64Mi"),
            pods.volume("spool", f"{mebibytes(cluster.logger_spool) + BESIDE_SPOOL_MIB}Mi"),
        ],
        "containers": [_container(cluster, kafka)],
    }
    return DEPLOYMENT.manifest(
        names.LOGGER_SERVICE,
        cluster.namespace,
        labels=marks,
        spec={
            "selector": {"matchLabels": selector()},
            # One more before one less: events of a moment without any logger are lost.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": marks}, "spec": pod},
        },
    )


def selector() -> dict[str, str]:
    """Return the labels by which the logger's pods are known."""
    return {labels.PART_OF: names.MANAGED_BY, labels.COMPONENT: labels.LOGGER}


def _container(cluster: ClusterSettings, kafka: str) -> dict[str, Any]:
    return {
        "name": labels.LOGGER,
        "image": cluster.serving_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "pegel_serving.logger"],
        "args": [
            f"--kafka={kafka}",
            "--host=0.0.0.0",
            f"--port={names.LOGGER_PORT}",
            f"--spool={SPOOL}",
            f"--spool-mib={mebibytes(cluster.logger_spool)}",
        ],
        **({"env": pods.traces(cluster)} if cluster.traces_url else {}),
        **pods.all_of_secret(cluster.kafka_secret, pods.traces_secret(cluster)),
        "ports": [{"name": "http", "containerPort": names.LOGGER_PORT}],
        "startupProbe": _probe("/livez", period=2, failures=30),
        "livenessProbe": _probe("/livez", period=10, failures=6),
        "readinessProbe": _probe("/readyz", period=5, failures=2),
        "resources": {
            "requests": {"cpu": cluster.logger_cpu, "memory": cluster.logger_memory},
            "limits": {"cpu": MOST_CPU, "memory": cluster.logger_memory},
        },
        "securityContext": pods.container_security(),
        "volumeMounts": [pods.mount("tmp", pods.TMP), pods.mount("spool", SPOOL)],
    }


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 2,
        "failureThreshold": failures,
    }


def _spread(key: str) -> dict[str, Any]:
    """Return the wish, not the demand, that replicas do not stand together."""
    return {
        "maxSkew": 1,
        "topologyKey": key,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector()},
    }
