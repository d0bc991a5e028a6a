"""What every pod of ours is held to, so that a namespace may enforce the standard `restricted`."""

from __future__ import annotations

from typing import Any

from pegel.spec.cluster_settings import ClusterSettings

USER = 10001
"""Of the images, see `k8s/images/`."""
TMP = "/tmp"  # noqa: S108  a volume of the pod alone
TRACES = "OTEL_EXPORTER_OTLP_ENDPOINT"


def pod_security() -> dict[str, Any]:
    """Return what holds for a whole pod: no root, the usual filter of system calls."""
    return {
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "fsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> dict[str, Any]:
    """Return what holds for a container: no capabilities, and a root file system that it can only read."""
    return {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def without_token() -> dict[str, Any]:
    """Return the field by which a pod cannot ask the cluster anything. A model's folder may hold code of anybody."""
    return {"automountServiceAccountToken": False}


def volume(name: str, most: str) -> dict[str, Any]:
    """Return an empty folder that ends with the pod; a pod that puts more than `most` into it is evicted."""
    return {"name": name, "emptyDir": {"sizeLimit": most}}


def mount(name: str, path: str, *, read_only: bool = False) -> dict[str, Any]:
    """Return a volume's place in a container."""
    return {"name": name, "mountPath": path, **({"readOnly": True} if read_only else {})}


def from_secret(variable: str, secret: str, key: str) -> dict[str, Any]:
    """Return a variable whose value stands in a Secret: neither a manifest nor a log ever holds it."""
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def pull_secrets(cluster: ClusterSettings) -> dict[str, Any]:
    """Return the field by which images are pulled; nothing where they need no password."""
    secret = cluster.image_pull_secret
    return {} if secret is None else {"imagePullSecrets": [{"name": secret}]}


def all_of_secret(*secrets: str | None) -> dict[str, Any]:
    """Return the field by which each entry of some Secrets is a variable, by reference; nothing without one."""
    named = dict.fromkeys(secret for secret in secrets if secret is not None)
    return {"envFrom": [{"secretRef": {"name": secret}} for secret in named]} if named else {}


def traces(cluster: ClusterSettings) -> list[dict[str, Any]]:
    """Return the variable that says where spans go; none without a receiver."""
    return [] if cluster.traces_url is None else [{"name": TRACES, "value": cluster.traces_url}]


def traces_secret(cluster: ClusterSettings) -> str | None:
    """Return the Secret of the receiver of spans; None without one, and where nothing is traced."""
    return None if cluster.traces_url is None else cluster.traces_secret


def probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    """Return a look at the port `metrics` each `period` seconds, of which so many may fail one after the other."""
    return {
        "httpGet": {"path": path, "port": "metrics"},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
