"""The runtime of models that a folder holds as `pegel model init` writes them: our own model server, on KServe's."""

from __future__ import annotations

from pegel.manifests import labels, pods
from pegel.manifests.objects import SERVING_RUNTIME, Manifest
from pegel.spec import names
from pegel.spec.cluster_settings import ClusterSettings

PORT = 8080


def serving_runtime(cluster: ClusterSettings) -> Manifest:
    """Return the runtime; KServe puts the model's folder to `/mnt/models` before it starts.

    It is chosen by its name alone: models of others keep the runtime that they have.
    """
    resources = {"cpu": "1", "memory": "1Gi"}
    return SERVING_RUNTIME.manifest(
        names.RUNTIME,
        None,
        labels=labels.of_component("runtime"),
        spec={
            "annotations": {"prometheus.kserve.io/port": str(PORT), "prometheus.kserve.io/path": "/metrics"},
            "protocolVersions": ["v1", "v2"],
            "supportedModelFormats": [{"name": "sklearn", "version": "1", "autoSelect": False}],
            "containers": [
                {
                    "name": "kserve-container",
                    "image": cluster.serving_image,
                    "command": ["python", "-m", "pegel_serving.server"],
                    "args": ["--model-dir=/mnt/models", "--name={{.Name}}", "--host=0.0.0.0", f"--port={PORT}"],
                    "ports": [{"containerPort": PORT, "protocol": "TCP"}],
                    "resources": {"requests": resources, "limits": resources},
                    "securityContext": pods.container_security(),
                }
            ],
        },
    )
