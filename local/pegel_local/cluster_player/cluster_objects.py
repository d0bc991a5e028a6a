"""What the player reads and writes in a cluster: pods, and the objects of the two controllers that it stands for."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from kubernetes import client
from kubernetes.client import ApiClient
from kubernetes.client.exceptions import ApiException

from pegel.manifests.objects import ObjectKind

Object = dict[str, Any]


class ClusterObjects:
    """The objects of every namespace, as plain JSON."""

    def __init__(self, api: ApiClient) -> None:
        """Use a client whose account may do what the controllers may."""
        self._api = api
        self._custom, self._core = client.CustomObjectsApi(api), client.CoreV1Api(api)

    def all_of(self, kind: ObjectKind) -> list[Object]:
        """List the objects of a kind."""
        listed = self._custom.list_cluster_custom_object(kind.group, kind.version, kind.plural)
        items: list[Object] = listed["items"]
        return items

    def set_status(self, kind: ObjectKind, seen: Object, status: Mapping[str, Any]) -> None:
        """Write the status of an object, unless it says so already, or the object is another one by now."""
        if seen.get("status") == status:
            return
        body = {**copy.deepcopy(seen), "status": dict(status)}
        self._custom.replace_namespaced_custom_object_status(
            kind.group, kind.version, namespace_of(seen), kind.plural, name_of(seen), body
        )

    def delete(self, kind: ObjectKind, seen: Object) -> None:
        """Delete this very object. Raises ApiException."""
        options = {"preconditions": {"uid": seen["metadata"]["uid"]}}
        self._custom.delete_namespaced_custom_object(
            kind.group, kind.version, namespace_of(seen), kind.plural, name_of(seen), body=options
        )

    def pods(self) -> list[Object]:
        """List the pods."""
        return [self._plain(pod) for pod in self._core.list_pod_for_all_namespaces().items]

    def create_pod(self, body: Object) -> None:
        """Create a pod. Raises ApiException."""
        self._core.create_namespaced_pod(namespace_of(body), body)

    def create_config_map(self, body: Object) -> None:
        """Create a ConfigMap. Raises ApiException."""
        self._core.create_namespaced_config_map(namespace_of(body), body)

    def set_pod_status(self, seen: Object, status: Mapping[str, Any]) -> None:
        """Merge into a pod's status, unless it says so already."""
        known = seen.get("status", {})
        if any(known.get(key) != value for key, value in status.items()):
            self._core.patch_namespaced_pod_status(name_of(seen), namespace_of(seen), {"status": dict(status)})

    def delete_pod(self, seen: Object, *, at_once: bool = False) -> None:
        """Ask a pod to end; `at_once`: it has, and its object goes. A pod that is gone is not an error."""
        options = {"preconditions": {"uid": seen["metadata"]["uid"]}}
        try:
            self._core.delete_namespaced_pod(
                name_of(seen), namespace_of(seen), body=options | ({"gracePeriodSeconds": 0} if at_once else {})
            )
        except ApiException as error:
            if error.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                raise

    def secret(self, namespace: str, name: str) -> Object:
        """Return a Secret, its values still in base64. Raises ApiException."""
        return self._plain(self._core.read_namespaced_secret(name, namespace))

    def config_map(self, namespace: str, name: str) -> Object:
        """Return a ConfigMap. Raises ApiException."""
        return self._plain(self._core.read_namespaced_config_map(name, namespace))

    def _plain(self, answer: Any) -> Object:
        plain: Object = self._api.sanitize_for_serialization(answer)
        return plain


def name_of(body: Object) -> str:
    """Return an object's name."""
    return str(body["metadata"]["name"])


def namespace_of(body: Object) -> str:
    """Return an object's namespace."""
    return str(body["metadata"]["namespace"])


def owned_by(owner: Object, kind: ObjectKind) -> list[Object]:
    """Return the owner references of what `owner`, of a kind, is the controller of: it goes when the owner goes."""
    return [
        {
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "name": name_of(owner),
            "uid": owner["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]


def is_owned_by(body: Object, owner: Object) -> bool:
    """Say whether `owner` is among the owners of an object."""
    references = body["metadata"].get("ownerReferences", [])
    return any(each["uid"] == owner["metadata"]["uid"] for each in references)
