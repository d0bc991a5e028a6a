"""How many loggers there are: as many as work asks for, and one of them at least whatever happens to nodes."""

from __future__ import annotations

from pegel.manifests import labels
from pegel.manifests.logger_deployment import selector
from pegel.manifests.objects import AUTOSCALER, DEPLOYMENT, DISRUPTION_BUDGET, Manifest
from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings

BUSY_PERCENT = 60
"""Of the processor time asked for. Slow loggers fill the memory of the models' pods, so there is much room above."""


def logger_autoscaler(cluster: ClusterSettings) -> Manifest:
    """Return the autoscaler; it goes up at once, and down after five minutes of little work."""
    busy = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": BUSY_PERCENT}}
    return AUTOSCALER.manifest(
        names.LOGGER_SERVICE,
        cluster.namespace,
        labels=labels.of_component(labels.LOGGER),
        spec={
            "scaleTargetRef": {
                "apiVersion": DEPLOYMENT.api_version,
                "kind": DEPLOYMENT.name,
                "name": names.LOGGER_SERVICE,
            },
            "minReplicas": cluster.logger_replicas,
            "maxReplicas": max(cluster.logger_replicas, cluster.logger_replicas_most),
            "metrics": [{"type": "Resource", "resource": busy}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
        },
    )


def logger_disruption(cluster: ClusterSettings) -> Manifest:
    """Return the bound on what may be evicted at the same time: one replica."""
    return DISRUPTION_BUDGET.manifest(
        names.LOGGER_SERVICE,
        cluster.namespace,
        labels=labels.of_component(labels.LOGGER),
        spec={"maxUnavailable": 1, "selector": {"matchLabels": selector()}},
    )
