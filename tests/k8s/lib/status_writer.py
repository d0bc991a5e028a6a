"""Stands for the controllers of KServe and of the Spark operator: it writes the statuses that a test asks for.

By default every InferenceService gets ready and every SparkApplication runs. Nothing is started anywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from kubernetes.client import ApiClient, CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from objects import at, set_status

from pegel.manifests.objects import INFERENCE_SERVICE, SPARK_APPLICATION, ObjectKind

Status = dict[str, Any]
WHEN = "2026-11-29T00:00:00Z"


def ready(name: str, namespace: str) -> Status:
    """Return the status of an InferenceService that serves what it is to serve."""
    return {
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": WHEN}],
        "modelStatus": {"transitionStatus": "UpToDate"},
        "url": f"http://{name}-{namespace}.example.com",
        "address": {"url": f"http://{name}.{namespace}.svc.cluster.local"},
    }


def blocked(transition: str, reason: str, message: str) -> Status:
    """Return the status of one whose model will not be loaded."""
    failure = {"reason": reason, "message": message, "exitCode": 1}
    return {
        "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": WHEN}],
        "modelStatus": {"transitionStatus": transition, "lastFailureInfo": failure},
    }


def job(state: str, error: str = "") -> Status:
    """Return the status of a SparkApplication."""
    return {"applicationState": {"state": state, "errorMessage": error}, "driverInfo": {}}


@dataclass
class StatusWriter:
    """Writes to the objects of one namespace."""

    custom: CustomObjectsApi
    namespace: str
    statuses: dict[str, Status] = field(default_factory=dict)
    """By an object's name, in place of the default."""

    def write(self) -> None:
        """Write every status that is not as it should be."""
        for kind in (INFERENCE_SERVICE, SPARK_APPLICATION):
            for thing in self.custom.list_namespaced_custom_object(**at(kind, self.namespace))["items"]:
                name = thing["metadata"]["name"]
                default = ready(name, self.namespace) if kind is INFERENCE_SERVICE else job("RUNNING")
                self._set(kind, thing, self.statuses.get(name, default))

    def _set(self, kind: ObjectKind, thing: Mapping[str, Any], status: Status) -> None:
        if thing.get("status") != status:
            # It may have gone since it was listed.
            with suppress(ApiException):
                set_status(self.custom, kind, self.namespace, thing["metadata"]["name"], status)


@contextmanager
def writing(admin: ApiClient, namespace: str) -> Iterator[StatusWriter]:
    """Write statuses, again and again, until the end of the block."""
    writer, ended = StatusWriter(CustomObjectsApi(admin), namespace), threading.Event()

    def work() -> None:
        while not ended.wait(0.1):
            writer.write()

    thread = threading.Thread(daemon=True, target=work)
    thread.start()
    try:
        yield writer
    finally:
        ended.set()
        thread.join()
