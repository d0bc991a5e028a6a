"""The attribution worker of a namespace of models as a pod of Pegel's own namespace, where broker and database are.

It reads from the registry while it runs which models are explained, so one object stands for all of them, and no change
of a spec changes it. Kubernetes starts it again where it ends. It asks nothing of the cluster: models that lie in a
store it copies from there itself.
"""

from __future__ import annotations

from typing import Any

from pegel.manifests import labels, pods
from pegel.manifests.objects import DEPLOYMENT, Manifest
from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.limits import SERVICE_GRACE

HOME = "/var/lib/pegel"
"""A volume of the pod with copies of models."""
COPIES = "8Gi"
MOST_CPU = "2"


def worker_deployment(namespace: str, cluster: ClusterSettings, kafka: str) -> Manifest:
    """Return the worker of a namespace of models; `kafka`: bootstrap servers, comma separated host:port.

    One and no more: of two, each would explain the events of half the partitions, and nobody needs that. The one before
    ends first, because what it holds of the group of consumers the next one waits for.
    """
    marks = {**labels.of_component(labels.WORKER), labels.NAMESPACE: namespace}
    pod = {
        "serviceAccountName": cluster.logger_service_account,
        **pods.without_token(),
        "enableServiceLinks": False,
        **pods.pull_secrets(cluster),
        "securityContext": pods.pod_security(),
        "terminationGracePeriodSeconds": round(3 * SERVICE_GRACE.total_seconds()),
        "volumes": [pods.volume("tmp", "1Gi"), pods.volume("home", COPIES)],
        "containers": [_container(namespace, cluster, kafka)],
    }
    return DEPLOYMENT.manifest(
        names.worker_object(namespace),
        cluster.namespace,
        labels=marks,
        spec={
            "replicas": 1,
            "selector": {"matchLabels": {**selector(), labels.NAMESPACE: namespace}},
            "strategy": {"type": "Recreate"},
            "template": {"metadata": {"labels": marks}, "spec": pod},
        },
    )


def selector() -> dict[str, str]:
    """Return the labels by which the pods of all workers are known."""
    return {labels.PART_OF: names.MANAGED_BY, labels.COMPONENT: labels.WORKER}


def _container(namespace: str, cluster: ClusterSettings, kafka: str) -> dict[str, Any]:
    return {
        "name": labels.WORKER,
        "image": cluster.serving_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-m", "pegel_serving.attribution"],
        "args": [f"--namespace={namespace}", "--host=0.0.0.0", f"--port={names.WORKER_PORT}"],
        "env": [
            {"name": "PEGEL_HOME", "value": HOME},
            {"name": "PEGEL_KAFKA", "value": kafka},
            pods.from_secret("PEGEL_DATABASE_URL", cluster.database_secret, "url"),
        ],
        **pods.all_of_secret(cluster.kafka_secret, cluster.store_secret),
        "ports": [{"name": "metrics", "containerPort": names.WORKER_PORT}],
        "startupProbe": pods.probe("/metrics", period=5, failures=24),
        "livenessProbe": pods.probe("/metrics", period=20, failures=6),
        "readinessProbe": pods.probe("/metrics", period=10, failures=3),
        "resources": {
            "requests": {"cpu": cluster.worker_cpu, "memory": cluster.worker_memory},
            "limits": {"cpu": MOST_CPU, "memory": cluster.worker_memory},
        },
        "securityContext": pods.container_security(),
        "volumeMounts": [pods.mount("tmp", pods.TMP), pods.mount("home", HOME)],
    }
