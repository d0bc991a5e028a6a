"""Who may do what, in named namespaces alone: no rule has a wildcard, and none holds for the whole cluster."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pegel.manifests import labels
from pegel.manifests.objects import (
    CONFIG_MAP,
    INFERENCE_SERVICE,
    POD,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    SPARK_APPLICATION,
    Manifest,
    ObjectKind,
)
from pegel.spec.cluster_settings import ClusterSettings

MANAGE = ("get", "list", "watch", "create", "patch", "delete")
"""Server-side apply creates with `patch`, and needs `create` for it."""
PROVISIONER, RECONCILER = "pegel-provisioner", "pegel-reconciler"


def rule(kind: ObjectKind, verbs: Sequence[str]) -> dict[str, Any]:
    """Return what may be done with objects of a kind."""
    return {"apiGroups": [kind.group], "resources": [kind.plural], "verbs": list(verbs)}


def provisioner(namespace: str) -> Manifest:
    """Return the role of who serves models in a namespace."""
    return _role(PROVISIONER, namespace, [rule(INFERENCE_SERVICE, MANAGE)])


def reconciler(cluster: ClusterSettings) -> Manifest:
    """Return the role of who starts and ends drivers and finite jobs, and sees whether their pods have gone."""
    rules = [rule(SPARK_APPLICATION, MANAGE), rule(CONFIG_MAP, MANAGE), rule(POD, ["get", "list"])]
    return _role(RECONCILER, cluster.namespace, rules)


def driver(cluster: ClusterSettings) -> Manifest:
    """Return the role of a driver: its executors, the Service by which they find it, and their configuration."""
    verbs = [*MANAGE, "deletecollection"]
    rules = [rule(kind, verbs) for kind in (POD, SERVICE, CONFIG_MAP)]
    return _role(cluster.driver_service_account, cluster.namespace, rules)


def provisioners(cluster: ClusterSettings) -> list[Manifest]:
    """Return the bindings of Airflow's service accounts: to every namespace of models, and to Pegel's own."""
    subjects = [(account, cluster.airflow_namespace) for account in cluster.provisioners]
    return [
        *(binding(PROVISIONER, namespace, subjects) for namespace in cluster.allowed_namespaces),
        binding(RECONCILER, cluster.namespace, subjects),
    ]


def driver_binding(cluster: ClusterSettings) -> Manifest:
    """Return the binding of the drivers' service account."""
    account = cluster.driver_service_account
    return binding(account, cluster.namespace, [(account, cluster.namespace)])


def binding(role: str, namespace: str, subjects: Iterable[tuple[str, str]]) -> Manifest:
    """Return the binding of service accounts, each with its namespace, to a role of the same name."""
    return ROLE_BINDING.manifest(
        role,
        namespace,
        labels=labels.OURS,
        roleRef={"apiGroup": ROLE.group, "kind": ROLE.name, "name": role},
        subjects=[{"kind": "ServiceAccount", "name": name, "namespace": place} for name, place in subjects],
    )


def _role(name: str, namespace: str, rules: list[dict[str, Any]]) -> Manifest:
    return ROLE.manifest(name, namespace, labels=labels.OURS, rules=rules)
