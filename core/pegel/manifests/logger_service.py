"""The one address that endpoints of every namespace post to."""

from __future__ import annotations

from pegel.manifests import labels
from pegel.manifests.logger_deployment import selector
from pegel.manifests.objects import SERVICE, Manifest
from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings


def logger_service(cluster: ClusterSettings) -> Manifest:
    """Return the logger's Service; any replica takes any event."""
    return SERVICE.manifest(
        names.LOGGER_SERVICE,
        cluster.namespace,
        labels=labels.of_component(labels.LOGGER),
        spec={
            "selector": selector(),
            "ports": [{"name": "http", "port": names.LOGGER_PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    )
