"""Small custom objects, and how they are applied, for tests of what a cluster does with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubernetes.client import CustomObjectsApi

from pegel.manifests.objects import INFERENCE_SERVICE, SPARK_APPLICATION, ObjectKind

APPLY = "application/apply-patch+yaml"
Object = dict[str, Any]


def at(kind: ObjectKind, namespace: str) -> dict[str, str]:
    """Return the client's arguments that name a kind in a namespace."""
    return {"group": kind.group, "version": kind.version, "plural": kind.plural, "namespace": namespace}


def body_of(kind: ObjectKind, name: str, spec: Mapping[str, Any], **metadata: Any) -> Object:
    """Return an object of a kind."""
    named = {"name": name, **metadata}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": named, "spec": dict(spec)}


def inference_service(name: str, *, uri: str = "s3://models/delays", **metadata: Any) -> Object:
    """Return an InferenceService of a scikit-learn model."""
    model = {"modelFormat": {"name": "sklearn"}, "storageUri": uri}
    return body_of(INFERENCE_SERVICE, name, {"predictor": {"model": model}}, **metadata)


def spark_application(name: str, **metadata: Any) -> Object:
    """Return a SparkApplication of one Python program."""
    spec = {
        "type": "Python",
        "mode": "cluster",
        "sparkVersion": "4.1.2",
        "mainApplicationFile": "local:///opt/pegel/monitor.py",
        "restartPolicy": {"type": "OnFailure", "onFailureRetries": 3, "onFailureRetryInterval": 1},
        "driver": {"cores": 1, "memory": "512m"},
        "executor": {"instances": 1, "cores": 1, "memory": "512m"},
    }
    return body_of(SPARK_APPLICATION, name, spec, **metadata)


def apply(
    custom: CustomObjectsApi,
    kind: ObjectKind,
    namespace: str,
    body: Object,
    *,
    manager: str = "tests",
    force: bool = False,
) -> Any:
    """Apply an object on the server's side, and return what the client does: None when it was created."""
    return custom.patch_namespaced_custom_object(
        **at(kind, namespace),
        name=body["metadata"]["name"],
        body=body,
        field_manager=manager,
        force=force,
        _content_type=APPLY,
    )


def read(custom: CustomObjectsApi, kind: ObjectKind, namespace: str, name: str) -> Any:
    """Return an object as the server has it."""
    return custom.get_namespaced_custom_object(**at(kind, namespace), name=name)


def set_status(custom: CustomObjectsApi, kind: ObjectKind, namespace: str, name: str, status: Mapping[str, Any]) -> Any:
    """Merge into an object's status, as its controller does."""
    return custom.patch_namespaced_custom_object_status(
        **at(kind, namespace), name=name, body={"status": dict(status)}, _content_type="application/merge-patch+json"
    )
