"""In a cluster: somebody edits the endpoint by hand, and reconciling puts it right."""

from __future__ import annotations

import time

from pegel.manifests.objects import INFERENCE_SERVICE
from pegel_local.demo.cluster.cluster_platform import InCluster
from pegel_local.demo.failure import StageFailed, eventually
from pegel_local.demo.stage import Demo

WITHIN_S = 150.0
"""Two periods of the reconciler, and what a model server takes to start."""
WRONG = "pvc://models/somewhere-else"


def show(demo: Demo) -> str:
    """Point the model's address elsewhere, as with kubectl, and wait until it is as desired, and ready, again."""
    cluster = demo.platform
    if not isinstance(cluster, InCluster):
        raise StageFailed(expected="an endpoint in a cluster", happened="it is a process of this machine")
    name, began = demo.spec.endpoint, time.monotonic()
    change = {"spec": {"predictor": {"model": {"storageUri": WRONG}}}}
    cluster.edit(INFERENCE_SERVICE, cluster.models, name, change)

    def look() -> bool | None:
        seen = cluster.read(INFERENCE_SERVICE, cluster.models, name) or {}
        right = seen["spec"]["predictor"]["model"]["storageUri"] == demo.spec.model.uri
        current = seen.get("status", {}).get("modelStatus", {}).get("transitionStatus") == "UpToDate"
        return True if right and current else None

    eventually(
        look,
        within_s=WITHIN_S,
        expected="the endpoint as desired, and ready",
        happened=lambda: f"{cluster.read(INFERENCE_SERVICE, cluster.models, name)}",
        log=demo.log("airflow-scheduler"),
    )
    seconds = time.monotonic() - began
    demo.facts["edited"] = {"put_right_s": round(seconds, 1)}
    return f"edited by hand, put right and ready after {seconds:.0f} s"
