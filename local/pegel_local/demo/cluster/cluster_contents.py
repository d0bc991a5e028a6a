"""What an installation puts into a cluster before anything is watched: namespaces, accounts with rights, one Secret."""

from __future__ import annotations

import base64
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException
from kubernetes.utils import FailToCreateError, create_from_dict

from pegel.manifests.installation import installation
from pegel.spec.cluster_settings import ClusterSettings
from pegel_local.processes.private_files import private_umask

ACCOUNT = "airflow-worker"
"""The account of Airflow that tasks and triggers use here."""
INSTALLED = (
    "base/namespace.yaml",
    "base/roles.yaml",
    "components/airflow/bindings.yaml",
    "components/spark-operator/driver-role.yaml",
)
"""Files of the installation whose objects an API server without nodes has a use for."""
TOKEN_S = 4 * 3600


def fill(admin: ApiClient, cluster: ClusterSettings, *, database_url: str, kubeconfig: Path) -> None:
    """Create what is not there yet, and write the `kubeconfig` of Airflow's account."""
    core = client.CoreV1Api(admin)
    for name in (cluster.airflow_namespace, *cluster.allowed_namespaces):
        _unless_there(core.create_namespace, {"metadata": {"name": name}})
    for name in cluster.provisioners:
        _unless_there(core.create_namespaced_service_account, cluster.airflow_namespace, {"metadata": {"name": name}})
    files = installation(cluster)
    for manifest in (manifest for file in INSTALLED for manifest in files[file]):
        _unless_there(create_from_dict, admin, manifest)
    secret = {"metadata": {"name": cluster.database_secret}, "stringData": {"url": database_url}}
    _unless_there(core.create_namespaced_secret, cluster.namespace, secret)
    _write_kubeconfig(admin, cluster, kubeconfig)


def _unless_there(create: Callable[..., Any], *arguments: Any) -> None:
    try:
        create(*arguments)
    except ApiException as error:
        if error.status != HTTPStatus.CONFLICT:
            raise
    except FailToCreateError as failure:
        if any(error.status != HTTPStatus.CONFLICT for error in failure.api_exceptions):
            raise


def _write_kubeconfig(admin: ApiClient, cluster: ClusterSettings, path: Path) -> None:
    request = {"spec": {"expirationSeconds": TOKEN_S, "audiences": None}}
    core = client.CoreV1Api(admin)
    answer = core.create_namespaced_service_account_token(ACCOUNT, cluster.airflow_namespace, request)
    settings = admin.configuration
    authority = base64.b64encode(Path(settings.ssl_ca_cert).read_bytes()).decode()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": settings.host, "certificate-authority-data": authority}}],
        "users": [{"name": ACCOUNT, "user": {"token": answer.status.token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": ACCOUNT}}],
        "current-context": "c",
    }
    with private_umask():
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
