"""Who our pods are to the cluster."""

from __future__ import annotations

from pegel.manifests import labels
from pegel.manifests.objects import SERVICE_ACCOUNT, Manifest
from pegel.spec.cluster_settings import ClusterSettings


def logger_account(cluster: ClusterSettings) -> Manifest:
    """Return the logger's: it asks nothing of the cluster, and has no token to do so."""
    return SERVICE_ACCOUNT.manifest(
        cluster.logger_service_account,
        cluster.namespace,
        labels=labels.of_component(labels.LOGGER),
        automountServiceAccountToken=False,
    )


def driver_account(cluster: ClusterSettings) -> Manifest:
    """Return the drivers': they start their executors."""
    return SERVICE_ACCOUNT.manifest(
        cluster.driver_service_account, cluster.namespace, labels=labels.of_component(labels.DRIVER)
    )
