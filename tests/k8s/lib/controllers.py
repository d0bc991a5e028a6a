"""Whether somebody acts on InferenceServices and SparkApplications in a cluster: found out by what becomes of two."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import Any

from kubernetes import client
from kubernetes.client import ApiClient, CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from objects import at, inference_service, read, spark_application
from waiting import wait_until

from pegel.manifests.objects import INFERENCE_SERVICE, SPARK_APPLICATION, ObjectKind

WITHIN_S = 15.0
"""A controller that runs takes up a new object within a second or two; one that leads anew after its own restart takes
longer."""
BODIES = ((INFERENCE_SERVICE, inference_service("probe")), (SPARK_APPLICATION, spark_application("probe")))


def controllers(admin: ApiClient) -> list[str]:
    """Name the kinds that a controller or a webhook of the cluster acts on, in a namespace that is made for it."""
    core, custom = client.CoreV1Api(admin), CustomObjectsApi(admin)
    namespace = f"pegel-test-{secrets.token_hex(4)}"
    core.create_namespace({"metadata": {"name": namespace, "labels": {"pegel-test": "true"}}})
    try:
        acted_on = {kind.name for kind, body in BODIES if not _is_kept(custom, kind, namespace, body)}

        def are_all() -> bool:
            acted_on.update(kind.name for kind, _ in BODIES if _is_acted_on(custom, kind, namespace))
            return len(acted_on) == len(BODIES)

        wait_until(are_all, within_s=WITHIN_S)
        return sorted(acted_on)
    finally:
        core.delete_namespace(namespace)


def _is_kept(custom: CustomObjectsApi, kind: ObjectKind, namespace: str, body: dict[str, Any]) -> bool:
    """Create an object and say whether it is kept as it was given: no webhook refuses or changes it.

    Raises ApiException where the cluster does not know the kind.
    """
    try:
        created = custom.create_namespaced_custom_object(**at(kind, namespace), body=body)
    except ApiException as error:
        if error.status == HTTPStatus.NOT_FOUND:
            raise
        return False
    return bool(created["spec"] == body["spec"])


def _is_acted_on(custom: CustomObjectsApi, kind: ObjectKind, namespace: str) -> bool:
    """Say whether an object has a status or a finalizer, which only a controller gives it."""
    try:
        seen = read(custom, kind, namespace, "probe")
    except ApiException:
        return False
    return "status" in seen or "finalizers" in seen["metadata"]
